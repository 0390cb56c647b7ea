"""Fit the motion to the components of the speech encoder: linear regression.

    python -m export_tools.speech_features.train_motion DATA --landmarks MARKS --out FOLDER
        [--encoder teacher|student|both]

The components are taken at three moments. The opening of the lips is fitted to GRID and to the
Mandarin capture, whose jaw has the same meaning; the nine directions at right angles to it are
fitted to GRID alone. With both encoders, every recording is heard by each, with half the weight.

Writes ``motion_components.npz``, to which ``train_scores`` adds its scores, and
``motion_components.json`` with settings, files and results: each person left out in turn, and the
scoring splits. ``DATA`` is the folder with grid/, wild/, mandarin/ and speech/, ``MARKS`` that of
``export_tools.data.landmarks``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from appliance.config import PROJECT
from appliance.lips.motion import MotionBasis
from appliance.lips.profile import TYPICAL_OPENING
from appliance.lips.speech_motion import SpeechMotion
from appliance.speech.speech_encoder import StudentEncoder, TeacherEncoder
from appliance.speech.whisper_encoder import RATE_HZ
from export_tools.package import to_json
from export_tools.phonetics.corpus import read_audio
from export_tools.phonetics.motion_data import (
    OFFSET_S,
    Clip,
    load_split,
    motion_targets,
)
from export_tools.phonetics.motion_score import correlation, predicted_opening
from export_tools.speech_features.position_means import MANDARIN_TRAIN

Array32 = npt.NDArray[np.float32]
Array64 = npt.NDArray[np.float64]

NAME = "motion_components"
TAPS = (-4, 0, 4)  # steps of 20 ms
RIDGE = 6e4
OTHER_WEIGHT = 20.0  # of a GRID clip of another speaker than s1
MANDARIN_WEIGHT = 1.0

MANDARIN_TEST = ("3_15", "3_16")
MANDARIN_LAG_S = 0.08  # the capture follows its sound by this time
_JAW, _CAPTURE_FPS = 74, 30.0
_REST_PERCENTILE = 10.0
LAGS_S = np.arange(-10, 11) * 0.02


class FeatureEncoder(Protocol):
    """An encoder of speech at 50 Hz."""

    def features(self, blocks: Iterable[Array32]) -> Iterator[Array32]:
        """Convert blocks of mono audio at 16 kHz to features (n, F)."""


@dataclass(frozen=True)
class Sample:
    """A recording: features (n, F) and coefficients (n, K); or only an opening (n,)."""

    name: str
    person: str
    features: Array32
    targets: Array64
    weight: float


def encode(encoder: FeatureEncoder, samples: Array32) -> Array32:
    """Return the features (n, F) of a recording."""
    return np.concatenate(list(encoder.features([samples])))


def at_steps(values: npt.NDArray[np.floating], steps: npt.NDArray[np.floating]) -> Array64:
    """Return ``values`` (n, …) at fractional positions; the first and last value continue."""
    position = np.clip(steps, 0, len(values) - 1)
    low = np.minimum(position.astype(int), len(values) - 2)
    share = (position - low).reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray(values[low] * (1 - share) + values[low + 1] * share)


def grid_sample(encoder: FeatureEncoder, clip: Clip, vectors: Array64) -> Sample:
    """Return a GRID clip, with its coefficients at the times of the samples of a motion."""
    features = encode(encoder, clip.samples)
    wanted = motion_targets(clip, vectors)
    count = min(len(features), len(wanted))
    targets = at_steps(wanted, np.arange(count) + OFFSET_S * RATE_HZ)
    weight = 1.0 if clip.speaker == "s1" else OTHER_WEIGHT
    return Sample(clip.name, clip.speaker, features[:count], targets, weight)


def mandarin_sample(encoder: FeatureEncoder, folder: Path, name: str) -> Sample:
    """Return a recording of the capture; its opening is that of the jaw, with deviation one."""
    sound = read_audio(folder / f"{name}.flac").astype(np.float32) / np.float32(32768)
    features = encode(encoder, sound)
    with np.load(folder / f"{name}.npz") as data:
        jaw = data["values"][:, _JAW].astype(np.float64)
    jaw = (jaw - np.percentile(jaw, _REST_PERCENTILE)) / jaw.std()
    times = np.arange(len(features)) / RATE_HZ + OFFSET_S + MANDARIN_LAG_S
    inside = times < len(jaw) / _CAPTURE_FPS
    opening = at_steps(jaw, times[inside] * _CAPTURE_FPS)
    return Sample(f"mandarin {name}", "mandarin", features[inside], opening, MANDARIN_WEIGHT)


def joined(heard: Sequence[Sequence[Sample]]) -> list[Sample]:
    """Return what several encoders heard, with the weight of one encoder in total."""
    return [replace(s, weight=s.weight / len(heard)) for samples in heard for s in samples]


def at_taps(features: Array32, taps: Sequence[int]) -> Array32:
    """Return (n, taps · F): the features at all moments; the first and the last continue."""
    steps = np.arange(len(features))
    return np.concatenate(
        [features[np.clip(steps + tap, 0, len(features) - 1)] for tap in taps], axis=1
    )


@dataclass(frozen=True)
class Sums:
    """The sums that weighted regression needs; those of several recordings can be added.

    ``square`` (c + 1, c + 1) and ``cross`` (c + 1, K) are the products of the columns, of which the
    last is 1, with themselves and with the targets.
    """

    square: Array64
    cross: Array64

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.square + other.square, self.cross + other.cross)

    @classmethod
    def of(cls, columns: npt.NDArray[np.floating], targets: Array64, weight: float) -> Sums:
        """Return the sums of one recording."""
        extended = np.concatenate([columns, np.ones((len(columns), 1))], axis=1)
        return cls(weight * extended.T @ extended, weight * extended.T @ targets)

    def solve(self, strength: float) -> Array64:
        """Return (c + 1, K), the bias last: ridge regression on standardised columns."""
        total = self.square[-1, -1]
        mean, middle = self.square[-1, :-1] / total, self.cross[-1] / total
        square = self.square[:-1, :-1] - total * np.outer(mean, mean)
        deviation = np.sqrt(np.diag(square) / total) + 1e-6
        square = square / np.outer(deviation, deviation) + strength * np.eye(len(mean))
        cross = self.cross[:-1] - total * np.outer(mean, middle)
        found = np.linalg.solve(square, cross / deviation[:, None]) / deviation[:, None]
        return np.concatenate([found, (middle - mean @ found)[None]])


@dataclass(frozen=True)
class Training:
    """The sums of every person of GRID (all coefficients) and of the capture (the opening)."""

    unit: Array64
    wide: Array32
    filmed: dict[str, Sums]
    captured: Sums

    @classmethod
    def of(cls, samples: Sequence[Sample], direction: Array64) -> Training:
        """Compute all sums; ``direction`` is that of :class:`MotionBasis`."""
        unit = direction / np.linalg.norm(direction)
        filmed: dict[str, Sums] = {}
        captured = None
        # One unit of the capture's jaw is the deviation of the opening of the main speaker.
        main = [s.targets @ unit for s in samples if s.person == "s1"]
        scale = float(np.concatenate(main).std())
        for sample in samples:
            columns = at_taps(sample.features, TAPS)
            if sample.targets.ndim == 2:
                sums = Sums.of(columns, sample.targets, sample.weight)
                known = filmed.get(sample.person)
                filmed[sample.person] = sums if known is None else known + sums
            else:
                sums = Sums.of(columns, scale * sample.targets[:, None], sample.weight)
                captured = sums if captured is None else captured + sums
        assert captured is not None
        wide = wide_motion([s.targets for s in samples if s.targets.ndim == 2], direction)
        return cls(unit, wide, filmed, captured)

    def fit(self, left_out: str = "", strength: float = RIDGE) -> SpeechMotion:
        """Fit a motion to everyone but ``left_out``."""
        filmed = sum_all([sums for person, sums in self.filmed.items() if person != left_out])
        along = Sums(filmed.square, filmed.cross @ self.unit[:, None])
        if left_out != "mandarin":
            along = along + self.captured
        found = filmed.solve(strength)
        found -= np.outer(found @ self.unit, self.unit)
        found += along.solve(strength) * self.unit
        matrices = found[:-1].reshape(len(TAPS), -1, found.shape[1]).astype(np.float32)
        return SpeechMotion(matrices, np.array(TAPS), found[-1].astype(np.float32), self.wide)


def wide_motion(targets: Sequence[Array64], direction: Array64) -> Array32:
    """Return (K,): the mean coefficients of a mouth that is open by ``TYPICAL_OPENING``."""
    coefficients = np.concatenate(targets)
    opening = coefficients @ direction
    mean = opening @ coefficients / (opening @ opening)
    return np.asarray(TYPICAL_OPENING * mean, np.float32)


def sum_all(parts: Sequence[Sums]) -> Sums:
    """Return the sum of ``parts``."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def predict(motion: SpeechMotion, features: Array32) -> Array32:
    """Return the coefficients (n, K) of a whole recording."""
    return np.concatenate(list(motion.predict([features])))


def score_clip(clip: Clip, vectors: Array64, coefficients: Array32) -> tuple[float, float, float]:
    """Return r at zero lag, r at the best lag within ±200 ms, and this lag in seconds."""
    real = clip.opening()[clip.valid]
    r = [
        correlation(real, predicted_opening(clip, vectors, coefficients, lag)[clip.valid])
        for lag in LAGS_S
    ]
    best = int(np.argmax(r))
    return r[len(LAGS_S) // 2], r[best], float(LAGS_S[best])


def median_scores(rows: Sequence[tuple[float, float, float]]) -> dict[str, float]:
    """Return the medians of the results of :func:`score_clip`."""
    zero, best, lag = np.median(np.array(rows), axis=0)
    return {"r": round(zero, 3), "best_r": round(best, 3), "lag_ms": round(1000 * lag)}


def score_capture(motion: SpeechMotion, sample: Sample, direction: Array64) -> float:
    """Return r of the predicted opening and the jaw of a recording of the capture."""
    return round(correlation(predict(motion, sample.features) @ direction, sample.targets), 3)


def hear(
    encoder: FeatureEncoder, clips: Sequence[Clip], folder: Path, vectors: Array64
) -> list[Sample]:
    """Return the recordings to train on: ``clips``, and those of the capture in ``folder``."""
    samples = [grid_sample(encoder, clip, vectors) for clip in clips]
    return samples + [mandarin_sample(encoder, folder, name) for name in MANDARIN_TRAIN]


def results(
    training: Training,
    encoder: FeatureEncoder,
    clips: Mapping[str, Sequence[Clip]],
    folder: Path,
    basis: MotionBasis,
) -> dict[str, Any]:
    """Return the scores of the motion with the features of ``encoder``."""

    def score(motion: SpeechMotion, some: Sequence[Clip]) -> list[tuple[float, float, float]]:
        return [
            score_clip(clip, basis.vectors, predict(motion, encode(encoder, clip.samples)))
            for clip in some
        ]

    others = {clip.speaker: clip for clip in clips["train"] if clip.speaker != "s1"}
    left_out = {
        person: round(score(training.fit(person), [clip])[0][0], 3)
        for person, clip in others.items()
    }
    left_out["s1"] = median_scores(score(training.fit("s1"), clips["known"]))["r"]
    motion = training.fit()
    scored = {split: score(motion, clips[split]) for split in ("known", "new", "wild")}
    captures = {name: mandarin_sample(encoder, folder, name) for name in MANDARIN_TEST}
    return {
        "person_left_out": left_out,
        "scores": {split: median_scores(rows) for split, rows in scored.items()},
        "mandarin": {
            name: score_capture(motion, sample, basis.opening_direction)
            for name, sample in captures.items()
        },
        "clips": {
            clip.name: [round(value, 3) for value in row]
            for split in ("new", "wild")
            for clip, row in zip(clips[split], scored[split], strict=True)
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of grid/, wild/, mandarin/ and speech/")
    parser.add_argument("--landmarks", type=Path, required=True, help="folder of landmark files")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument(
        "--encoder",
        choices=["teacher", "student", "both"],
        default="teacher",
        help="encoder whose components the motion is fitted to (default: teacher)",
    )
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    encoders: dict[str, FeatureEncoder] = {}
    if options.encoder != "student":
        encoders["teacher"] = TeacherEncoder.open()
    if options.encoder != "teacher":
        encoders["student"] = StudentEncoder.open()
    basis = MotionBasis.load(PROJECT / "models_lite/lectern-lite/basis.npz")
    clips = load_split(options.data, options.landmarks)
    folder = options.data / "mandarin"
    heard = [hear(e, clips["train"], folder, basis.vectors) for e in encoders.values()]
    training = Training.of(joined(heard), basis.opening_direction)
    print("sums computed", flush=True)
    training.fit().save(options.out / f"{NAME}.npz")
    record: dict[str, Any] = {
        "command": "python -m export_tools.speech_features.train_motion DATA --landmarks MARKS"
        f" --out OUT --encoder {options.encoder}",
        "settings": {
            "taps": TAPS,
            "ridge": RIDGE,
            "other_weight": OTHER_WEIGHT,
            "mandarin_weight": MANDARIN_WEIGHT,
        },
        "results": {
            name: results(training, encoder, clips, folder, basis)
            for name, encoder in encoders.items()
        },
        "files": [sample.name for sample in heard[0]],
    }
    (options.out / f"{NAME}.json").write_text(to_json(record), encoding="utf-8")
    print(json.dumps(record["results"], indent=1))


if __name__ == "__main__":
    main()
