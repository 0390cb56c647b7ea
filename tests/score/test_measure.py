"""Scores of finished videos with faults of known kind and size."""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from appliance.errors import BadInput
from appliance.face.track import SEGMENT_FRAMES
from appliance.media.probe import probe_presenter
from appliance.score import Score, format_score, score_video
from appliance.score.measure import _spans
from tests.talking_face import Image, face_with_opening, portrait, write_video

from .conftest import PAUSE, Film, Openings


def codes(score: Score) -> list[str]:
    return [reason.code for reason in score.verdict.reasons]


@pytest.fixture(scope="module")
def itself(spoken: Path) -> Score:
    return score_video(spoken, reference=spoken, source=spoken)


def test_video_against_itself_is_perfect(itself: Score) -> None:
    assert itself.reference is not None
    assert itself.reference.opening.r == pytest.approx(1)
    assert itself.reference.opening.best_r == pytest.approx(1)
    assert itself.reference.opening.lag_ms == 0
    assert itself.reference.lmd == 0
    assert itself.reference.frames == 100
    assert itself.sharpness is not None
    assert (itself.sharpness.mouth, itself.sharpness.normalised) == (1, 1)
    assert itself.outside is not None
    assert (itself.outside.mean, itself.outside.max, itself.outside.seam) == (0, 0, 0)
    assert (itself.verdict.grade, itself.verdict.moments, itself.notes) == ("good", (), ())


def test_score_matches_the_synthetic_video(itself: Score) -> None:
    assert (itself.face, itself.seconds, itself.measured_s, itself.fps) == (1, 4, 4, 25)
    assert itself.loudness is not None
    assert itself.loudness.best_r is not None
    assert itself.loudness.best_r > 0.7
    assert itself.loudness.lag_ms == 0
    assert itself.silence is not None
    # The mesh measures 0.024 for the closed lips of this portrait.
    assert 0.01 < itself.silence.opening_median <= itself.silence.opening_p95 < 0.04
    assert 0.4 < itself.silence.seconds < (PAUSE.stop - PAUSE.start) / 25
    assert itself.jitter is not None
    assert itself.jitter.lips < 0.003


@pytest.mark.parametrize("late", [3, -3])
def test_shift_of_three_frames_is_120_ms(
    film: Film, images: list[Image], spoken: Path, late: int
) -> None:
    shifted = images[-late:] + images[:-late]
    score = score_video(film("shifted", shifted), reference=spoken)
    assert score.reference is not None
    found = score.reference.opening
    assert found.lag_ms == 40 * late
    assert found.best_r is not None
    assert found.r is not None
    assert found.best_r > 0.97 > 0.6 > found.r
    assert score.reference.lmd is not None
    assert score.reference.lmd > 0.01
    assert codes(score) == ["mouth_late" if late > 0 else "mouth_early"]
    assert score.verdict.grade == "poor"
    # Without a reference, the audio gives the same result, but roughly.
    assert score.loudness is not None
    assert score.loudness.lag_ms is not None
    assert score.loudness.lag_ms * late > 0


def test_frozen_mouth_has_no_correlation_and_a_note(
    film: Film, images: list[Image], spoken: Path
) -> None:
    frozen = score_video(film("frozen", images[PAUSE.start :][:1] * 70), reference=spoken)
    assert frozen.reference is not None
    assert frozen.reference.opening.r is None
    assert frozen.reference.opening.best_r is None
    assert frozen.reference.lmd is not None
    assert frozen.loudness is not None
    assert frozen.loudness.r is None
    assert "mouth_still" in frozen.notes
    assert (codes(frozen), frozen.verdict.grade) == (["mouth_still"], "poor")
    assert frozen.as_dict()["reference"]["opening"]["r"] is None
    # In the other direction, the reference is the cause.
    other = score_video(film("part", images[:40]), reference=film("still", images[:1] * 40))
    assert other.reference is not None
    assert other.reference.opening.r is None
    assert "reference_still" in other.notes


def test_blurred_mouth_is_not_sharp(film: Film, images: list[Image], spoken: Path) -> None:
    def blur(image: Image) -> Image:
        result = image.copy()
        part = (slice(105, 185), slice(70, 175))
        result[part] = cv2.GaussianBlur(image, (0, 0), 1.5)[part]
        return result

    score = score_video(film("blurred", [blur(image) for image in images]), source=spoken)
    assert score.sharpness is not None
    assert score.sharpness.normalised < 0.6
    assert score.sharpness.eyes > 0.9
    assert "mouth_blurred" in codes(score)
    assert score.verdict.moments
    assert {moment.code for moment in score.verdict.moments} == {"mouth_blurred"}


def test_open_and_trembling_mouth_in_a_pause(film: Film, images: list[Image]) -> None:
    shaken = list(images)
    for k in range(PAUSE.start, PAUSE.stop):
        shaken[k] = face_with_opening(0.12 + 0.08 * (k % 2))
    score = score_video(film("shaken", shaken))
    assert score.silence is not None
    assert score.silence.opening_median > 0.1
    assert score.jitter is not None
    assert score.jitter.lips > 0.02
    assert {"open_in_silence", "mouth_trembling"} <= set(codes(score))
    assert score.verdict.grade == "poor"
    assert [moment.code for moment in score.verdict.moments] == ["mouth_trembling"]
    spans = {reason.code: reason.span for reason in score.verdict.reasons}
    span = spans["open_in_silence"]
    assert span is not None
    assert PAUSE.start - 25 < span.start_s * 25 <= span.frame < PAUSE.stop
    assert PAUSE.start / 25 - 1 < score.verdict.moments[0].at_s < PAUSE.stop / 25


def test_badge_is_excluded_and_other_changes_are_detected(
    film: Film, images: list[Image], spoken: Path
) -> None:
    marked = [image.copy() for image in images]
    for image in marked:
        image[232:248, 168:248] = 255 - image[232:248, 168:248] // 3
    marked[30][20:28, 20:28] = 255 - marked[30][20:28, 20:28]
    score = score_video(film("marked", marked), source=spoken)
    assert score.outside is not None
    assert 0.01 < score.outside.badge_share < 0.05
    assert score.outside.max > 60
    assert score.outside.mean < 0.5
    assert codes(score) == []


def test_source_is_read_in_pingpong_order(film: Film, images: list[Image]) -> None:
    source = film("short", images[:30], sound=False)
    turn = [*images[:30], *images[28:0:-1]]
    there_and_back = (turn * 2)[:100]
    score = score_video(film("long", there_and_back), source=source)
    assert score.outside is not None
    assert score.outside.frames == 2 * 30  # the forward runs
    assert score.outside.mean < 0.3
    assert score.sharpness is not None
    assert score.sharpness.normalised == pytest.approx(1, abs=0.1)


def test_photo_as_source(film: Film, images: list[Image], tmp_path: Path) -> None:
    photo = tmp_path / "presenter.png"
    Pillow.fromarray(portrait()).save(photo)
    score = score_video(film("spoken", images), source=photo)
    assert score.outside is not None
    assert score.outside.frames == 100
    assert score.outside.mean < 2
    assert score.sharpness is not None
    assert 0.5 < score.sharpness.mouth < 2


def test_source_of_other_size_is_not_compared(
    film: Film, images: list[Image], spoken: Path
) -> None:
    small = [np.ascontiguousarray(image[:, :240]) for image in images[:30]]
    score = score_video(spoken, source=film("small", small, sound=False))
    assert (score.sharpness, score.outside) == (None, None)
    assert "source_differs" in score.notes


def test_reference_of_another_rate(film: Film, openings: Openings, spoken: Path) -> None:
    halves = np.interp(np.arange(120) / 2, np.arange(100), openings)
    late = np.concatenate([np.zeros(4), halves[:-4]])  # 80 ms
    twice = [face_with_opening(float(opening)) for opening in late]
    score = score_video(spoken, reference=film("twice", twice, fps=50))
    assert score.reference is not None
    assert score.reference.opening.lag_ms == -80
    assert score.reference.opening.best_r is not None
    assert score.reference.opening.best_r > 0.97


def test_missing_or_short_audio(film: Film, images: list[Image]) -> None:
    score = score_video(film("mute", images[:20], sound=False))
    assert (score.loudness, score.silence, score.jitter) == (None, None, None)
    assert "no_sound" in score.notes
    assert score.verdict.grade == "not_measured"
    assert score.verdict.unmeasured == ("sound_unmeasured", "look_unmeasured")


def test_face_that_is_visible_at_times(film: Film, images: list[Image]) -> None:
    wall = np.full_like(images[0], 120)
    gone = [*images[:50], *[wall] * 50]
    score = score_video(film("gone", gone), source=film("same", gone))
    assert score.face == pytest.approx(0.5, abs=0.01)
    assert "face_missing" in codes(score)
    assert score.verdict.grade == "poor"
    assert all(moment.at_s >= 2 for moment in score.verdict.moments)
    assert score.outside is not None
    assert score.outside.max == 0


def test_video_without_face_and_photo_are_refused(tmp_path: Path) -> None:
    wall = [np.full((64, 64, 3), 120, np.uint8)] * 6
    with pytest.raises(BadInput) as error:
        score_video(write_video(tmp_path / "wall.mp4", wall))
    assert (error.value.code, error.value.details["name"]) == ("no_face", "wall.mp4")
    photo = tmp_path / "photo.png"
    Pillow.fromarray(portrait()).save(photo)
    with pytest.raises(BadInput) as error:
        score_video(photo)
    assert error.value.code == "video_missing"
    with pytest.raises(BadInput) as error:
        score_video(tmp_path / "nothing.mp4")
    assert error.value.code == "file_missing"


def test_progress_counts_the_frames(spoken: Path) -> None:
    reports: list[tuple[int, int]] = []
    score_video(spoken, on_progress=lambda done, total: reports.append((done, total)))
    assert {total for _, total in reports} == {100}
    done = [count for count, _ in reports]
    assert done == sorted(set(done))
    assert done[-1] == 100


def test_long_file_is_sampled(tmp_path: Path, images: list[Image]) -> None:
    # Five frames per second, which are shown five times each, are encoded fast.
    path = write_video(tmp_path / "long.mp4", images * 3, 5)
    reports: list[int] = []
    part = score_video(
        path, reference=path, limit_s=40, on_progress=lambda done, total: reports.append(total)
    )
    assert (part.seconds, part.measured_s) == (60, 40)
    assert set(reports) == {1000}
    assert "sampled" in part.notes
    assert part.reference is not None
    assert part.reference.opening.r == pytest.approx(1)
    assert part.reference.lmd == 0
    assert part.reference.frames == 1000


@pytest.mark.parametrize("limit", [20.0, 60.0, 300.0, 1200.0])
@pytest.mark.parametrize("frames", [7600, 90_000])
def test_sampled_spans_are_separate_and_inside_the_file(
    spoken: Path, limit: float, frames: int
) -> None:
    info = dataclasses.replace(probe_presenter(spoken), frames=frames)
    spans = _spans(info, limit)
    assert all(first % SEGMENT_FRAMES == 0 for first, _ in spans)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert spans[0][0] == 0
    assert spans[-1][1] <= frames
    assert sum(stop - first for first, stop in spans) <= max(limit * 25, 500)
    assert spans[-1][1] > frames - 1000 or limit == 20
    assert _spans(info, None) == [(0, frames)]


def test_report_is_json_and_table_is_plain_text(itself: Score) -> None:
    data = json.loads(json.dumps(itself.as_dict(), allow_nan=False))
    assert data["reference"]["opening"]["lag_ms"] == 0
    assert data["verdict"] == {"grade": "good", "reasons": [], "moments": [], "unmeasured": []}
    assert set(data) >= {"face", "loudness", "silence", "jitter", "sharpness", "outside", "notes"}
    table = format_score(itself)
    assert table.startswith("spoken.mp4: good")
    assert "\x1b" not in table
    for value in ("100.0%", "1.000", "+0 ms", "0:04.0"):
        assert value in table


@pytest.mark.data
def test_real_clip_against_itself(shared_data: Path) -> None:
    clip = shared_data / "grid" / "s1_bbaf2n.mp4"
    score = score_video(clip, reference=clip, source=clip)
    assert score.face == 1
    assert score.reference is not None
    assert score.reference.opening.r == pytest.approx(1)
    assert (score.reference.opening.lag_ms, score.reference.lmd) == (0, 0)
    assert score.sharpness is not None
    assert score.sharpness.normalised == 1
    assert score.loudness is not None
    assert score.loudness.best_r is not None
    assert score.loudness.best_r > 0.4
    assert score.verdict.grade == "good"
