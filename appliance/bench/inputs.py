"""Find or generate a presenter and a lecture for benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from appliance.bench.synthetic_clip import (
    Image,
    camera_frames,
    synthetic_speech,
    write_lecture,
    write_presenter,
)
from appliance.errors import BadInput, LecternError
from appliance.media.convert import to_rgb
from appliance.media.photo import load_photo
from appliance.media.probe import probe_presenter

WIDTH, HEIGHT, FPS = 1920, 1080, 25


def find_inputs(
    folder: Path, library: Path, seconds: float, portrait: Callable[[], Image | None]
) -> tuple[Path, Path]:
    """Return the files of a presenter and of a lecture of ``seconds``, generated in ``folder``.

    The presenter is the first video of the ``library``, else a clip generated from its first photo,
    else from ``portrait()``, an RGB image (H, W, 3) or None. Raises
    ``BadInput("bench_presenter_missing")`` if there is none of these.
    """
    lecture = write_lecture(folder / "lecture.m4a", synthetic_speech(seconds))
    photos = []
    for path in sorted(library.glob("*")) if library.is_dir() else []:
        try:
            kind = probe_presenter(path).kind
        except LecternError:
            continue
        if kind == "video":
            return path, lecture
        photos.append(path)
    image = _load_rgb(photos[0]) if photos else portrait()
    if image is None:
        raise BadInput("bench_presenter_missing")
    image_rgb = np.ascontiguousarray(image, np.uint8)
    pictures = camera_frames(lambda n: image_rgb, WIDTH, HEIGHT, FPS, seconds)
    return write_presenter(folder / "presenter.mp4", pictures, FPS), lecture


def _load_rgb(photo: Path) -> Image:
    """Return a photo as an RGB image (H, W, 3), upright and downscaled as for rendering."""
    picture, color = load_photo(photo)
    return to_rgb(picture.to_av(0, Fraction(1, FPS)), color, (picture.width, picture.height))


def demo_portrait() -> Image | None:
    """Return the portrait of ``./setup.sh demo``, or None if its package is not installed."""
    try:
        from appliance.demo import portrait

        return portrait()
    except ImportError:
        return None
