"""What is known of an upload, and what its name may be."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from appliance.config import Config
from appliance.errors import BadInput
from appliance.inbox.names import Kind, is_junk, kind_of

MAX_NAME_BYTES = 180
"""Of the 255 that a file name may have; the rest is for numbers and endings."""

_ID = re.compile(r"[0-9a-f]{32}\Z")


@dataclass(frozen=True)
class Upload:
    """``offset`` of ``length`` bytes are here, on the disk. Times are seconds since 1970, UTC.

    ``kind`` is the part that the file can play in a lecture, by its name.
    """

    id: str
    owner: str
    name: str
    length: int
    offset: int
    created: float
    touched: float

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self.offset == self.length

    @property
    def kind(self) -> Kind:
        """Presenter, sound or text."""
        return kind_of_name(self.name)


@dataclass(frozen=True)
class Limits:
    """Bytes of one file, bytes of one person's uploads in all, how many uploads a person may have
    at once, seconds for which an upload is kept after its last byte, and bytes that the disk must
    have left."""

    file: int
    person: int
    count: int
    keep_s: float
    spare: int

    @classmethod
    def of(cls, config: Config) -> Limits:
        """The limits that the settings name."""
        given = config.uploads
        return cls(
            file=round(given.max_gb * 1e9),
            person=round(given.person_gb * 1e9),
            count=given.person_files,
            keep_s=given.keep_hours * 3600,
            spare=config.jobs.min_free_mb << 20,
        )


def kind_of_name(name: str) -> Kind:
    """The kind that the name's ending tells."""
    return kind_of(Path(name))


def clean_name(name: str) -> str:
    """The last part of ``name``, fit for every file system; its ending stays.

    Folders, control characters, and what Windows does not allow are taken out, so that a name
    can neither lead elsewhere nor hide. Raises ``BadInput("file_kind")`` for a kind of file that
    no lecture is made of.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    plain = "".join(c for c in last if c.isprintable() and c not in '<>:"|?*').strip(" .")
    path = Path(plain)
    stem = path.stem.encode("utf-8", "ignore")[:MAX_NAME_BYTES].decode("utf-8", "ignore").rstrip()
    if is_junk(plain) or not stem or kind_of(path) is Kind.OTHER:
        raise BadInput("file_kind", name=plain[:80] or "?")
    return stem + path.suffix


def is_id(text: str) -> bool:
    """Whether ``text`` can be the number of an upload: nothing else ever becomes a path."""
    return _ID.match(text) is not None


def new_id() -> str:
    """A number that nobody guesses."""
    return os.urandom(16).hex()
