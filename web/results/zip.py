"""Several files as one zip archive that is never on the disk, nor whole in memory.

The files are stored, not deflated: videos are compressed already. Times are the files' own.
"""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from web.results.sending import blocks


@dataclass(frozen=True)
class Entry:
    """A file and its name in the archive."""

    path: Path
    name: str


def flat_names(paths: Iterable[Path]) -> list[Entry]:
    """Each file under its own name, without folders; a name that comes twice gets a number.

    Nothing in a name can lead out of the folder in which the archive is opened (zip slip).
    """
    taken: set[str] = set()
    entries = []
    for path in paths:
        plain = PurePosixPath(
            "".join(c for c in _text(path.name) if c.isprintable() and c not in '\\/:*?"<>|')
        )
        stem = plain.stem.strip(" .") or "file"
        name, number = f"{stem}{plain.suffix}", 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem} ({number}){plain.suffix}"
        taken.add(name.casefold())
        entries.append(Entry(path, name))
    return entries


def stream(entries: Iterable[Entry], finished: Callable[[], None] | None = None) -> Iterator[bytes]:
    """The archive, block by block; ``finished`` is called when all of it has been taken.

    A file that shrinks or vanishes meanwhile raises ``OSError``: whoever receives the archive then
    sees that it is cut off, because its directory, which stands at the end, is missing.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for entry in entries:
            with entry.path.open("rb") as file:
                status = os.fstat(file.fileno())
                info = zipfile.ZipInfo(entry.name, _time(status.st_mtime))
                info.external_attr = 0o644 << 16
                info.file_size = status.st_size
                with archive.open(info, "w") as target:
                    for block in blocks(file, 0, status.st_size):
                        target.write(block)
                        yield sink.take()
        archive.close()
        yield sink.take()
    if finished is not None:
        finished()


class _Sink(io.RawIOBase):
    """Where zipfile writes: it cannot be sought, so sizes and sums follow each file's data."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, block: object) -> int:
        data = bytes(block)  # type: ignore[call-overload]
        self._blocks.append(data)
        return len(data)

    def take(self) -> bytes:
        """What was written since the last time."""
        data = b"".join(self._blocks)
        self._blocks.clear()
        return data


def _time(seconds: float) -> tuple[int, int, int, int, int, int]:
    """A time as zip knows it: local, and within 1980 to 2107."""
    local = time.localtime(min(max(seconds, 315_619_200), 4_354_819_100))
    return local.tm_year, local.tm_mon, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec


def _text(name: str) -> str:
    """A name as text that every reader takes, whatever bytes the disk holds."""
    return os.fsencode(name).decode("utf-8", "replace")
