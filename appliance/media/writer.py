"""What the writers of segments have in common, whatever encodes them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from appliance.media.picture import Picture

W = TypeVar("W", bound="Writer")


class Writer(ABC):
    """Encodes pictures of ``width`` × ``height`` to ``path``, which appears whole on :meth:`close`
    or never. ``frames`` counts them. Belongs to one thread at a time; ``with`` closes it, or aborts
    on an error."""

    def __init__(self, path: Path, width: int, height: int) -> None:
        self.path = path
        self.frames = 0
        self._size = (width, height)

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
        """Append a picture. Raises ``ValueError`` for one of another size."""
        if (picture.width, picture.height) != self._size:
            raise ValueError(f"{picture.width}x{picture.height} in a segment of {self._size}")
        self._encode(picture)
        self.frames += 1

    def close(self) -> None:
        """Finish the segment and put it on the disk under its name.

        Raises ``ValueError`` when there is no picture in it.
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
        """Give up: nothing is left behind."""

    @abstractmethod
    def _encode(self, picture: Picture) -> None: ...

    @abstractmethod
    def _finish(self) -> None: ...
