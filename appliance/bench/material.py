"""What to measure with when nobody names a presenter and a lecture."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from appliance.bench.clip import Image, filmed, murmur, write_lecture, write_presenter
from appliance.errors import BadInput, LecternError
from appliance.media.convert import rgb_of
from appliance.media.photo import load_photo
from appliance.media.probe import probe_presenter

WIDTH, HEIGHT, FPS = 1920, 1080, 25


def find_material(
    folder: Path, library: Path, seconds: float, sample: Callable[[], Image | None]
) -> tuple[Path, Path]:
    """A presenter and ``seconds`` of lecture, made in ``folder`` where needed.

    The first video of the ``library``; else a moving picture of its first photo, else of
    ``sample()``, an RGB image. Raises ``BadInput("bench_presenter")`` where there is none.
    """
    lecture = write_lecture(folder / "lecture.m4a", murmur(seconds))
    photos = []
    for path in sorted(library.glob("*")) if library.is_dir() else []:
        try:
            kind = probe_presenter(path).kind
        except LecternError:
            continue
        if kind == "video":
            return path, lecture
        photos.append(path)
    image = _image(photos[0]) if photos else sample()
    if image is None:
        raise BadInput("bench_presenter")
    still = np.ascontiguousarray(image, np.uint8)
    pictures = filmed(lambda n: still, WIDTH, HEIGHT, FPS, seconds)
    return write_presenter(folder / "presenter.mp4", pictures, FPS), lecture


def _image(photo: Path) -> Image:
    """A photo as a presenter, upright and of a useful size."""
    picture, color = load_photo(photo)
    return rgb_of(picture.to_av(0, Fraction(1, FPS)), color, (picture.width, picture.height))


def demo_portrait() -> Image | None:
    """The portrait of ``./setup.sh demo``, where its package is installed."""
    try:
        from appliance.demo import portrait

        return portrait()
    except ImportError:
        return None
