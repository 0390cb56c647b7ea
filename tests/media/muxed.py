"""Helpers for the tests of muxing."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

TAGS = {"title": "讲课 one", "comment": "AI-generated lip-sync (Lectern)"}


def pictures_in(path: Path) -> list[tuple[Fraction, av.VideoFrame]]:
    """Return the frames of a video, each with its time in seconds."""
    with av.open(str(path)) as container:
        return [
            ((frame.pts or 0) * (frame.time_base or Fraction(0)), frame)
            for frame in container.decode(video=0)
        ]
