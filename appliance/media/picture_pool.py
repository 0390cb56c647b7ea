"""Reuse the memory of pictures instead of allocating and freeing it for every frame.

A picture takes megabytes. If it is allocated in one thread and freed in another, it either leaves
holes in the heap or is mapped each time, which costs a page fault for every 4 KB.
"""

from __future__ import annotations

import sys

import av

from appliance.media.picture import Picture, check_even_size

_REFS_WHEN_FREE = 2
"""Reference count of a frame that is not in use: the list's and the argument of ``getrefcount``."""


class PicturePool:
    """A pool of writable pictures of ``width`` × ``height``, both even.

    The memory of a picture can be reused when it is no longer referenced by a picture, a plane or a
    view of a plane. The pool holds as many frames as were ever in use at once; they are
    freed with the pool and the last of their users. Pictures must be requested by one thread, and
    may be released by any.

    Raises ``ValueError`` for an odd size.
    """

    def __init__(self, width: int, height: int) -> None:
        check_even_size(width, height)
        self._size = (width, height)
        self._frames: list[av.VideoFrame] = []

    @property
    def count(self) -> int:
        """Number of frames that were allocated."""
        return len(self._frames)

    def empty(self, index: int = 0) -> Picture:
        """Return an uninitialised, writable picture."""
        for position in range(len(self._frames)):
            if sys.getrefcount(self._frames[position]) == _REFS_WHEN_FREE:
                return Picture(self._frames[position], index, writable=True)
        self._frames.append(av.VideoFrame(*self._size, "yuv420p"))
        return Picture(self._frames[-1], index, writable=True)

    def copy(self, picture: Picture) -> Picture:
        """Return a writable copy of ``picture``. Raises ``ValueError`` if its size differs."""
        copy = self.empty(picture.index)
        copy.fill(picture)
        return copy
