"""Send files, and count a download only when its last byte has been sent.

A download that is interrupted does not count; one that resumes it and reaches the end does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from flask import Response

BLOCK = 1 << 18
"""Number of bytes that are read and sent at a time."""


def blocks(file: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
    """Yield the bytes ``start`` to ``stop`` (exclusive) of a file in blocks.

    Raises ``OSError`` if the file is shorter; the client then detects that the data is incomplete.
    """
    file.seek(start)
    left = stop - start
    while left:
        block = file.read(min(BLOCK, left))
        if not block:
            raise OSError(f"{file.name} is shorter than it was")
        left -= len(block)
        yield block


def noted(response: Response, path: Path, taken: Callable[[], None]) -> Response:
    """Make the response of ``send_file`` for ``path`` call ``taken`` when the file has been sent.

    ``taken`` is called after the last byte of the file, also if the response is a range that ends
    there. Returns the response.
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
        with path.open("rb") as file:
            yield from blocks(file, start, stop)
        taken()

    response.close()
    response.response = send()
    return response
