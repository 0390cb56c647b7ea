"""``lectern serve``: run the daemon until it is stopped by a signal."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING

from appliance.commands import add_config_option

if TYPE_CHECKING:
    from appliance.commands import Subparsers


def add_parser(commands: Subparsers) -> None:
    """Add the ``serve`` command to the command line."""
    parser = commands.add_parser(
        "serve",
        help="run the daemon",
        description="Run the daemon, which watches the inbox and renders the jobs of the queue one "
        "after another, until it is stopped by SIGINT or SIGTERM.",
    )
    add_config_option(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from appliance.config import load_config
    from appliance.daemon.service import serve
    from appliance.logs.write import configure_logging

    config = load_config(options.config)
    stop = threading.Event()
    _stop_on_signals(stop)
    with configure_logging(config.root, config.logs):
        restart = serve(config, stop)
    if restart:
        command = [sys.executable, "-m", "appliance.cli", "serve"]
        command += ["--config", str(options.config)] if options.config else []
        os.execv(sys.executable, command)
    return 0


def _stop_on_signals(stop: threading.Event) -> None:
    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    # The kernel sends SIGIO when a process opens a file on which the inbox holds a lease; by
    # default this signal would end the daemon.
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
