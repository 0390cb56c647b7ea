"""``lectern panel``: run the web panel until it is stopped by a signal."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from appliance.commands import add_config_option

if TYPE_CHECKING:
    from appliance.commands import Subparsers


def add_parser(commands: Subparsers) -> None:
    """Add the ``panel`` command to the command line."""
    parser = commands.add_parser(
        "panel",
        help="run the web panel",
        description="Run the web panel until it is stopped by SIGINT or SIGTERM. A problem in the "
        "configuration file is reported, and the panel then uses the default of that key.",
    )
    add_config_option(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from appliance.jobs.backup import USERS, DatabaseBackups
    from appliance.logs.write import configure_logging
    from web.accounts.users import SCHEMA
    from web.server.gunicorn_app import LOG, serve_panel
    from web.server.lenient_config import read_config_leniently

    config, problems = read_config_leniently(options.config)
    for problem in problems:
        print(f"lectern: {problem.error}", file=sys.stderr)
    with configure_logging(config.root, config.logs, LOG, limit_repeats=True):
        DatabaseBackups(config.root / "state", USERS, SCHEMA.version).restore_if_damaged()
        serve_panel(config, problems)
    return 0
