"""Makes commands that run as root on an installed device use the services' user instead.

As root they would create files that the services cannot change, and checks for write permission
would always succeed.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from appliance.config import SYSTEM_CONFIG, SYSTEM_ROOT, find_config
from appliance.errors import BadInput, Fault

USER = "lectern"
_OWN_TO_EACH = ("/tmp", "/var/tmp")
"""Folders that are private to each service (``PrivateTmp`` in their units)."""


def leave_root(config: Path | None) -> None:
    """Change from root to :data:`USER` permanently if the installed device's settings are used.

    ``config`` is the path of the settings, by default that of those in use. All groups of the user
    are set. Raises ``Fault("root_confined")`` if root may not change users, as in some containers.
    """
    if os.geteuid() != 0 or not is_installed_box(config):
        return
    try:
        user = pwd.getpwnam(USER)
    except KeyError:  # incomplete installation; the missing parts are reported later
        return
    try:
        os.initgroups(USER, user.pw_gid)
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    except OSError as error:
        raise Fault("root_confined", user=USER, reason=error.strerror) from error
    os.umask(0o002)  # as in the services' units
    os.environ["HOME"] = os.environ["XDG_CACHE_HOME"] = str(SYSTEM_ROOT / "cache")


def is_installed_box(config: Path | None) -> bool:
    """Return whether ``config``, by default the settings in use, are those of the services."""
    used = config or find_config()
    # Compare resolved paths: the path may be relative, for example.
    return used is not None and used.resolve() == SYSTEM_CONFIG.resolve()


def check_reach(path: Path, config: Path | None) -> None:
    """Raise ``BadInput("file_out_of_reach")`` for a file that the services cannot see.

    systemd gives each service private folders for temporary files.
    """
    full = path.resolve()
    if is_installed_box(config) and any(full.is_relative_to(folder) for folder in _OWN_TO_EACH):
        raise BadInput("file_out_of_reach", name=path.name, folder=full.parent)
