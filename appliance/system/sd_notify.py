"""Notify systemd: service ready, status, stopping, and the watchdog's heartbeat.

The protocol of sd_notify(3) is one datagram of ``NAME=value`` lines to the socket named in the
environment, so no library is needed. Without ``NOTIFY_SOCKET`` nothing is sent.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

Send = Callable[[str], None]

_CHECKS_PER_INTERVAL = 3.0
"""Heartbeat checks per watchdog interval: one lost or late message must not cause a restart."""


class Heartbeat:
    """A heartbeat: the worker calls :meth:`beat`, the watchdog thread compares ``count``."""

    def __init__(self) -> None:
        self.count = 0

    def beat(self) -> None:
        """Record that the work has progressed. Called from one thread only."""
        self.count += 1


def make_notifier(environment: Mapping[str, str] = os.environ) -> Send:
    """Return a function that sends lines to ``$NOTIFY_SOCKET``.

    A leading ``@`` means Linux's abstract namespace. Errors are ignored: the work continues without
    a service manager.
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


def watchdog_interval_s(
    environment: Mapping[str, str] = os.environ, pid: int | None = None
) -> float | None:
    """Return the seconds without ``WATCHDOG=1`` after which systemd restarts this process.

    Returns ``None`` without a watchdog. ``WATCHDOG_USEC`` applies to the process ``WATCHDOG_PID``,
    or to any process if that is not set.
    """
    if environment.get("WATCHDOG_PID", str(pid or os.getpid())) != str(pid or os.getpid()):
        return None
    try:
        microseconds = int(environment.get("WATCHDOG_USEC", "0"))
    except ValueError:
        return None
    return microseconds / 1e6 if microseconds > 0 else None


def run_watchdog(
    heartbeat: Heartbeat, interval_s: float, send: Send, stopped: threading.Event
) -> None:
    """Send ``WATCHDOG=1`` while ``heartbeat`` advances, until ``stopped`` is set.

    A hung worker stops sending it; systemd then restarts the unit.
    """
    last_count = -1
    while True:
        if heartbeat.count != last_count:
            last_count = heartbeat.count
            send("WATCHDOG=1")
        if stopped.wait(interval_s / _CHECKS_PER_INTERVAL):
            return


@contextmanager
def service_notifications(
    heartbeat: Heartbeat, environment: Mapping[str, str] = os.environ, status: str = "running"
) -> Iterator[Send]:
    """Notify systemd of start and stop, and run the watchdog in between.

    Sends ``READY=1`` at the start and ``STOPPING=1`` at the end; yields the function that sends
    lines.
    """
    send = make_notifier(environment)
    interval = watchdog_interval_s(environment)
    stopped = threading.Event()
    thread = None
    if interval is not None:
        arguments = (heartbeat, interval, send, stopped)
        thread = threading.Thread(target=run_watchdog, args=arguments, name="watchdog", daemon=True)
        thread.start()
    send(f"READY=1\nSTATUS={status}")
    try:
        yield send
    finally:
        send("STOPPING=1\nSTATUS=stopping")
        stopped.set()
        if thread is not None:
            thread.join()
