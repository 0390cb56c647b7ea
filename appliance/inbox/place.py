"""Whether the inbox is still the one that files were seen in, or a share is away."""

from __future__ import annotations

import json
import os
from pathlib import Path

from appliance.inbox.mounts import MOUNTS, Mount, mount_of, read_mounts
from appliance.media.publish import part_of, publish


class Presence:
    """Remembers, over restarts too, what was mounted where the inbox of ``root`` lies.

    ``mounts`` is the kernel's list.
    """

    def __init__(self, root: Path, mounts: Path = MOUNTS) -> None:
        self._note = root / "state" / "inbox.json"
        self._inbox = root / "inbox"
        self._mounts = mounts

    def settle(self, missing: bool) -> None:
        """While nothing is ``missing``, whatever is mounted counts as in its place from now on."""
        now, before = self._now(), self._before()
        if before is None or (before != now and not missing):
            self._note.parent.mkdir(parents=True, exist_ok=True)
            part_of(self._note).write_text(json.dumps(now), encoding="utf-8")
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
        return _facts(mount_of(self._inbox, mounts))

    def _before(self) -> list[str] | None:
        try:
            kept = json.loads(self._note.read_bytes())
        except (OSError, ValueError):
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


def _facts(mount: Mount | None) -> list[str]:
    """What tells a file system from another, and is the same when it is mounted again."""
    return [str(mount.path), mount.kind, mount.source] if mount else []
