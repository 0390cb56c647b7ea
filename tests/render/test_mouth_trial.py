"""The decision between the presenter's own mouths and the network's."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.render.mouth_trial import GAIN_RANGE, MouthFigures, decide, find_runs, next_gain

NETWORK = MouthFigures(r=0.8, amplitude=0.7, pale=0.2, bright=0.1)


def test_own_mouths_are_used_if_nothing_is_worse() -> None:
    assert decide(NETWORK, NETWORK) == "own"
    assert decide(MouthFigures(0.9, 1.0, 0.0, 0.0), NETWORK) == "own"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"pale": 0.23}, "paler"),
        ({"bright": 0.13}, "brighter"),
        ({"amplitude": 0.6}, "opening"),
        ({"amplitude": 1.6}, "opening"),
        ({"amplitude": -0.2}, "opening"),
        ({"r": 0.77}, "timing"),
    ],
)
def test_one_worse_figure_is_enough_for_the_network(change: dict[str, float], reason: str) -> None:
    assert decide(NETWORK._replace(**change), NETWORK) == reason


def test_an_opening_within_ten_percent_is_not_worse_than_a_perfect_one() -> None:
    perfect = NETWORK._replace(amplitude=1.0)
    assert decide(perfect._replace(amplitude=0.92), perfect) == "own"
    assert decide(perfect._replace(amplitude=0.88), perfect) == "opening"


def _tried(*pairs: tuple[float, float]) -> list[tuple[float, MouthFigures]]:
    return [(gain, NETWORK._replace(amplitude=amplitude)) for gain, amplitude in pairs]


def test_the_second_gain_makes_up_for_the_amplitude_within_limits() -> None:
    assert next_gain(_tried((1.0, 0.8))) == pytest.approx(1.25)
    assert next_gain(_tried((1.0, 1.25))) == pytest.approx(0.8)
    assert next_gain(_tried((1.0, -0.3))) == GAIN_RANGE[1]
    assert next_gain(_tried((1.0, 9.0))) == GAIN_RANGE[0]


def test_a_third_gain_is_tried_between_one_too_small_and_one_too_large() -> None:
    gain = next_gain(_tried((1.0, 0.5), (1.6, 2.0)))
    assert gain == pytest.approx(1.6**0.5)
    assert next_gain(_tried((1.0, 0.5), (1.6, 1.05))) is None
    assert next_gain(_tried((1.0, 0.5), (1.6, 0.7))) is None
    assert next_gain(_tried((1.0, 0.5), (1.6, 2.0), (1.26, 1.3))) is None


def test_runs_are_spread_over_the_usable_frames() -> None:
    usable = np.ones(1000, bool)
    usable[300:340] = False
    runs = find_runs(usable)
    assert len(runs) == 6
    assert all(stop - start == 15 and usable[start:stop].all() for start, stop in runs)
    assert runs[0][0] == 0
    assert runs[-1][1] > 960
    assert all(runs[k][1] <= runs[k + 1][0] for k in range(5))


def test_stretches_that_are_too_short_are_not_used() -> None:
    usable = np.zeros(100, bool)
    usable[10:24] = True
    assert find_runs(usable) == []
    usable[40:55] = True
    assert find_runs(usable) == [(40, 55)]
    assert find_runs(np.zeros(0, bool)) == []
