"""Stream several files as one zip archive, without storing it on the disk or in memory.

The files are stored uncompressed, because videos are compressed already. Times are those of the
files.
"""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath

from appliance.files.names import FORBIDDEN_CHARS, numbered
from appliance.system.regular_file import open_regular
from web.services.downloads import file_blocks


@dataclass(frozen=True)
class Entry:
    """A file and its name in the archive."""

    path: Path
    name: str


def flat_entries(paths: Iterable[Path]) -> list[Entry]:
    """Return an entry for each file, without folders; duplicate names get a number.

    No name can lead out of the folder into which the archive is extracted (zip slip).
    """
    used_names: set[str] = set()
    entries = []
    for path in paths:
        plain = PurePosixPath(
            "".join(c for c in _text(path.name) if c.isprintable() and c not in FORBIDDEN_CHARS)
        )
        stem = plain.stem.strip(" .") or "file"
        names = (f"{numbered(stem, number)}{plain.suffix}" for number in count(1))
        name = next(name for name in names if name.casefold() not in used_names)
        used_names.add(name.casefold())
        entries.append(Entry(path, name))
    return entries


def stream_zip(
    entries: Iterable[Entry], on_complete: Callable[[], None] | None = None
) -> Iterator[bytes]:
    """Yield the archive block by block; ``on_complete`` is called when all of it has been read.

    Raises ``OSError`` if a file shrinks or disappears. The client then detects that the archive is
    incomplete, because the directory at its end is missing.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for entry in entries:
            with open_regular(entry.path) as file:
                status = os.fstat(file.fileno())
                info = zipfile.ZipInfo(entry.name, _time(status.st_mtime))
                info.external_attr = 0o644 << 16
                info.file_size = status.st_size
                with archive.open(info, "w") as target:
                    for block in file_blocks(file, 0, status.st_size):
                        target.write(block)
                        yield sink.take()
        archive.close()
        yield sink.take()
    if on_complete is not None:
        on_complete()


class _Sink(io.RawIOBase):
    """Output of zipfile.

    It is not seekable, so sizes and checksums follow the data of each file.
    """

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, block: object) -> int:
        data = bytes(block)  # type: ignore[call-overload]
        self._blocks.append(data)
        return len(data)

    def take(self) -> bytes:
        """Return what has been written since the last call."""
        data = b"".join(self._blocks)
        self._blocks.clear()
        return data


def _time(seconds: float) -> tuple[int, int, int, int, int, int]:
    """Return a time as zip stores it: local, and between 1980 and 2107."""
    local = time.localtime(min(max(seconds, 315_619_200), 4_354_819_100))
    return local.tm_year, local.tm_mon, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec


def _text(name: str) -> str:
    """Return a file name as valid Unicode, for any bytes on the disk."""
    return os.fsencode(name).decode("utf-8", "replace")
