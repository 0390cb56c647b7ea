"""The commands of ``lectern``, one module per command.

A command imports what it needs when it runs, so that ``lectern --help`` stays fast.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]
    """The type of the argument of each command's ``add_parser``."""


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--config``, which every command has that reads the configuration."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="configuration file (default: $LECTERN_CONFIG, else config.yaml of the checkout, else "
        "/etc/lectern/config.yaml)",
    )
