"""The verdict as a text beside the video."""

from __future__ import annotations

import pytest

from appliance.messages.score import GRADES, REASONS, UNMEASURED
from appliance.render.verdict_text import verdict_text


def test_text_names_grade_reasons_times_and_pictures_in_two_languages() -> None:
    reason = {"code": "lips_pale", "grade": "poor", "start_s": 62.4, "stop_s": 3725.0, "picture": 2}
    whole = {"code": "seam", "grade": "check", "start_s": None, "stop_s": None, "picture": None}
    verdict = {"grade": "poor", "reasons": [reason, whole], "unmeasured": []}
    english, chinese = verdict_text({"verdict": verdict}).split("\n\n")
    assert english.splitlines() == [
        "Quality: " + GRADES["poor"]["en"],
        f"- {REASONS['lips_pale']['en']} [1:02–1:02:05] (Picture: *.check-2.jpg)",
        f"- {REASONS['seam']['en']}",
    ]
    assert chinese.splitlines()[0] == "质量：" + GRADES["poor"]["zh"]
    assert REASONS["seam"]["zh"] in chinese


@pytest.mark.parametrize("score", [{}, {"verdict": {}}])
def test_unmeasured_video_says_so(score: dict[str, object]) -> None:
    text = verdict_text(score)
    assert GRADES["not_measured"]["en"] in text
    assert UNMEASURED["score_missing"]["zh"] in text
    assert "good" not in text


def test_good_video_is_one_line() -> None:
    verdict = {"grade": "good", "reasons": [], "unmeasured": []}
    assert verdict_text({"verdict": verdict}) == "Quality: good.\n\n质量：良好。\n"
