"""Send files, and count a download only when its last byte has been sent.

A download that is interrupted does not count; one that resumes it and reaches the end does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from flask import Response

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


def call_on_complete(response: Response, path: Path, on_complete: Callable[[], None]) -> Response:
    """Make the response of ``send_file`` for ``path`` call ``on_complete`` at its end.

    ``on_complete`` is called after the last byte of the file, also if the response is a range that
    ends there. Returns the response.
    """
    start, stop = 0, response.content_length or 0
    if response.status_code == 206:
        part = response.content_range
        start, stop = part.start or 0, part.stop or 0
        if stop != part.length:
            return response
    elif response.status_code != 200:
        return response

    def send() -> Iterator[bytes]:
        with open_regular(path) as file:
            yield from file_blocks(file, start, stop)
        on_complete()

    response.close()
    response.response = send()
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
