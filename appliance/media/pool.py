"""Memory of pictures that is used again, instead of being asked for and given back each frame.

A picture of megabytes that is made in one thread and freed in another leaves holes in the heap; or
it is mapped each time anew, which costs a page fault for every 4 KB.
"""

from __future__ import annotations

import sys

import av

from appliance.media.picture import Picture, check_size

_OURS = 2
"""References to a frame that nobody else holds: the list's, and the argument of the question."""


class PicturePool:
    """Writable pictures of ``width`` × ``height``, even, in memory that is used again.

    A picture's memory is free again when nothing refers to it any more: no picture, none of its
    planes, no view on one. So many are made as were ever in use at once; they go with the pool and
    the last of their users. Pictures are asked for in one thread and may be let go of in any.

    Raises ``ValueError`` for an odd size.
    """

    def __init__(self, width: int, height: int) -> None:
        check_size(width, height)
        self._size = (width, height)
        self._frames: list[av.VideoFrame] = []

    @property
    def made(self) -> int:
        """How many pictures were made."""
        return len(self._frames)

    def empty(self, index: int = 0) -> Picture:
        """A picture whose contents are left to chance."""
        for place in range(len(self._frames)):
            if sys.getrefcount(self._frames[place]) == _OURS:
                return Picture(self._frames[place], index, writable=True)
        self._frames.append(av.VideoFrame(*self._size, "yuv420p"))
        return Picture(self._frames[-1], index, writable=True)

    def copy(self, picture: Picture) -> Picture:
        """A copy of ``picture`` to paint on. Raises ``ValueError`` for one of another size."""
        copy = self.empty(picture.index)
        copy.fill(picture)
        return copy
