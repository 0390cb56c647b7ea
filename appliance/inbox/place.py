"""Whether the inbox is still the one that files were seen in, or a share is away."""

from __future__ import annotations

import json
import os
from pathlib import Path

from appliance.inbox.mounts import MOUNTS, mount_of, read_mounts
from appliance.media.publish import part_of, publish

DISKS = Path("/dev/disk/by-uuid")
"""Where udev names each disk by what was written on it when it was formatted."""


class Presence:
    """Remembers, over restarts too, what was mounted where the inbox of ``root`` lies.

    An inbox on the same file system as the box's state cannot be away by itself, whatever that
    system's disk is called today. ``mounts`` is the kernel's list, ``disks`` is udev's.
    """

    def __init__(self, root: Path, mounts: Path = MOUNTS, disks: Path = DISKS) -> None:
        self._note = root / "state" / "inbox.json"
        self._inbox = root / "inbox"
        self._mounts = mounts
        self._disks = disks

    def settle(self, missing: bool) -> None:
        """While nothing is ``missing``, whatever is mounted counts as in its place from now on."""
        now, before = self._now(), self._before()
        if before is None or (before != now and not missing):
            self._note.parent.mkdir(parents=True, exist_ok=True)
            part_of(self._note).write_text(json.dumps({"mounted": now}), encoding="utf-8")
            publish(self._note)

    def is_away(self) -> bool:
        """Whether something else is mounted than what files were seen on, or the share is mounted
        and its server does not answer.

        A file that is not there then has not been taken away by somebody, and comes back.
        """
        before = self._before()
        return (before is not None and before != self._now()) or not self._answers()

    def _answers(self) -> bool:
        try:
            os.scandir(self._inbox).close()
        except FileNotFoundError:  # it is made anew
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
        """A name that a disk keeps and that no other has, where udev knows one; so
        ``/dev/sdb1`` may be another stick tomorrow, or the same be ``/dev/sdc1``."""
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
    """Whether anything lies at ``path``, a broken link too. Raises ``OSError`` where nobody can
    say, as on a share whose server is down."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
