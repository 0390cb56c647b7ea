"""Base class of the segment writers, independent of the encoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from appliance.media.picture import Picture, VideoFormat

W = TypeVar("W", bound="SegmentWriter")


class SegmentWriter(ABC):
    """Encodes pictures of the size of ``video_format`` to a segment, ``path``.

    ``path`` appears complete on :meth:`close` or never. ``frames`` counts the pictures. A writer
    may be used by one thread at a time; ``with`` closes it, or aborts on an error.
    """

    def __init__(self, path: Path, video_format: VideoFormat) -> None:
        self.path = path
        self.frames = 0
        self._size = (video_format.width, video_format.height)

    def __enter__(self: W) -> W:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort()

    def write(self, picture: Picture) -> None:
        """Append a picture. Raises ``ValueError`` if its size differs."""
        if (picture.width, picture.height) != self._size:
            raise ValueError(f"{picture.width}x{picture.height} in a segment of {self._size}")
        self._encode(picture)
        self.frames += 1

    def close(self) -> None:
        """Finish the segment and publish it under its name.

        Raises ``ValueError`` if it has no picture.
        """
        try:
            if not self.frames:
                raise ValueError("a segment needs at least one picture")
            self._finish()
        except BaseException:
            self.abort()
            raise

    @abstractmethod
    def abort(self) -> None:
        """Stop and delete the unfinished segment."""

    @abstractmethod
    def _encode(self, picture: Picture) -> None: ...

    @abstractmethod
    def _finish(self) -> None: ...
