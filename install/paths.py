"""Every path that an installation writes to."""

from __future__ import annotations

from typing import NamedTuple

USER = "lectern"
GROUPS = ("video", "render")
"""The groups whose members may use the GPU and the hardware codecs, if they exist."""

VERSIONS_FOLDER = "/opt/lectern"
"""Contains one folder per version; ``current`` and ``previous`` are links to two of them."""
CURRENT = f"{VERSIONS_FOLDER}/current"
PREVIOUS = f"{VERSIONS_FOLDER}/previous"
COMMAND = "/usr/local/bin/lectern"
CONFIG = "/etc/lectern/config.yaml"
ALLOWED_SIGNERS = "/etc/lectern/allowed_signers"
"""Whose bundles may be installed, in OpenSSH's format; written by the administrator."""
DATA = "/var/lib/lectern"
SETUP_CODE = f"{DATA}/state/setup-code"
UPDATE_LOCK = "/run/lectern/update"
"""A file that is locked while the installer runs; the panel checks the lock."""
SMB_CONF = "/etc/samba/smb.conf"
LECTERN_SMB_CONF = "/etc/lectern/samba.conf"
AVAHI_SERVICE = "/etc/avahi/services/lectern.service"
"""Written when the panel's unit starts, and removed when it stops."""

FOLDERS = {
    DATA: 0o755,
    f"{DATA}/inbox": 0o2775,
    f"{DATA}/outbox": 0o2775,
    f"{DATA}/presenters": 0o2775,
    f"{DATA}/state": 0o750,
    f"{DATA}/cache": 0o750,
    f"{DATA}/logs": 0o750,
}
"""The folders below the default ``root`` of the configuration, and their modes."""

UNITS_FOLDER = "/etc/systemd/system"
SERVICES = ("lectern.service", "lectern-panel.service")
SOCKETS = ("lectern-helper.socket",)


class SystemFile(NamedTuple):
    """A file of ``systemd/`` and its path on the system.

    ``own_folder`` means that its folder is created and removed with it, ``substitute_data`` that
    :data:`DATA` in its text is replaced by the data folder of the settings.
    """

    source: str
    target: str
    own_folder: bool = False
    substitute_data: bool = False


SYSTEM_FILES = (
    SystemFile("lectern.service", f"{UNITS_FOLDER}/lectern.service"),
    SystemFile("lectern-panel.service", f"{UNITS_FOLDER}/lectern-panel.service"),
    SystemFile("lectern-helper.socket", f"{UNITS_FOLDER}/lectern-helper.socket"),
    SystemFile("lectern-helper@.service", f"{UNITS_FOLDER}/lectern-helper@.service"),
    SystemFile("lectern-usb@.service", f"{UNITS_FOLDER}/lectern-usb@.service"),
    SystemFile("lectern-usb.rules", "/etc/udev/rules.d/80-lectern-usb.rules"),
    SystemFile("lectern.tmpfiles", "/etc/tmpfiles.d/lectern.conf"),
    SystemFile("lectern.journald", "/etc/systemd/journald.conf.d/lectern.conf", own_folder=True),
    SystemFile("lectern.samba", LECTERN_SMB_CONF, substitute_data=True),
)
"""The files that Lectern adds to the system outside its own folders."""
