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

SERVICE_USER = "lectern"
_PRIVATE_TMP = ("/tmp", "/var/tmp")
"""Folders that are private to each service (``PrivateTmp`` in their units)."""


def drop_privileges(config: Path | None) -> None:
    """Change from root to :data:`SERVICE_USER` if the settings of the installed device are used.

    ``config`` is the path of the settings, by default that of those in use. All groups of the user
    are set. Raises ``Fault("privilege_drop_failed")`` if root may not change users, as in some
    containers.
    """
    if os.geteuid() != 0 or not is_installed_device(config):
        return
    try:
        user = pwd.getpwnam(SERVICE_USER)
    except KeyError:  # incomplete installation; the missing parts are reported later
        return
    try:
        os.initgroups(SERVICE_USER, user.pw_gid)
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    except OSError as error:
        raise Fault("privilege_drop_failed", user=SERVICE_USER, reason=error.strerror) from error
    os.umask(0o002)  # as in the services' units
    os.environ["HOME"] = os.environ["XDG_CACHE_HOME"] = str(SYSTEM_ROOT / "cache")


def is_installed_device(config: Path | None) -> bool:
    """Return whether ``config``, by default the settings in use, are those of the services."""
    used = config or find_config()
    # Compare resolved paths: the path may be relative, for example.
    return used is not None and used.resolve() == SYSTEM_CONFIG.resolve()


def check_visible_to_services(path: Path, config: Path | None) -> None:
    """Raise ``BadInput("file_inaccessible")`` for a file that the services cannot see.

    systemd gives each service private folders for temporary files.
    """
    full = path.resolve()
    if is_installed_device(config) and any(full.is_relative_to(folder) for folder in _PRIVATE_TMP):
        raise BadInput("file_inaccessible", name=path.name, folder=full.parent)
