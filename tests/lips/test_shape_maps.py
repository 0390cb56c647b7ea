"""The maps that describe the target mouth to the renderer, and the guide flow."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from appliance.lips.geometry import CHIN, INNER, JAW_LINE, MOUTH_POINTS, OUTER
from appliance.lips.shape_maps import CHANNELS, GUIDE, SIZE, draw_maps, estimate_flow

Array = npt.NDArray[np.float32]


def mouth(opening: float) -> Array:
    """Mouth points (57, 2) in patch fractions, the inner lips ``opening`` apart at the middle.

    The upper lip moves by a third, the lower lip, the jaw and the chin by the rest.
    """
    points = np.zeros((len(MOUTH_POINTS), 2), np.float32)
    along = np.concatenate([np.linspace(-1, 1, 11), np.linspace(1, -1, 11)[1:-1]])
    lower = np.arange(20) <= 10
    arch = 1 - along**2
    gap = opening * arch * np.where(lower, 2 / 3, -1 / 3)
    points[INNER] = np.stack([0.22 * along, gap], axis=1)
    thick = 0.06 * arch * np.where(lower, 1, -1)
    points[OUTER] = np.stack([0.26 * along, gap + thick], axis=1)
    sides = np.linspace(-1, 1, 13)
    points[JAW_LINE] = np.stack([0.45 * sides, 0.35 - 0.2 * sides**2 + opening / 2], axis=1)
    points[53:] = np.stack([np.zeros(4), np.linspace(0.15, 0.3, 4) + opening / 2], axis=1)
    assert len(CHIN) == 4
    return points + np.array([0.5, 0.5], np.float32)


def at(flow: npt.NDArray[np.floating], x: float, y: float) -> npt.NDArray[np.floating]:
    """Return the flow of the cell at a position in patch fractions."""
    return np.asarray(flow[int(y * SIZE), int(x * SIZE)])


def test_equal_mouths_have_no_flow() -> None:
    assert np.abs(estimate_flow(mouth(0.1), mouth(0.1))).max() < 1e-6


def test_closing_lips_hide_the_inner_mouth() -> None:
    wide, shut = mouth(0.12), mouth(0.0)
    flow = estimate_flow(wide, shut)
    rows = (np.arange(SIZE) + 0.5) / SIZE
    middle = SIZE // 2
    fetched = rows + flow[:, middle, 1]
    upper, lower = 0.5 - 0.04, 0.5 + 0.08  # where the wide mouth's inner lips are
    teeth = (fetched > upper + 0.012) & (fetched < lower - 0.012)
    assert teeth.sum() <= 1  # the step itself falls into one cell
    assert np.all(np.diff(fetched) > 0)  # nothing is shown twice


def test_jaw_does_not_move_the_upper_lip() -> None:
    flow = estimate_flow(mouth(0.12), mouth(0.0))
    above, below = at(flow, 0.5, 0.46), at(flow, 0.5, 0.54)
    assert above[1] == pytest.approx(-0.04, abs=0.006)
    assert below[1] == pytest.approx(0.08, abs=0.012)


def test_flow_is_smooth_on_the_cheeks() -> None:
    flow = estimate_flow(mouth(0.12), mouth(0.0))
    beside = flow[:, : int(0.2 * SIZE)]
    assert np.abs(np.diff(beside, axis=0)).max() < 1 / SIZE  # nothing is folded over
    assert np.abs(flow[0]).max() < 0.005  # the nose does not move


def test_maps_contain_the_guide_and_the_shapes() -> None:
    source, target = mouth(0.02), mouth(0.15)
    maps = draw_maps(source, target, mouth(0.1))
    assert maps.shape == (CHANNELS, SIZE, SIZE) and maps.dtype == np.float32
    assert maps[4].sum() > 4 * maps[1].sum()  # the inner mouth, target and current
    assert np.allclose(
        maps[GUIDE].transpose(1, 2, 0) / 10, estimate_flow(source, target), atol=1e-6
    )
    assert not maps[GUIDE.stop :].any()
