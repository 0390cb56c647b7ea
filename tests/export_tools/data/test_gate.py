"""The quality gate: face, size, yaw and sync; finished rows survive a power cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from appliance.face.pose import _RIGID, Pose
from export_tools.data.gate import HEADER, ClipQuality, assess, assess_all, load_rows, passing_clips

FPS, SECONDS = 25.0, 4
Array = npt.NDArray[np.float64]


def syllables(times: Array) -> Array:
    return np.asarray(np.maximum(np.sin(2 * np.pi * 2.3 * times) + 0.4 * np.sin(9 * times), 0))


def speaker(eyes_px: float = 60.0, yaw: float = 0.0, lag_s: float = 0.0) -> Array:
    """Return mesh points (T, 468, 3) of a head whose lower lip follows :func:`syllables`."""
    times = np.arange(round(SECONDS * FPS)) / FPS
    shape = np.zeros((len(times), 468, 3))
    shape[:, list(_RIGID)] = list(_RIGID.values())
    shape[:, 13] = shape[:, 14] = (0.0, 0.75, -0.3)
    shape[:, 14, 1] += 0.1 * syllables(times - lag_s)
    turn = np.radians(yaw)
    c, s = np.cos(turn), np.sin(turn)
    rotation = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    pose = Pose(np.array(eyes_px), rotation, np.array([200.0, 150.0, 0.0]))
    return np.stack([pose.project(frame) for frame in shape])


def loudness() -> Array:
    return syllables(np.arange(SECONDS * 100) / 100)


def all_valid(points: Array) -> npt.NDArray[np.bool_]:
    return np.ones(len(points), bool)


def test_good_clip_passes() -> None:
    points = speaker()
    found = assess("a", points, all_valid(points), FPS, loudness())
    assert found.why == "" and found.r > 0.9 and abs(found.lag_ms) <= 40
    assert found.eyes_px == pytest.approx(60, abs=1)


@pytest.mark.parametrize(
    ("points", "why"), [(speaker(eyes_px=20), "size"), (speaker(yaw=50), "yaw")]
)
def test_small_and_turned_heads_fail(points: Array, why: str) -> None:
    assert assess("a", points, all_valid(points), FPS, loudness()).why == why


def test_other_voice_and_silence_fail() -> None:
    points = speaker()
    other = np.maximum(np.sin(2 * np.pi * 5.7 * np.arange(SECONDS * 100) / 100), 0)
    assert assess("a", points, all_valid(points), FPS, other).why == "sync"
    assert assess("a", points, all_valid(points), FPS, np.zeros(0)).why == "sync"


def test_lag_of_the_sound_is_measured() -> None:
    points = speaker(lag_s=0.08)
    assert assess("a", points, all_valid(points), FPS, loudness()).lag_ms == pytest.approx(80)


def test_intermittent_face_fails() -> None:
    points = speaker()
    seen = np.arange(len(points)) % 4 != 0
    assert assess("a", points, seen, FPS, loudness()).why == "face"
    assert assess("a", points, ~all_valid(points), FPS, loudness()).why == "face"


def test_finished_rows_are_reused_and_a_partial_row_is_dropped(tmp_path: Path) -> None:
    out = tmp_path / "quality.tsv"
    rows = [
        ClipQuality("c_a", 1.0, 60.0, 2.0, 0.5, 0.0, ""),
        ClipQuality("c_b", 0.2, 9.0, 2.0, 0.5, 0.0, "face"),
    ]
    out.write_text("\n".join([HEADER, *(row.row() for row in rows), "c_c\t1.0\t6"]))
    assert load_rows(out) == {row.name: row for row in rows}
    assert passing_clips(out) == {"c_a"}
    clips = [tmp_path / "c" / f"{name}.mp4" for name in ("a", "b")]
    assert assess_all(clips, tmp_path, out, 1) == load_rows(out)  # the landmarks are not read
    assert out.read_text().count("\n") == 3
