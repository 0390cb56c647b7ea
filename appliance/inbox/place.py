"""Detects when the file system of the inbox, such as a network share, is not mounted."""

from __future__ import annotations

import json
import os
from pathlib import Path

from appliance.inbox.mounts import MOUNTS, mount_of, read_mounts
from appliance.media.publish import part_of, publish

DISKS = Path("/dev/disk/by-uuid")
"""Folder in which udev links each file system by its UUID."""


class Presence:
    """Remembers, in a file in ``root/state``, on which mount the inbox of ``root`` is.

    An inbox on the same file system as the ``state`` folder cannot be missing on its own, whatever
    the current device name of that file system. ``mounts`` is the kernel's ``mountinfo`` file,
    ``disks`` is udev's folder of UUIDs.
    """

    def __init__(self, root: Path, mounts: Path = MOUNTS, disks: Path = DISKS) -> None:
        self._note = root / "state" / "inbox.json"
        self._inbox = root / "inbox"
        self._mounts = mounts
        self._disks = disks

    def settle(self, missing: bool) -> None:
        """Remember the current mount as the expected one, unless files are ``missing``.

        The very first mount is always remembered.
        """
        now, before = self._now(), self._before()
        if before is None or (before != now and not missing):
            self._note.parent.mkdir(parents=True, exist_ok=True)
            part_of(self._note).write_text(json.dumps({"mounted": now}), encoding="utf-8")
            publish(self._note)

    def is_away(self) -> bool:
        """Return whether the expected file system is not mounted or its server does not respond.

        Files that are missing in this state were not removed by a user and will reappear.
        """
        before = self._before()
        return (before is not None and before != self._now()) or not self._answers()

    def _answers(self) -> bool:
        try:
            os.scandir(self._inbox).close()
        except FileNotFoundError:  # the folder was deleted and is created again
            return True
        except OSError:
            return False
        return True

    def _now(self) -> list[str]:
        try:
            mounts = read_mounts(os.fsdecode(self._mounts.read_bytes()))
        except OSError:
            mounts = []
        mount = mount_of(self._inbox, mounts)
        beside = mount_of(self._note.parent, mounts)
        if mount is None or (beside is not None and mount.device == beside.device):
            return []
        return [str(mount.path), mount.kind, self._lasting(mount.source)]

    def _lasting(self, source: str) -> str:
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

    def _before(self) -> list[str] | None:
        try:
            kept = json.loads(self._note.read_bytes())["mounted"]
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return kept if isinstance(kept, list) else None


def lies_at(path: Path) -> bool:
    """Return whether ``path`` exists; a broken link counts as existing.

    Raises ``OSError`` if this cannot be determined, as on a share whose server is down.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
