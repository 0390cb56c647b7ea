"""Patches of 4:2:0 pictures, tested on gradients, whose samples are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from appliance.face.sampling import (
    Matrix,
    apply,
    chroma_matrix,
    compose,
    invert,
    sample_plane,
    sample_rgb,
    sample_yuv,
)
from appliance.media.picture import Picture

IDENTITY = np.array([[1.0, 0, 0], [0, 1.0, 0]])
WIDTH, HEIGHT = 320, 240


def noise(seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)


def turned(angle: float, scale: float, x: float, y: float) -> Matrix:
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, x], [s, c, y]])


def gradient_picture() -> Picture:
    """112 × 84; luma is 20 + x + y, U 30 + 2x, V 30 + 2y, sampled where H.264 puts chroma."""
    picture = Picture.blank(112, 84)
    x, y = np.arange(112), np.arange(84)
    picture.y[:] = 20 + x[None] + y[:, None]
    # Co-sited with even columns, between rows (ITU-T H.264 annex E, type 0).
    picture.u[:] = 30 + 2 * x[None, ::2]
    picture.v[:] = 30 + 2 * y[::2, None] + 1
    return picture


def test_identity_returns_the_plane() -> None:
    plane = noise()
    assert np.array_equal(sample_plane(plane, IDENTITY, WIDTH, HEIGHT), plane)


def test_whole_pixel_offset_returns_the_part() -> None:
    plane = noise()
    patch = sample_plane(plane, turned(0, 1, 17, 31), 64, 48)
    assert np.array_equal(patch, plane[31 : 31 + 48, 17 : 17 + 64])


def test_quarter_turn_returns_the_rotated_part() -> None:
    plane = noise()
    patch = sample_plane(plane, turned(np.pi / 2, 1, 100, 50), 40, 30)
    assert np.array_equal(patch, plane[50:90, 71:101][:, ::-1].T)


@pytest.mark.parametrize("factor", [2, 3, 4, 7])
def test_downscaling_averages(factor: int) -> None:
    plane = noise()
    offset = (factor - 1) / 2  # a patch pixel's centre is its block's centre
    patch = sample_plane(plane, turned(0, factor, offset + factor, offset), 40, 30)
    part = plane[: 30 * factor, factor : 41 * factor]
    part = part[:, : part.shape[1] // factor * factor]
    blocks = part.reshape(part.shape[0] // factor, factor, -1, factor).mean(axis=(1, 3))
    assert abs(float(patch.mean()) - float(blocks.mean())) < 1
    # Averaging removes noise that plain bilinear sampling would keep.
    assert patch.std() < 1.1 * blocks.std()


def test_downscaling_does_not_alias() -> None:
    stripes = np.zeros((HEIGHT, WIDTH), np.uint8)
    stripes[:, ::2] = 200
    patch = sample_plane(stripes, turned(0.3, 4.3, 90, 30), 30, 30)
    assert abs(float(patch.mean()) - 100) < 2
    assert patch.std() < 10


@pytest.mark.parametrize("scale", [0.31, 0.9, 1.7, 2.4, 4.0])
@pytest.mark.parametrize("angle", [0.0, 0.4, -1.3, 3.0])
def test_luma_and_chroma_are_sampled_at_the_same_position(scale: float, angle: float) -> None:
    size = int(54 / scale)
    corner = turned(angle, scale, 0, 0)[:, :2] @ np.full(2, (size - 1) / 2)
    matrix = turned(angle, scale, 56 - corner[0], 42 - corner[1])
    patch = sample_yuv(gradient_picture(), matrix, size, size)
    columns, rows = np.meshgrid(np.arange(size), np.arange(size))
    x, y = np.moveaxis(apply(matrix, np.stack([columns, rows], axis=-1)), -1, 0)
    for k, truth in enumerate([20 + x + y, 30 + 2 * x, 30 + 2 * y]):
        error = patch[..., k] - truth
        assert np.abs(error).max() < 1.1
        assert abs(float(error.mean())) < 0.15  # a wrong siting moves chroma by 1, or 0.5


def test_half_size_chroma_patch_matches_its_luma_patch() -> None:
    matrix = turned(0.5, 0.9, 40, 10)
    picture = gradient_picture()
    u = sample_plane(picture.u, chroma_matrix(matrix), 25, 25)
    v = sample_plane(picture.v, chroma_matrix(matrix), 25, 25)
    columns, rows = np.meshgrid(np.arange(25), np.arange(25))
    at = apply(matrix, np.stack([2.0 * columns, 2.0 * rows + 0.5], axis=-1))
    for plane, truth in ((u, 30 + 2 * at[..., 0]), (v, 30 + 2 * at[..., 1])):
        assert np.abs(plane - truth).max() < 1.1
        assert abs(float((plane - truth).mean())) < 0.15


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_edge_is_replicated(scale: float) -> None:
    patch = sample_plane(gradient_picture().y, turned(0, scale, -20, 10), 30, 15)
    x = np.clip(scale * np.arange(30) - 20, 0, None)
    y = scale * np.arange(15) + 10
    assert np.abs(patch - (20.0 + x[None] + y[:, None])).max() <= scale + 0.5


def test_patch_outside_the_picture_is_the_edge() -> None:
    plane = np.full((HEIGHT, WIDTH), 77, np.uint8)
    for scale in (1.0, 6.0):
        assert (sample_plane(plane, turned(0.2, scale, 5000, -4000), 16, 16) == 77).all()


@pytest.mark.parametrize("seed", range(5))
def test_matrices_compose_and_invert(seed: int) -> None:
    rng = np.random.default_rng(seed)
    outer = turned(*rng.uniform([-3, 0.2, -50, -50], [3, 4, 50, 50]))
    inner = turned(*rng.uniform([-3, 0.2, -50, -50], [3, 4, 50, 50]))
    points = rng.uniform(-100, 100, (7, 2))
    assert np.allclose(apply(compose(outer, inner), points), apply(outer, apply(inner, points)))
    assert np.allclose(apply(invert(outer), apply(outer, points)), points)


@pytest.mark.parametrize(
    ("yuv", "rgb"),
    # ITU-R BT.601-7, limited range: black, white, red, green, blue.
    [
        ((16, 128, 128), (0, 0, 0)),
        ((235, 128, 128), (255, 255, 255)),
        ((81, 90, 240), (255, 0, 0)),
        ((145, 54, 34), (0, 255, 0)),
        ((41, 240, 110), (0, 0, 255)),
    ],
)
def test_rgb_has_the_right_colours(yuv: tuple[int, ...], rgb: tuple[int, ...]) -> None:
    picture = Picture.blank(16, 16)
    picture.y[:], picture.u[:], picture.v[:] = yuv
    patch = sample_rgb(picture, IDENTITY, 8, 8)
    assert np.abs(patch[4, 4].astype(int) - rgb).max() <= 30  # the chroma's range is not stretched
    assert patch[4, 4].argmax() == np.argmax(rgb)
