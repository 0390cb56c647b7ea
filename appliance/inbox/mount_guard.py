"""Detects when the file system of the inbox, such as a network share, is not mounted."""

from __future__ import annotations

import json
import os
from pathlib import Path

from appliance.files.atomic import write_text
from appliance.files.mounts import MOUNTINFO, find_mount, read_mounts

DISKS_BY_UUID = Path("/dev/disk/by-uuid")
"""Folder in which udev links each file system by its UUID."""


class MountGuard:
    """Remembers, in a file in ``root/state``, on which mount the inbox of ``root`` is.

    An inbox on the same file system as the ``state`` folder cannot be unmounted separately, so its
    device name, which may change, is not compared. ``mounts`` is the kernel's ``mountinfo`` file,
    ``disks`` is udev's folder of UUIDs.
    """

    def __init__(self, root: Path, mounts: Path = MOUNTINFO, disks: Path = DISKS_BY_UUID) -> None:
        self._state_file = root / "state" / "inbox.json"
        self._inbox = root / "inbox"
        self._mounts = mounts
        self._disks = disks

    def remember(self, files_missing: bool) -> None:
        """Remember the current mount as the expected one, unless ``files_missing`` is set.

        The very first mount is always remembered.
        """
        now, before = self._current_mount(), self._expected_mount()
        if before is None or (before != now and not files_missing):
            self._state_file.parent.mkdir(parents=True, exist_ok=True)
            write_text(self._state_file, json.dumps({"mount": now}))

    def is_unmounted(self) -> bool:
        """Return whether the expected file system is not mounted or its server does not respond.

        Files that are missing in this state were not removed by a user and will reappear.
        """
        before = self._expected_mount()
        return (before is not None and before != self._current_mount()) or not self._is_responding()

    def _is_responding(self) -> bool:
        try:
            os.scandir(self._inbox).close()
        except FileNotFoundError:  # the folder was deleted and will be created again
            return True
        except OSError:
            return False
        return True

    def _current_mount(self) -> list[str]:
        try:
            mounts = read_mounts(os.fsdecode(self._mounts.read_bytes()))
        except OSError:
            mounts = []
        mount = find_mount(self._inbox, mounts)
        state_mount = find_mount(self._state_file.parent, mounts)
        if mount is None or (
            state_mount is not None and mount.device_number == state_mount.device_number
        ):
            return []
        return [str(mount.path), mount.fs_type, self._stable_source_name(mount.source)]

    def _stable_source_name(self, source: str) -> str:
        """Return the UUID of the file system on ``source`` where udev knows it, else ``source``.

        Device names do not identify a file system: ``/dev/sdb1`` may be another USB drive tomorrow.
        """
        try:
            for link in self._disks.iterdir():
                if link.resolve() == Path(source).resolve():
                    return f"UUID={link.name}"
        except OSError:  # no udev, as in a container
            pass
        return source

    def _expected_mount(self) -> list[str] | None:
        try:
            stored = json.loads(self._state_file.read_bytes())["mount"]
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return stored if isinstance(stored, list) else None


def path_exists(path: Path) -> bool:
    """Return whether ``path`` exists; a broken link counts as existing.

    Raises ``OSError`` if this cannot be determined, as on a share whose server is down.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
