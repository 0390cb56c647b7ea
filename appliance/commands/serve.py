"""``lectern serve``: run the daemon until it is stopped by a signal."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Commands) -> None:
    """Add the ``serve`` command to the command line."""
    parser = commands.add_parser("serve", help="run the daemon: inbox, queue and worker")
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration file")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from appliance.config import load_config
    from appliance.daemon.service import serve
    from appliance.logs.write import configure_logging

    config = load_config(options.config)
    stop = threading.Event()
    _stop_on_signals(stop)
    with configure_logging(config):
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
