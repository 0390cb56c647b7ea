"""Send files, and count a download only when its last byte has been sent.

A download that is interrupted does not count; one that resumes it and reaches the end does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from flask import Response, request, send_file

from appliance.jobs.store import JobStore, store_path
from appliance.system.regular_file import open_regular
from web.security.access import Identity

BLOCK_BYTES = 1 << 18
"""Number of bytes that are read and sent at a time."""


def file_blocks(file: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
    """Yield the bytes ``start`` to ``stop`` (exclusive) of a file in blocks.

    Raises ``OSError`` if the file is shorter; the client then detects that the data is incomplete.
    """
    file.seek(start)
    remaining = stop - start
    while remaining:
        block = file.read(min(BLOCK_BYTES, remaining))
        if not block:
            raise OSError(f"{file.name} is shorter than it was")
        remaining -= len(block)
        yield block


class FileBody:
    """The bytes ``start`` to ``stop`` (exclusive) of a file as the body of a response.

    The panel's server sends it without a thread; elsewhere it is an iterable of blocks.
    ``on_complete`` is called after the last byte, ``on_close`` at the end in any case.
    """

    def __init__(
        self,
        file: BinaryIO,
        path: Path,
        start: int,
        stop: int,
        *,
        on_complete: Callable[[], None] = lambda: None,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._file, self.path, self.start, self.stop = file, path, start, stop
        self.on_complete, self._on_close = on_complete, on_close

    def fileno(self) -> int:
        """Return the file descriptor of the open file."""
        return self._file.fileno()

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from file_blocks(self._file, self.start, self.stop)
            self.on_complete()
        finally:
            self.close()

    def close(self) -> None:
        """Close the file and call ``on_close``."""
        self._file.close()
        on_close, self._on_close = self._on_close, lambda: None
        on_close()


def send_path(
    path: Path,
    mimetype: str,
    *,
    download_name: str | None = None,
    as_attachment: bool = False,
    on_complete: Callable[[], None] = lambda: None,
    on_close: Callable[[], None] = lambda: None,
) -> Response:
    """Return the response with a file, or with the part of it that the request asks for.

    ``on_complete`` is called after the last byte of the file, also if the response is a range that
    ends there, ``on_close`` at the end of every response. Raises what ``send_file`` raises.
    """
    try:
        response = send_file(
            path,
            mimetype=mimetype,
            as_attachment=as_attachment,
            download_name=download_name,
            conditional=True,
        )
    except BaseException:
        on_close()
        raise
    start, stop = 0, response.content_length or 0
    complete = response.status_code == 200
    if response.status_code == 206:
        part = response.content_range
        start, stop = part.start or 0, part.stop or 0
        complete = stop == part.length
    if request.method != "GET" or response.status_code not in (200, 206):
        on_close()
        return response
    response.close()
    response.response = FileBody(
        open_regular(path),
        path,
        start,
        stop,
        on_complete=on_complete if complete else lambda: None,
        on_close=on_close,
    )
    response.direct_passthrough = True
    return response


def download_callback(
    identity: Identity, root: Path, now: Callable[[], float], numbers: Iterable[int]
) -> Callable[[], None]:
    """Return a callback that marks the videos of the jobs ``numbers`` as downloaded.

    Retention may delete such videos. A viewer's download marks nothing. The callback
    may be called after the request, when the request's own stores are closed.
    """
    if not identity.has_role("teacher"):
        return lambda: None

    def mark() -> None:
        with JobStore(store_path(root), now=now) as store:
            for number in numbers:
                store.mark_downloaded(number)

    return mark
