"""The description of an upload, the limits, and valid file names."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from appliance.config import Config
from appliance.errors import BadInput
from appliance.files.names import FORBIDDEN_CHARS, MediaKind, is_ignored, media_kind, shorten

MAX_NAME_BYTES = 180
"""Maximum length of a stem in bytes. File systems allow 255; the rest is for numbers and
suffixes."""

_ID = re.compile(r"[0-9a-f]{32}\Z")


@dataclass(frozen=True)
class Upload:
    """An upload of which ``offset`` of ``length`` bytes are on the disk.

    ``created`` and ``last_activity`` (when bytes last arrived) are in seconds since 1970 (UTC).
    """

    id: str
    owner: str
    name: str
    length: int
    offset: int
    created: float
    last_activity: float

    @property
    def complete(self) -> bool:
        """Whether all bytes have arrived."""
        return self.offset == self.length

    @property
    def kind(self) -> MediaKind:
        """What the file can be used for, by its name: presenter, audio or text."""
        return kind_of_name(self.name)


@dataclass(frozen=True)
class Limits:
    """Limits on uploads.

    ``file_bytes``: bytes of one file. ``user_bytes``: bytes of all uploads of one user.
    ``user_files``: number of uploads of one user. ``keep_s``: seconds for which an upload is kept
    after its last byte. ``min_free_bytes``: bytes that must stay free on the disk.
    """

    file_bytes: int
    user_bytes: int
    user_files: int
    keep_s: float
    min_free_bytes: int

    @classmethod
    def from_config(cls, config: Config) -> Limits:
        """Return the limits from the settings."""
        given = config.uploads
        return cls(
            file_bytes=round(given.max_file_gb * 1e9),
            user_bytes=round(given.user_quota_gb * 1e9),
            user_files=given.user_max_files,
            keep_s=given.retention_hours * 3600,
            min_free_bytes=config.jobs.min_free_disk_mb << 20,
        )


def kind_of_name(name: str) -> MediaKind:
    """Return the kind of a file by its suffix."""
    return media_kind(Path(name))


def clean_name(name: str) -> str:
    """Return the last part of ``name`` as a valid file name on every file system, with its suffix.

    Folders, control characters and characters that Windows does not allow are removed, so that the
    file can neither be in another folder nor be hidden. Raises
    ``BadInput("file_type_unsupported")`` for files that cannot be used for a lecture.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    plain = "".join(c for c in last if c.isprintable() and c not in FORBIDDEN_CHARS).strip(" .")
    path = Path(plain)
    stem = shorten(path.stem, MAX_NAME_BYTES).rstrip()
    if is_ignored(plain) or not stem or media_kind(path) is MediaKind.OTHER:
        raise BadInput("file_type_unsupported", name=plain[:80] or "?")
    return stem + path.suffix


def is_id(text: str) -> bool:
    """Return whether ``text`` can be the number of an upload. Only such text is used in paths."""
    return _ID.match(text) is not None


def new_id() -> str:
    """Return a random number for an upload, which cannot be guessed."""
    return os.urandom(16).hex()
