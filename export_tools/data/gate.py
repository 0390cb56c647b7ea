"""Assess which clips are suitable for training: face visible, large enough, frontal and in sync.

    python -m export_tools.data.gate CLIPS_DIR… --landmarks DIR --out quality.tsv [--jobs 2]

The file has one row per clip; existing rows are kept. ``patches --quality`` then excludes the
clips that did not pass. Whether the sound belongs to the mouth is assessed without a network: in
speech, loudness and mouth opening correlate at some lag within ±160 ms, so clips with another voice
or with music are detected. The lag itself is only recorded: in short sentences it depends on the
words more than on the clip (−160 ms for GRID's "lay …", often +160 ms for its "bin …").
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.errors import BadInput
from appliance.face.pose import fit_pose
from appliance.lips.geometry import mouth_opening, to_face_frame
from appliance.media.audio import audio_blocks
from appliance.score.sync import correlate
from appliance.speech.mel import LECTERN_MEL, compute_mel
from appliance.speech.vad import detect_activity
from export_tools.data.landmarks import VIDEO_SUFFIXES

MIN_FACE_SHARE = 0.9  # share of frames with a face
MIN_EYE_DISTANCE_PX = 35.0  # eye distance; results in a mouth patch of 45 pixels (GRID: 60)
MAX_YAW_DEG = 40.0  # median in degrees; beyond, the mouth of the mesh is unreliable
MIN_CORRELATION = 0.2  # correlation of loudness and opening at the best lag; GRID's median is 0.6
_MEL_RATE = 100


@dataclass(frozen=True)
class ClipQuality:
    """The measurements of a clip; ``why`` lists the failed checks and is empty if it passes."""

    name: str
    face: float
    eyes_px: float
    yaw: float
    r: float
    lag_ms: float
    why: str

    @classmethod
    def parse(cls, line: str) -> ClipQuality:
        """Parse a row written by :meth:`row`."""
        name, face, eyes, yaw, r, lag, why = line.rstrip("\n").split("\t")
        return cls(name, float(face), float(eyes), float(yaw), float(r), float(lag), why)

    def row(self) -> str:
        """Return the values separated by tabs, without a line end."""
        return "\t".join(f"{v:.4g}" if isinstance(v, float) else v for v in astuple(self))


HEADER = "\t".join(field.name for field in fields(ClipQuality))


def assess(
    name: str,
    points: npt.NDArray[np.floating],
    valid: npt.NDArray[np.bool_],
    fps: float,
    loudness: npt.NDArray[np.floating],
) -> ClipQuality:
    """Assess a clip by its mesh ``points`` (T, 468, 3), where ``valid`` (T,), and its sound.

    ``loudness`` is at 100 Hz, and empty if there is no sound.
    """
    face = float(valid.mean()) if len(valid) else 0.0
    if not valid.any():
        return ClipQuality(name, face, 0.0, 0.0, 0.0, 0.0, "face")
    pose = fit_pose(points[valid])
    eyes, yaw = float(np.median(pose.scale)), float(np.median(np.abs(pose.yaw)))
    track = np.full(len(valid), np.nan)
    track[valid] = mouth_opening(to_face_frame(points[valid], pose))
    found = correlate(track, fps, loudness, _MEL_RATE) if len(loudness) else None
    r = found.best_r if found is not None and found.best_r is not None else 0.0
    lag = found.lag_ms if found is not None and found.lag_ms is not None else 0.0
    checks = {
        "face": face >= MIN_FACE_SHARE,
        "size": eyes >= MIN_EYE_DISTANCE_PX,
        "yaw": yaw <= MAX_YAW_DEG,
        "sync": r >= MIN_CORRELATION,
    }
    why = ",".join(reason for reason, passed in checks.items() if not passed)
    return ClipQuality(name, face, eyes, yaw, r, lag, why)


def assess_clip(clip: Path, landmarks: Path) -> ClipQuality:
    """Assess a clip for which landmarks have been extracted."""
    name = f"{clip.parent.name}_{clip.stem}"
    with np.load(landmarks / f"{name}.npz") as track:
        points, valid, fps = track["points"], track["valid"].astype(bool), float(track["fps"])
    try:
        samples = np.concatenate([*audio_blocks(clip), np.zeros(0, np.float32)])
        loudness = (
            detect_activity([compute_mel(samples, LECTERN_MEL)]).loudness
            if len(samples)
            else samples
        )
    except BadInput:  # no sound
        loudness = np.zeros(0, np.float32)
    return assess(name, points, valid, fps, loudness)


def load_rows(path: Path) -> dict[str, ClipQuality]:
    """Return the rows of an earlier run by clip name; an incomplete last line is ignored."""
    if not path.exists():
        return {}
    complete_lines = [
        line for line in path.read_text().splitlines(keepends=True)[1:] if line.endswith("\n")
    ]
    rows = [ClipQuality.parse(line) for line in complete_lines]
    return {row.name: row for row in rows}


def passing_clips(path: Path) -> set[str]:
    """Return the names of the clips that passed according to a quality file."""
    return {name for name, row in load_rows(path).items() if not row.why}


def assess_all(
    clips: Iterable[Path], landmarks: Path, out: Path, jobs: int
) -> dict[str, ClipQuality]:
    """Assess the clips that are not in ``out`` yet, append their rows, and return all rows."""
    rows = load_rows(out)
    out.write_text("".join(f"{line}\n" for line in (HEADER, *(r.row() for r in rows.values()))))
    missing = [clip for clip in clips if f"{clip.parent.name}_{clip.stem}" not in rows]
    with ProcessPoolExecutor(jobs) as pool, out.open("a") as file:
        for row in pool.map(partial(assess_clip, landmarks=landmarks), missing):
            file.write(row.row() + "\n")
            file.flush()
            rows[row.name] = row
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="+", type=Path, help="folders of clips")
    parser.add_argument("--landmarks", type=Path, required=True, help="folder of landmark files")
    parser.add_argument("--out", type=Path, required=True, help="file to write (.tsv)")
    parser.add_argument("--jobs", type=int, default=2, help="parallel processes (default: 2)")
    args = parser.parse_args()
    clips = sorted(
        p for folder in args.clips for p in folder.iterdir() if p.suffix in VIDEO_SUFFIXES
    )
    rows = assess_all(clips, args.landmarks, args.out, args.jobs)
    failed = [row for row in rows.values() if row.why]
    print(f"{len(rows) - len(failed)} of {len(rows)} clips are suitable for training")
    for row in failed:
        print(f"  {row.name}: {row.why}")


if __name__ == "__main__":
    main()
