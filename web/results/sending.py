"""Files that count as taken: noted when their last byte has been handed over, and not before.

A download that breaks off is none, and one that goes on where an earlier one broke off is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from flask import Response

BLOCK = 1 << 18
"""Bytes that are read and sent at a time."""


def blocks(file: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
    """The bytes ``start`` to ``stop`` (exclusive) of a file.

    Raises ``OSError`` where it is shorter: who receives them then sees that they are cut off.
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
    """The answer of ``send_file`` for ``path``, or for the part of it that was asked for.

    ``taken`` is called when all of it to the file's end has been sent.
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
