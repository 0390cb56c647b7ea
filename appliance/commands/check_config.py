"""``lectern check-config``: list every problem of a configuration file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.config import check_config, find_config

if TYPE_CHECKING:
    from appliance.commands import Subparsers


def add_parser(commands: Subparsers) -> None:
    """Add the ``check-config`` command to the command line."""
    parser = commands.add_parser(
        "check-config",
        help="check a configuration file",
        description="Check a configuration file and list every problem with its line, key and "
        "value. The exit status is 2 if there are any.",
    )
    parser.add_argument(
        "file",
        type=Path,
        nargs="?",
        help="configuration file (default: the one that the other commands use)",
    )
    parser.set_defaults(run=_check_config)


def _check_config(options: argparse.Namespace) -> int:
    path = options.file or find_config()
    if path is None:
        print("No configuration file found; the defaults apply.")
        return 0
    problems = check_config(path)
    for problem in problems:
        where = (
            f"line {problem.line}: {problem.key}: {problem.value}" if problem.line else path.name
        )
        print(f"{where}: {problem.error}")
    if not problems:
        print(f"{path.name}: no problems found.")
    return 2 if problems else 0
