"""``lectern panel``: run the web panel until it is stopped by a signal."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Commands) -> None:
    """Add the ``panel`` command to the command line."""
    parser = commands.add_parser("panel", help="run the web panel")
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration file")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from appliance.logs.write import logging_to
    from web.safe_mode import read_config
    from web.serve import LOG, serve_panel

    config, mistakes = read_config(options.config)
    for mistake in mistakes:
        print(f"lectern: {mistake.error}", file=sys.stderr)
    with logging_to(config, LOG):
        serve_panel(config, mistakes)
    return 0
