"""Tells systemd how the daemon is: ready, at work, ending; and that it is alive, while it is.

The protocol of sd_notify(3) is one datagram of ``NAME=value`` lines to the socket that the
environment names, so it needs no library. Where nobody named a socket, nothing is sent.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

Send = Callable[[str], None]

_SHARE = 3.0
"""Looks at the heartbeat in each watchdog interval: one lost or late report is not yet death."""


class Pulse:
    """A heartbeat: whoever does the work calls :meth:`beat`, whoever watches compares ``beats``."""

    def __init__(self) -> None:
        self.beats = 0

    def beat(self) -> None:
        """The work has got on. Called from one thread."""
        self.beats += 1


def sender(environment: Mapping[str, str] = os.environ) -> Send:
    """Sends lines to ``$NOTIFY_SOCKET``; a leading ``@`` means Linux's abstract namespace.

    A service manager that does not listen (any more) is no reason to stop working.
    """
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return lambda lines: None
    if address.startswith("@"):
        address = "\0" + address[1:]

    def send(lines: str) -> None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.settimeout(1.0)
            line.sendto(lines.encode(), address)

    return send


def watchdog_s(environment: Mapping[str, str] = os.environ, pid: int | None = None) -> float | None:
    """Seconds of silence after which systemd restarts this process; ``None`` without watchdog.

    ``WATCHDOG_USEC`` is for the process that ``WATCHDOG_PID`` names, for any if there is none.
    """
    if environment.get("WATCHDOG_PID", str(pid or os.getpid())) != str(pid or os.getpid()):
        return None
    try:
        microseconds = int(environment.get("WATCHDOG_USEC", "0"))
    except ValueError:
        return None
    return microseconds / 1e6 if microseconds > 0 else None


def guard(pulse: Pulse, interval_s: float, send: Send, ended: threading.Event) -> None:
    """Send ``WATCHDOG=1`` while ``pulse`` goes on, until ``ended``; a worker that hangs is
    silent, and systemd acts."""
    seen = -1
    while True:
        if pulse.beats != seen:
            seen = pulse.beats
            send("WATCHDOG=1")
        if ended.wait(interval_s / _SHARE):
            return


@contextmanager
def reporting(
    pulse: Pulse, environment: Mapping[str, str] = os.environ, status: str = "at work"
) -> Iterator[Send]:
    """Ready at the start, ``STOPPING=1`` at the end, watched in between; gives the sender."""
    send = sender(environment)
    interval = watchdog_s(environment)
    ended = threading.Event()
    thread = None
    if interval is not None:
        arguments = (pulse, interval, send, ended)
        thread = threading.Thread(target=guard, args=arguments, name="watchdog", daemon=True)
        thread.start()
    send(f"READY=1\nSTATUS={status}")
    try:
        yield send
    finally:
        send("STOPPING=1\nSTATUS=ending")
        ended.set()
        if thread is not None:
            thread.join()
