from __future__ import annotations

import numpy as np
import pytest

from appliance.face.sampling import Matrix, apply, chroma_matrix, compose
from appliance.lips.window import Window, mask_bounds, to_half_size


def turned(scale: float, degrees: float, x: float, y: float) -> Matrix:
    c, s = np.cos(np.radians(degrees)) * scale, np.sin(np.radians(degrees)) * scale
    return np.array([[c, -s, x], [s, c, y]])


MATRIX = turned(80, 12, 61.5, 40.2)


@pytest.fixture
def mask() -> np.ndarray:
    mask = np.zeros((96, 96), np.float32)
    mask[30:60, 20:70] = 1
    return mask


def test_window_contains_all_pixels_of_the_mask(mask: np.ndarray) -> None:
    window = Window.of_mask(MATRIX, mask, (200, 240))
    assert window is not None
    whole = Window(0, 0, 240, 200, compose(np.linalg.inv(np.vstack([MATRIX, [0, 0, 1]]))[:2],
                                           np.eye(2, 3)))  # fmt: skip
    everywhere = whole.resample(mask)
    inside = np.zeros_like(everywhere)
    inside[window.slices] = window.resample(mask)
    assert np.abs(inside - everywhere).max() < 1e-3
    assert inside.max() > 0.99
    assert not {window.left % 2, window.top % 2, window.width % 2, window.height % 2} - {0}


def test_half_size_window_covers_the_same_patch(mask: np.ndarray) -> None:
    window = Window.of_mask(MATRIX, mask, (200, 240))
    assert window is not None
    half = window.half_size()
    luma = np.array([[11.0, 7.0]])
    chroma = (luma - 0.5) / 2
    np.testing.assert_allclose(apply(half.to_patch, chroma), apply(window.to_patch, luma))
    np.testing.assert_allclose(apply(to_half_size(MATRIX), luma), apply(MATRIX, luma) / 2 - 0.25)


@pytest.mark.parametrize("pixels", [1.0, 1.5])
def test_siting_of_chroma_cancels_at_equal_size(mask: np.ndarray, pixels: float) -> None:
    """Chroma sampled for the network returns to its place; the error grows with the enlargement."""
    side = 96 * pixels  # of the patch in luma pixels
    matrix = np.array([[side, 0, 40.0], [0, side, 20.0]])
    to_picture = compose(matrix, np.array([[1 / 96, 0, 0.5 / 96], [0, 1 / 96, 0.5 / 96]]))
    cells = np.stack(np.meshgrid(np.arange(48.0), np.arange(48.0)), axis=-1)
    sampled_at = apply(chroma_matrix(to_picture), cells)[..., 0].astype(np.float32)
    window = Window.of_mask(matrix, mask, (300, 300))
    assert window is not None
    half = window.half_size()
    shift = half.resample(sampled_at) - (half.left + np.arange(half.width))
    np.testing.assert_allclose(shift, (1 - pixels) / 4, atol=0.02)


def test_map_pixels_applies_the_matrix(mask: np.ndarray) -> None:
    window = Window.of_mask(MATRIX, mask, (200, 240))
    assert window is not None
    x, y = window.map_pixels(MATRIX)  # from pixels to the patch and back
    np.testing.assert_allclose(x[5, 7], window.left + 7, atol=1e-3)
    np.testing.assert_allclose(y[5, 7], window.top + 5, atol=1e-3)


def test_raster_is_resampled_over_the_patch(mask: np.ndarray) -> None:
    window = Window.of_mask(MATRIX, mask, (200, 240))
    assert window is not None
    raster = np.zeros((48, 48, 4), np.float32)
    raster[..., 0] = (np.arange(48) + 0.5) / 48  # the position of each cell
    raster[..., 1] = raster[..., 0].T
    spread = window.resample(raster)
    rows, columns = np.mgrid[: window.height, : window.width]
    place = apply(window.to_patch, np.stack([columns, rows], axis=-1).astype(float))
    inside = np.all((place > 1 / 48) & (place < 47 / 48), axis=-1)
    assert inside.mean() > 0.5
    np.testing.assert_allclose(spread[inside, :2], place[inside], atol=1e-3)


def test_crop_contains_the_span_and_stays_inside(mask: np.ndarray) -> None:
    window = Window.of_mask(MATRIX, mask, (200, 240))
    assert window is not None
    small = np.zeros((96, 96), np.float32)
    small[40:44, 40:50] = 1
    span = mask_bounds(small > 0)
    assert span is not None
    inner = window.crop(span)
    assert inner is not None
    whole = window.resample(small)
    part = np.zeros_like(whole)
    part[inner.slices] = inner.resample(small)
    assert np.abs(part - whole).max() < 1e-3
    assert inner.width < window.width and inner.height < window.height


def test_empty_or_outside_mask_has_no_window(mask: np.ndarray) -> None:
    assert mask_bounds(mask > 2) is None
    assert Window.of_mask(MATRIX, np.zeros_like(mask), (200, 240)) is None
    assert Window.of_mask(turned(80, 0, 5000, 5000), mask, (200, 240)) is None
