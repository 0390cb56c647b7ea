"""The result of learning, its report, and its file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from appliance.enrolment.enrolment import Enrolment, learn
from appliance.enrolment.shapes import ShapeRange
from appliance.enrolment.stretch import Stretch
from tests.enrolment.conftest import Speaker


def enrol(speaker: Speaker, *stretches: Stretch) -> Enrolment:
    return learn(stretches, speaker.generic, speaker.basis, speaker.rest, 1.0)


def silent(stretch: Stretch) -> Stretch:
    return replace(stretch, speech=np.zeros_like(stretch.speech))


def test_report_of_a_learned_motion(speaker: Speaker) -> None:
    found = enrol(speaker, speaker.record(20, 1, 0.12))
    assert found.mode == "learned" and found.motion is not None
    report = found.report()
    assert report["offset_ms"] is not None and abs(report["offset_ms"] - 120) <= 20
    assert report["speech_s"] == pytest.approx(20, abs=0.2)
    assert report["motion"]["mode"] == "learned" and report["motion"]["cv_gain"] > 0.02


def test_why_nothing_was_learned(speaker: Speaker) -> None:
    cases = {
        "unrelated": [speaker.record(20, 1, dubbed=True)],
        "too_short": [speaker.record(3, 1)],
        "no_sound": [silent(speaker.record(20, 1))],
    }
    for mode, stretches in cases.items():
        found = enrol(speaker, *stretches)
        assert (found.mode, found.motion) == (mode, None)
        assert found.report()["offset_ms"] is None
    assert enrol(speaker).mode == "no_sound"


def test_a_dubbed_shot_changes_nothing(speaker: Speaker) -> None:
    own, dubbed = speaker.record(15, 1), speaker.record(15, 2, dubbed=True)
    alone, both = enrol(speaker, own), enrol(speaker, own, dubbed)
    assert alone.motion is not None and both.motion is not None
    np.testing.assert_array_equal(alone.motion.matrices, both.motion.matrices)


def test_file_is_read_back(speaker: Speaker, tmp_path: Path) -> None:
    path = tmp_path / "learned.npz"
    for found in (enrol(speaker, speaker.record(15, 1)), Enrolment("no_sound")):
        found.save(path)
        back = Enrolment.load(path)
        assert back.report() == found.report()
        assert (back.offset, back.shapes) == (found.offset, found.shapes)
        if found.motion is None:
            assert back.motion is None
        else:
            assert back.motion is not None
            for name in ("matrices", "taps", "bias"):
                before, after = getattr(found.motion, name), getattr(back.motion, name)
                np.testing.assert_array_equal(before, after)
                assert before.dtype == after.dtype


class TestShapes:
    REST = np.zeros((57, 3))
    REST[0, 0], REST[10, 0] = -0.25, 0.25  # the corners of the mouth

    def shapes(self, openings: np.ndarray, widths: np.ndarray) -> np.ndarray:
        found = np.repeat(self.REST[None], len(openings), axis=0)
        found[:, [0, 10], 0] *= widths[:, None]
        found[:, 25, 1] = openings
        return found

    def test_missing_shapes_are_named(self) -> None:
        steps = np.linspace(0, 1, 200)
        full = self.shapes(0.1 * steps, 0.9 + 0.2 * steps[::-1])
        assert ShapeRange.measure(full, self.REST).missing == []
        mumbled = self.shapes(0.02 * steps, 0.9 + 0.2 * steps)
        assert ShapeRange.measure(mumbled, self.REST).missing == ["ah"]
        flat = self.shapes(0.1 * steps, np.ones(200))
        assert ShapeRange.measure(flat, self.REST).missing == ["oh", "ee"]
