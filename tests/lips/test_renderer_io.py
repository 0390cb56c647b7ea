"""Decoding of the renderer's output: weights that sum to one, limited to the lips."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from appliance.lips import renderer_io as module
from appliance.lips.renderer_io import (
    CELL_CHANNELS,
    CHANNELS,
    MAPS,
    blend_weights,
    decode_output,
    inside_lips,
    network_inputs,
    prefer_reference_teeth,
)
from appliance.lips.shape_maps import GUIDE, GUIDE_SCALE, REFERENCE_INNER, SIZE, TARGET_INNER

Array = npt.NDArray[np.float32]


def maps(rows: slice = slice(20, 26)) -> Array:
    drawn = np.zeros((MAPS.stop - MAPS.start, SIZE, SIZE), np.float32)
    drawn[TARGET_INNER, rows, 14:34] = 1
    drawn[GUIDE] = 0.3 * GUIDE_SCALE
    return drawn


def make_output(reference: float, source: float) -> Array:
    output = np.zeros((CHANNELS, SIZE, SIZE), np.float32)
    output[module.REFERENCE], output[module.SOURCE] = reference, source
    return output


def test_guide_is_added_to_the_source_flow_only() -> None:
    output = make_output(0, 1)
    output[module.FLOW] = 0.5
    flow = decode_output(output, maps()).flow
    assert flow.shape == (SIZE, SIZE, 4) and flow.flags.c_contiguous
    assert np.allclose(flow[..., :2], 0.35) and np.allclose(flow[..., 2:], 0.05)


def test_fill_is_limited_to_the_lips() -> None:
    weights = decode_output(make_output(0, -1), maps()).weights
    assert np.allclose(weights.sum(axis=2), 1)
    assert weights[46, 48, 2] > 0.9
    assert np.all(weights[:32, :, 0] == 1) and np.all(weights[:, :20, 0] == 1)


def test_without_a_mouth_only_the_source_is_used() -> None:
    found = decode_output(make_output(1, -1), maps(slice(0, 0)))
    assert np.all(found.weights[..., 0] == 1) and not found.weights[..., 1:].any()


def test_mouth_at_the_border_is_clipped() -> None:
    found = decode_output(make_output(0, -1), maps(slice(44, 48)))
    assert found.weights[95, 48, 2] > 0.9


def test_pixels_of_a_cell_are_in_row_order() -> None:
    output = make_output(-1, -1)
    output[module.FILL_Y] = np.array([-1, 0, 0.2, 1], np.float32)[:, None, None]
    luma = decode_output(output, maps()).fill_y[44:46, 48:50]
    assert np.allclose(luma, 1 / (1 + np.exp(-5 * np.array([[-1, 0], [0.2, 1]]))), atol=1e-6)


@pytest.mark.parametrize("reference", [-1, -0.2, 0, 0.3, 1])
@pytest.mark.parametrize("source", [-1, -0.1, 0, 0.4, 1])
def test_weights_are_a_sharpened_softmax(reference: float, source: float) -> None:
    reference_weight, fill = blend_weights(*np.array([[reference], [source]], np.float32))
    odds = np.exp(5 * np.array([0, reference, -source]))  # of source, reference and fill
    soft, firm = odds / odds.sum(), odds**2 / (odds**2).sum()
    assert fill[0] == pytest.approx(min(soft[2], firm[2]), abs=1e-5)
    ratio = reference_weight[0] / (
        1 - fill[0] - reference_weight[0]
    )  # of reference to source, as squared odds
    assert ratio == pytest.approx((odds[1] / odds[0]) ** 2, rel=1e-2)


def test_closed_lips_leave_a_thin_line() -> None:
    shut = np.zeros((12, 12), np.float32)
    shut[6] = 0.1
    line = inside_lips(shut)
    assert line.shape == (24, 24) and 0.05 < line.max() < 0.5


def test_nothing_is_painted_on_the_lips() -> None:
    """The upper lip of people who smile would disappear behind teeth."""
    wide = inside_lips(np.pad(np.ones((4, 4), np.float32), 4))
    assert wide[11, 11] == 1 and 0 < wide[7, 11] < 0.6  # a soft edge at 8
    assert not wide[:5].any() and not wide[:, :5].any()


def test_network_inputs_contain_both_pictures_and_the_maps() -> None:
    one, two = (
        (np.full((1, 96, 96), level, np.float32), np.full((2, SIZE, SIZE), level, np.float32))
        for level in (0.1, -0.2)
    )
    seen = network_inputs(one, two, maps())
    assert seen["luma"].shape == (2, 96, 96) and seen["cells"].shape == (CELL_CHANNELS, SIZE, SIZE)
    assert [float(plane[0, 0]) for plane in seen["luma"]] == pytest.approx([0.1, -0.2])
    assert np.array_equal(seen["cells"][MAPS], maps())


@pytest.mark.parametrize("rows", [slice(20, 26), slice(0, 6), slice(42, 48)])
def test_reference_replaces_fill_where_it_shows_the_mouth(rows: slice) -> None:
    """The reference's flow points to five cells to the right of each cell."""
    drawn = maps(rows)
    drawn[REFERENCE_INNER, :, 30:] = 1
    output = make_output(-1, -0.5)
    output[module.FLOW] = np.array([0, 0, 50 / SIZE, 0], np.float32)[:, None, None]
    plain = decode_output(output, drawn)
    found = decode_output(output, drawn)
    prefer_reference_teeth(found, drawn)
    assert np.allclose(found.weights.sum(axis=2), 1, atol=1e-6)
    assert np.array_equal(found.weights[..., 0], plain.weights[..., 0])
    seen, unseen = np.s_[:, 2 * 26 :], np.s_[:, : 2 * 24]
    painted = plain.weights[..., 2] > 0.5
    assert painted[seen].any() and painted[unseen].any()
    assert not found.weights[seen][..., 2].any()
    assert np.array_equal(found.weights[unseen], plain.weights[unseen])


def test_nothing_changes_without_fill_or_open_reference() -> None:
    for output, drawn in ((make_output(-1, -1), maps()), (make_output(1, -1), maps(slice(0, 0)))):
        plain, found = decode_output(output, drawn), decode_output(output, drawn)
        prefer_reference_teeth(found, drawn)
        assert np.array_equal(found.weights, plain.weights)
