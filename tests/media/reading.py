"""Helpers for reading a presenter and comparing frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.probe import PresenterInfo

MakeVideo = Callable[..., Path]
Number = Callable[[Picture], int]

X264 = {"preset": "ultrafast"}
VPX = {"g": "20", "b": "1M", "deadline": "realtime", "cpu-used": "8"}


def full_read(info: PresenterInfo, threads: int = 2) -> list[Picture]:
    with FrameReader(info, threads) as reader:
        return list(reader.read(0, info.frames))


def same(a: Iterable[Picture], b: Iterable[Picture]) -> bool:
    return all(
        first.index == second.index and np.array_equal(one, other)
        for first, second in zip(a, b, strict=True)
        for one, other in zip(first.planes(), second.planes(), strict=True)
    )
