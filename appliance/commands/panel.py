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
    from appliance.logs.write import configure_logging
    from web.server.gunicorn_app import LOG, serve_panel
    from web.server.lenient_config import read_config_leniently

    config, problems = read_config_leniently(options.config)
    for problem in problems:
        print(f"lectern: {problem.error}", file=sys.stderr)
    with configure_logging(config, LOG):
        serve_panel(config, problems)
    return 0
