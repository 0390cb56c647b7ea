"""The learning curve: draws of equally many clips, and means over draws."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from export_tools.phonetics.learning_curve import (
    CLIPS,
    DRAWS,
    MAIN_SPEAKER,
    SPEAKERS,
    draw_clips,
    plan_trainings,
    summarize,
)

pytestmark = pytest.mark.export

NAMES = [(f"s1_{k}", MAIN_SPEAKER) for k in range(150)] + [(f"x{k}", f"x{k}") for k in range(5)]


@pytest.mark.parametrize("speakers", SPEAKERS)
def test_draw_has_the_requested_clips_and_speakers(speakers: int) -> None:
    names = draw_clips(NAMES, speakers, CLIPS, np.random.default_rng(0))
    assert len(set(names)) == CLIPS
    assert len({dict(NAMES)[name] for name in names}) == speakers


def test_draws_differ_and_are_reproducible() -> None:
    one, other = plan_trainings(NAMES), plan_trainings(NAMES)
    assert one == other
    assert len({tuple(names) for names in one.values()}) == len(one)
    assert sum(label.startswith("6/") for label in one) == DRAWS


def test_means_are_over_the_draws_of_a_setting() -> None:
    runs = {
        "1/6/0": {"new": [0.2, 0.4], "wild": [0.1, 0.1]},
        "1/6/1": {"new": [0.6, 0.8], "wild": [0.1, 0.1]},
        "2/6/0": {"new": [0.9, 0.9], "wild": [0.3, 0.3]},
    }
    table = summarize(runs)
    assert list(table) == ["1/6", "2/6"]
    assert table["1/6"]["new r"] == 0.4 and table["1/6"]["new best_r"] == 0.6
    assert table["1/6"]["new r ±"] == pytest.approx(0.2 / 2**0.5, abs=1e-3)
    assert (table["1/6"]["draws"], table["2/6"]["draws"]) == (2, 1)
