"""Pooled pictures: memory is reused only when it is no longer referenced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from appliance.media.picture import Picture, VideoFormat
from appliance.media.picture_pool import PicturePool
from appliance.media.x264 import X264Writer
from appliance.render.prefetch import prefetch

SIZE = (96, 64)


def test_memory_in_use_is_not_reused() -> None:
    pool = PicturePool(*SIZE)
    first = pool.empty()
    second = pool.empty()
    assert not np.shares_memory(first.y, second.y)
    assert pool.count == 2


@pytest.mark.parametrize(
    "keep",
    [
        lambda picture: picture,
        lambda picture: picture.with_index(3),
        lambda picture: picture.v,
        lambda picture: picture.y[2:4, ::3],
        lambda picture: picture.to_av(0, Fraction(1, 25)),
        lambda picture: iter(picture.u),
    ],
)
def test_any_reference_keeps_the_memory(keep: Callable[[Picture], object]) -> None:
    pool = PicturePool(*SIZE)
    held = keep(pool.empty())
    pool.empty()
    assert pool.count == 2
    del held
    pool.empty()
    assert pool.count == 2


def test_released_memory_is_reused() -> None:
    pool = PicturePool(*SIZE)
    for index in range(50):
        picture = pool.empty(index)
        assert (picture.index, picture.y.flags.writeable) == (index, True)
        del picture
    assert pool.count == 1


def test_copy_is_equal_and_independent(draw: Callable[..., Picture]) -> None:
    source = draw(5)
    pool = PicturePool(source.width, source.height)
    for _ in range(2):  # the second time in memory that was written to
        copy = pool.copy(source)
        assert copy.index == source.index
        for plane, wanted in zip(copy.planes(), source.planes(), strict=True):
            np.testing.assert_array_equal(plane, wanted)
            plane[:] = 7
    with pytest.raises(ValueError, match="into"):
        PicturePool(*SIZE).copy(Picture.blank(64, 64))


def test_odd_size_is_refused() -> None:
    with pytest.raises(ValueError, match="even"):
        PicturePool(97, 64)


def test_few_pictures_are_allocated_with_an_encoder_in_another_thread(tmp_path: Path) -> None:
    count, depth = 120, 4
    noise = np.random.default_rng(0).integers(16, 235, (count, *SIZE[::-1]), np.uint8)
    pool = PicturePool(*SIZE)

    def drawn() -> Iterator[Picture]:
        for index in range(count):
            picture = pool.copy(Picture.blank(*SIZE, index))
            picture.y[:] = noise[index]
            yield picture

    path = tmp_path / "a.mp4"
    with (
        X264Writer(path, VideoFormat(*SIZE, Fraction(25)), crf=0) as writer,
        prefetch(drawn(), depth) as pictures,
    ):
        for picture in pictures:
            writer.write(picture)
    with av.open(str(path)) as container:
        seen = [Picture.from_av(frame, 0).y.copy() for frame in container.decode(video=0)]
    np.testing.assert_array_equal(np.stack(seen), noise)
    assert pool.count <= depth + 3  # queued, being drawn, between the two, being encoded
