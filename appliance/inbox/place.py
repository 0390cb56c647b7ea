"""Whether the inbox is still the one that files were seen in, or a share is away."""

from __future__ import annotations

import json
from pathlib import Path

from appliance.inbox.mounts import Mount
from appliance.media.publish import part_of, publish


class Presence:
    """Remembers, over restarts too, what was mounted where the inbox lies; ``note`` is its file."""

    def __init__(self, note: Path) -> None:
        self._note = note

    def is_home(self, mount: Mount | None, missing: bool) -> bool:
        """Whether ``mount`` is what was there when everything was in its place.

        While nothing is ``missing``, whatever is mounted counts as in its place from now on.
        """
        now = [str(mount.path), mount.kind, mount.source] if mount else []
        before = self._read()
        if before == now:
            return True
        if missing and before is not None:
            return False
        part_of(self._note).write_text(json.dumps(now), encoding="utf-8")
        publish(self._note)
        return True

    def _read(self) -> list[str] | None:
        try:
            kept = json.loads(self._note.read_bytes())
        except (OSError, ValueError):
            return None
        return kept if isinstance(kept, list) else None
