"""Masks against the area of their polygons, and the guide against known movements."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from appliance.lips.geometry import INNER, JAW_LINE, OUTER
from appliance.lips.shape_maps import (
    CHANNELS,
    GUIDE_SCALE,
    SIZE,
    draw_maps,
    estimate_flow,
    fill_polygon,
)

Array = npt.NDArray[np.float32]


def ellipse(x: float, y: float, rx: float, ry: float, count: int = 20) -> Array:
    """Return a ring in the order of the lips' rings: from the left corner along the lower side."""
    angle = np.pi - np.arange(count) / count * 2 * np.pi
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1).astype(np.float32)


def mouth(gap: float = 0.06) -> Array:
    """Return mouth points (57, 2) in fractions: two rings of lips, jaw and chin."""
    along = np.linspace(np.pi, 0, 13)
    jaw = np.stack([0.5 + 0.45 * np.cos(along), 0.35 + 0.5 * np.sin(along)], axis=1)
    chin = np.stack([np.full(4, 0.5), [0.62, 0.68, 0.74, 0.8]], axis=1)
    rings = [ellipse(0.5, 0.45, 0.25, 0.06 + gap), ellipse(0.5, 0.45, 0.2, gap)]
    return np.concatenate([*rings, jaw, chin]).astype(np.float32)


def area(outline: Array) -> float:
    """Return the area of a polygon (n, 2) by the shoelace formula."""
    x, y = outline.astype(np.float64).T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def rim(outline: Array, size: int) -> float:
    """Return the area that OpenCV fills beyond a polygon: half a pixel of the fourfold drawing."""
    around = np.linalg.norm(outline - np.roll(outline, -1, axis=0), axis=1).sum()
    return float(around) * 0.5 / (4 * size)


@pytest.mark.parametrize("size", [48, 96])
@pytest.mark.parametrize(
    "outline",
    [
        ellipse(0.5, 0.5, 0.3, 0.2),
        ellipse(0.41, 0.57, 0.22, 0.11),
        np.array([[0.2, 0.3], [0.77, 0.21], [0.6, 0.83]], np.float32),
        np.array([[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]], np.float32),
    ],
    ids=["ellipse", "small ellipse", "triangle", "square"],
)
def test_mask_has_the_area_of_its_polygon(outline: Array, size: int) -> None:
    mask = fill_polygon(outline, size)
    assert mask.shape == (size, size)
    assert 0 <= mask.min() <= mask.max() <= 1
    assert float(mask.mean()) == pytest.approx(area(outline) + rim(outline, size), rel=0.02)


def test_mask_has_the_position_of_its_polygon() -> None:
    mask = fill_polygon(ellipse(0.3, 0.7, 0.1, 0.15), SIZE)
    centres = (np.arange(SIZE) + 0.5) / SIZE
    assert float(mask.sum(axis=0) @ centres / mask.sum()) == pytest.approx(0.3, abs=0.004)
    assert float(mask.sum(axis=1) @ centres / mask.sum()) == pytest.approx(0.7, abs=0.004)


@pytest.mark.parametrize("x", [-0.3, -0.1, 0.0, 0.5, 1.0, 1.1, 1.4])
@pytest.mark.parametrize("y", [-0.1, 0.02, 1.0])
def test_polygon_is_clipped_at_the_border(x: float, y: float) -> None:
    drawn = fill_polygon(ellipse(x, y, 0.2, 0.15), SIZE)
    within = fill_polygon(ellipse((x + 1) / 3, (y + 1) / 3, 0.2 / 3, 0.05), 3 * SIZE)
    # Up to two of the sixteen pixels of a cell differ, where corners are rounded.
    assert np.abs(drawn - within[SIZE : 2 * SIZE, SIZE : 2 * SIZE]).max() < 0.13


def test_mask_grows_with_the_gap_within_a_pixel() -> None:
    gaps = [0.002, 0.01, 0.02, 0.03, 0.05]
    areas = [float(fill_polygon(mouth(gap)[INNER], SIZE).sum()) for gap in gaps]
    assert np.all(np.diff(areas) > 0)


@pytest.mark.parametrize("way", [(0.03, 0.0), (0.0, -0.04), (0.02, 0.05)])
def test_translation_is_estimated_near_the_points(way: tuple[float, float]) -> None:
    source = mouth()
    target = source + np.array(way, np.float32)
    flow = estimate_flow(source, target)
    assert flow.shape == (SIZE, SIZE, 2)
    cells = np.clip((target[:40] * SIZE).astype(int), 0, SIZE - 1)
    near = flow[cells[:, 1], cells[:, 0]]
    # Backward flow: a cell of the target points to its origin.
    length = float(np.linalg.norm(way))
    assert np.linalg.norm(near + way, axis=1).max() < 0.1 * length
    # The top corners of the patch, far from every point, do not move.
    assert np.abs(flow[0, [0, -1]]).max() < 0.15 * length


def test_equal_shapes_have_no_flow() -> None:
    assert not estimate_flow(mouth(), mouth()).any()


def test_each_map_is_in_its_channel() -> None:
    source, target, reference = mouth(0.02), mouth(0.08), mouth(0.05)
    maps = draw_maps(source, target, reference)
    assert maps.shape == (CHANNELS, SIZE, SIZE)
    assert maps.dtype == np.float32
    order = [(source, OUTER), (source, INNER), (source, JAW_LINE)]
    order += [(target, OUTER), (target, INNER), (target, JAW_LINE), (reference, INNER)]
    for channel, (shape, part) in enumerate(order):
        assert np.array_equal(maps[channel], fill_polygon(shape[part], SIZE))
    flow = estimate_flow(source, target)
    assert np.array_equal(maps[7], flow[..., 0] * np.float32(GUIDE_SCALE))
    assert np.array_equal(maps[8], flow[..., 1] * np.float32(GUIDE_SCALE))
