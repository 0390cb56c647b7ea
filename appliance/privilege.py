"""Commands that an administrator gives as root on an installed box run as the services' user.

As root they would leave files among the box's that the services cannot change, and would find
everything writable that is not.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from appliance.config import SYSTEM_CONFIG, SYSTEM_ROOT, find_config
from appliance.errors import BadInput, Fault

USER = "lectern"
_OWN_TO_EACH = ("/tmp", "/var/tmp")
"""``PrivateTmp`` of the services' units."""


def leave_root(config: Path | None) -> None:
    """Where root is about to use the installed box's settings (``config``, else those that count),
    become :data:`USER` with all its groups, for good. Raises ``Fault("root_confined")`` where root
    may not change users, as in some containers."""
    if os.geteuid() != 0 or not is_installed_box(config):
        return
    try:
        user = pwd.getpwnam(USER)
    except KeyError:  # an installation that is not whole; what is missing will say so
        return
    try:
        os.initgroups(USER, user.pw_gid)
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    except OSError as error:
        raise Fault("root_confined", user=USER, reason=error.strerror) from error
    os.umask(0o002)  # as the services have it
    os.environ["HOME"] = os.environ["XDG_CACHE_HOME"] = str(SYSTEM_ROOT / "cache")


def is_installed_box(config: Path | None) -> bool:
    """Whether ``config``, else the settings that count, are those of the box's services."""
    used = config or find_config()
    # However it is spelled: one may stand beside the file.
    return used is not None and used.resolve() == SYSTEM_CONFIG.resolve()


def check_reach(path: Path, config: Path | None) -> None:
    """Raises ``BadInput("file_out_of_reach")`` for a file that the box's services have no sight of,
    as systemd gives each of them folders of its own for what is temporary."""
    full = path.resolve()
    if is_installed_box(config) and any(full.is_relative_to(folder) for folder in _OWN_TO_EACH):
        raise BadInput("file_out_of_reach", name=path.name, folder=full.parent)
