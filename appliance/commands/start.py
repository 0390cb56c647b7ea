"""``lectern start``: run the daemon and the panel together, to try Lectern without installation."""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from appliance.commands import add_config_option

if TYPE_CHECKING:
    from appliance.commands import Subparsers
    from appliance.config import Config

_POLL_S = 0.2
_STOP_TIMEOUT_S = 60.0
"""Time within which the daemon stops the current job at a point from which it can be resumed."""


def add_parser(commands: Subparsers) -> None:
    """Add the ``start`` command to the command line."""
    parser = commands.add_parser(
        "start",
        help="run the daemon and the panel until Ctrl-C",
        description="Run the daemon and the panel together until Ctrl-C, and print the panel's "
        "address. Installed devices run them as services instead.",
    )
    parser.add_argument(
        "--demo",
        type=Path,
        metavar="FOLDER",
        help="show the result of ./setup.sh demo in this folder, if there is one",
    )
    add_config_option(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from appliance.config import load_config
    from appliance.daemon.demo_result import add_demo_result
    from web.addresses import find_addresses

    config = load_config(options.config)
    find_addresses(config)  # otherwise a program that uses the address would be taken for the panel
    if options.demo is not None:
        add_demo_result(config.root, options.demo.resolve())
    command = [sys.executable, "-m", "appliance.cli"]
    chosen = ["--config", str(options.config)] if options.config else []
    stop = _StopRequest()
    # Sessions of their own: Ctrl-C in a terminal is for this process, which then stops both.
    parts = [
        subprocess.Popen(
            [*command, part, *chosen], start_new_session=True, stdin=subprocess.DEVNULL
        )
        for part in ("serve", "panel")
    ]
    try:
        if _wait_until_ready(config, lambda: stop.wanted or _has_ended(parts)):
            print(_welcome(config), flush=True)
        while not stop.wanted and not _has_ended(parts):
            time.sleep(_POLL_S)
    finally:
        status = _stop(parts)
    return 0 if stop.wanted else status or 1


class _StopRequest:
    """Remembers that the user wants to stop."""

    def __init__(self) -> None:
        self.wanted = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.wanted = True


def _has_ended(parts: Sequence[subprocess.Popen[bytes]]) -> bool:
    return any(part.poll() is not None for part in parts)


def _wait_until_ready(config: Config, cancelled: Callable[[], bool]) -> bool:
    """Wait until the panel accepts connections. Returns ``False`` if ``cancelled`` does before."""
    while not cancelled():
        try:
            socket.create_connection((_host(config), config.panel.port), timeout=1).close()
        except OSError:
            time.sleep(_POLL_S)
        else:
            return True
    return False


def _host(config: Config) -> str:
    unspecified = {"0.0.0.0": "127.0.0.1", "::": "::1"}
    return unspecified.get(config.panel.host, config.panel.host)


def _welcome(config: Config) -> str:
    scheme = "http" if config.panel.tls == "none" else "https"
    host = "localhost" if config.panel.host in ("0.0.0.0", "::") else config.panel.host
    host = f"[{host}]" if ":" in host else host
    lines = [f"\nThe panel is at {scheme}://{host}:{config.panel.port}"]
    code = config.root / "state" / "setup-code"
    if code.is_file():
        lines.append(f"The setup code for the first visit is {code.read_text().strip()}")
    return "\n".join([*lines, "Press Ctrl-C to stop.\n"])


def _stop(parts: Sequence[subprocess.Popen[bytes]]) -> int:
    """Stop all parts and return the exit status of the one that had ended first, or 0."""
    status = next((part.returncode for part in parts if part.poll()), 0)
    for part in parts:
        if part.poll() is None:
            part.terminate()
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    for part in parts:
        try:
            part.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            part.kill()
            part.wait()
    return status
