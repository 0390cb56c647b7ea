"""``lectern check-config``: every mistake of a config file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.config import check_config, find_config

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Commands) -> None:
    """Add ``check-config`` to the command line."""
    parser = commands.add_parser("check-config", help="list every mistake of a config file")
    parser.add_argument("file", type=Path, nargs="?")
    parser.set_defaults(run=_check_config)


def _check_config(options: argparse.Namespace) -> int:
    path = options.file or find_config()
    if path is None:
        print("There is no config file: the defaults count.")
        return 0
    mistakes = check_config(path)
    for mistake in mistakes:
        where = (
            f"line {mistake.line}: {mistake.key}: {mistake.value}" if mistake.line else path.name
        )
        print(f"{where}: {mistake.error}")
    if not mistakes:
        print(f"{path.name} is right.")
    return 2 if mistakes else 0
