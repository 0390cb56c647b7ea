"""``lectern restore``: list the backups of the databases, and restore one."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.commands import add_config_option

if TYPE_CHECKING:
    from appliance.commands import Subparsers
    from appliance.jobs.backup import DatabaseBackups


def add_parser(commands: Subparsers) -> None:
    """Add the ``restore`` command to the command line."""
    parser = commands.add_parser(
        "restore",
        help="restore the queue or the accounts from a backup",
        description="Without arguments, list the databases with their condition and their backups. "
        "With a database, put its newest intact backup in its place; the present file is kept "
        "under another name. Stop the services first: sudo systemctl stop lectern lectern-panel.",
    )
    parser.add_argument("database", nargs="?", choices=("queue", "users"), help="what to restore")
    parser.add_argument("--backup", default="", metavar="NAME", help="a backup from the list")
    parser.add_argument(
        "--dry-run", action="store_true", help="check everything, but change nothing"
    )
    add_config_option(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from appliance.config import load_config

    databases = _databases(load_config(options.config).root)
    if options.database is None:
        for name, backups in databases.items():
            _list(name, backups)
        return 0
    backups = databases[options.database]
    backup = backups.find_good(options.backup)
    backups.check_unused()
    print(f"{backup.label} of {_shown(backup.made_at)} is intact.")
    if options.dry_run:
        print(f"{backups.name} would be replaced by it. Nothing was changed.")
        return 0
    done = backups.restore(backup, "restored by the administrator")
    print(f"{backups.name} was restored from {done.backup}. Later changes are lost.")
    if done.kept_as:
        print(f"The earlier file is kept as {done.kept_as} in the same folder.")
    return 0


def _databases(root: Path) -> dict[str, DatabaseBackups]:
    from appliance.jobs.backup import QUEUE, USERS, DatabaseBackups
    from appliance.jobs.database import SCHEMA
    from web.accounts.users import SCHEMA as USERS_SCHEMA

    state = root / "state"
    return {
        "queue": DatabaseBackups(state, QUEUE, SCHEMA.version),
        "users": DatabaseBackups(state, USERS, USERS_SCHEMA.version),
    }


def _list(name: str, backups: DatabaseBackups) -> None:
    from appliance.jobs.backup import find_damage

    if not backups.database.is_file():
        condition = "missing"
    else:
        condition = find_damage(backups.database) or "intact"
    print(f"{name}: {backups.name}: {condition}")
    for backup in backups.list():
        print(f"  {backup.label}  {_shown(backup.made_at)}  {find_damage(backup.path) or 'intact'}")


def _shown(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
