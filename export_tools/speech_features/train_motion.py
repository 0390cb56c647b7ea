"""Fit the motion to the features of the speech encoder: linear regression with few directions.

    python -m export_tools.speech_features.train_motion DATA --landmarks MARKS --out FOLDER

The features of both layers are reduced to ``COMPONENTS`` principal components each, which are
computed on LibriSpeech, LJSpeech, the Mandarin capture and GRID, and taken at three moments. The
opening of the lips is fitted to GRID and to the Mandarin capture, whose jaw has the same meaning;
the nine directions at right angles to it are fitted to GRID alone. Components and regression are
multiplied into one matrix per moment.

Writes ``motion_whisper.npz`` and ``motion_whisper.json`` with settings, files and scores: each
person left out in turn, and the scoring splits. ``DATA`` is the folder with grid/, wild/, mandarin/
and speech/, ``MARKS`` that of ``export_tools.data.landmarks``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from appliance.config import PROJECT
from appliance.lips.motion import MotionBasis
from appliance.lips.profile import TYPICAL_OPENING
from appliance.lips.speech_motion import SpeechMotion
from appliance.speech.whisper_encoder import RATE_HZ, SpeechEncoder
from export_tools.package import to_json
from export_tools.phonetics.corpus import read_audio
from export_tools.phonetics.motion_data import (
    OFFSET_S,
    Clip,
    load_split,
    motion_targets,
)
from export_tools.phonetics.motion_score import correlation, predicted_opening
from export_tools.speech_features.position_means import MANDARIN_TRAIN, choose_files, read_blocks

Array32 = npt.NDArray[np.float32]
Array64 = npt.NDArray[np.float64]

NAME = "motion_whisper"
COMPONENTS = 128
TAPS = (-4, 0, 4)  # steps of 20 ms
RIDGE = 6e4
OTHER_WEIGHT = 20.0  # of a GRID clip of another speaker than s1
MANDARIN_WEIGHT = 1.0
COMPONENT_MINUTES, COMPONENT_SEED = 10.0, 1
_EVERY = 3  # one of so many steps is used for the components

MANDARIN_TEST = ("3_15", "3_16")
MANDARIN_LAG_S = 0.08  # the capture follows its sound by this time
_JAW, _CAPTURE_FPS = 74, 30.0
_REST_PERCENTILE = 10.0
LAGS_S = np.arange(-10, 11) * 0.02


@dataclass(frozen=True)
class Sample:
    """A recording: features (n, 1024) and coefficients (n, K); or only an opening (n,)."""

    name: str
    person: str
    features: Array32
    targets: Array64
    weight: float


def encode(encoder: SpeechEncoder, blocks: Iterable[Array32]) -> Array32:
    """Return the features of both layers side by side, (n, 1024)."""
    return np.concatenate([np.concatenate(part, axis=1) for part in encoder.features(blocks)])


def components(encoder: SpeechEncoder, data: Path, samples: Sequence[Sample]) -> Array64:
    """Return (1025, 256): features and 1 to principal components, computed on a wide mix.

    The mix is ``COMPONENT_MINUTES`` of LibriSpeech and LJSpeech, and ``samples``.
    """
    files = choose_files(data / "speech", data / "mandarin", COMPONENT_MINUTES, COMPONENT_SEED)
    read = encode(encoder, read_blocks([f for f in files if f.parent.name != "mandarin"]))
    mix = np.concatenate([read[::_EVERY], *(s.features[::_EVERY] for s in samples)])
    width = mix.shape[1] // 2
    result = np.zeros((2 * width + 1, 2 * COMPONENTS))
    for layer in range(2):
        rows = slice(layer * width, (layer + 1) * width)
        part = mix[:, rows].astype(np.float64)
        mean = part.mean(0)
        _, directions = np.linalg.eigh(np.cov((part - mean).T))
        chosen = directions[:, ::-1][:, :COMPONENTS]
        columns = slice(layer * COMPONENTS, (layer + 1) * COMPONENTS)
        result[rows, columns], result[-1, columns] = chosen, -mean @ chosen
    return result


def at_steps(values: npt.NDArray[np.floating], steps: npt.NDArray[np.floating]) -> Array64:
    """Return ``values`` (n, …) at fractional positions; the first and last value continue."""
    position = np.clip(steps, 0, len(values) - 1)
    low = np.minimum(position.astype(int), len(values) - 2)
    share = (position - low).reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray(values[low] * (1 - share) + values[low + 1] * share)


def grid_sample(encoder: SpeechEncoder, clip: Clip, vectors: Array64) -> Sample:
    """Return a GRID clip, with its coefficients at the times of the samples of a motion."""
    features = encode(encoder, [clip.samples])
    wanted = motion_targets(clip, vectors)
    count = min(len(features), len(wanted))
    targets = at_steps(wanted, np.arange(count) + OFFSET_S * RATE_HZ)
    weight = 1.0 if clip.speaker == "s1" else OTHER_WEIGHT
    return Sample(clip.name, clip.speaker, features[:count], targets, weight)


def mandarin_sample(encoder: SpeechEncoder, folder: Path, name: str) -> Sample:
    """Return a recording of the capture; its opening is that of the jaw, with deviation one."""
    sound = read_audio(folder / f"{name}.flac").astype(np.float32) / np.float32(32768)
    features = encode(encoder, [sound])
    with np.load(folder / f"{name}.npz") as data:
        jaw = data["values"][:, _JAW].astype(np.float64)
    jaw = (jaw - np.percentile(jaw, _REST_PERCENTILE)) / jaw.std()
    times = np.arange(len(features)) / RATE_HZ + OFFSET_S + MANDARIN_LAG_S
    inside = times < len(jaw) / _CAPTURE_FPS
    opening = at_steps(jaw, times[inside] * _CAPTURE_FPS)
    return Sample(f"mandarin {name}", "mandarin", features[inside], opening, MANDARIN_WEIGHT)


def reduce(features: Array32, basis: Array64) -> Array64:
    """Return (n, taps · components): the components of the features at all moments."""
    small = features @ basis[:-1] + basis[-1]
    steps = np.arange(len(small))
    moments = [small[np.clip(steps + tap, 0, len(small) - 1)] for tap in TAPS]
    return np.concatenate(moments, axis=1)


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
    def of(cls, columns: Array64, targets: Array64, weight: float) -> Sums:
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

    basis: Array64
    unit: Array64
    wide: Array32
    filmed: dict[str, Sums]
    captured: Sums

    @classmethod
    def of(cls, samples: Sequence[Sample], basis: Array64, direction: Array64) -> Training:
        """Compute all sums; ``direction`` is that of :class:`MotionBasis`."""
        unit = direction / np.linalg.norm(direction)
        filmed: dict[str, Sums] = {}
        captured = None
        # One unit of the capture's jaw is the deviation of the opening of the main speaker.
        main = [s.targets @ unit for s in samples if s.person == "s1"]
        scale = float(np.concatenate(main).std())
        for sample in samples:
            columns = reduce(sample.features, basis)
            if sample.targets.ndim == 2:
                sums = Sums.of(columns, sample.targets, sample.weight)
                known = filmed.get(sample.person)
                filmed[sample.person] = sums if known is None else known + sums
            else:
                sums = Sums.of(columns, scale * sample.targets[:, None], sample.weight)
                captured = sums if captured is None else captured + sums
        assert captured is not None
        wide = wide_motion([s.targets for s in samples if s.targets.ndim == 2], direction)
        return cls(basis, unit, wide, filmed, captured)

    def fit(self, left_out: str = "", strength: float = RIDGE) -> SpeechMotion:
        """Fit a motion to everyone but ``left_out``."""
        filmed = sum_all([sums for person, sums in self.filmed.items() if person != left_out])
        along = Sums(filmed.square, filmed.cross @ self.unit[:, None])
        if left_out != "mandarin":
            along = along + self.captured
        found = filmed.solve(strength)
        found -= np.outer(found @ self.unit, self.unit)
        found += along.solve(strength) * self.unit
        width, size = self.basis.shape
        parts = found[:-1].reshape(len(TAPS), size, -1)
        matrices = np.einsum("fc,tck->tfk", self.basis[: width - 1], parts)
        bias = found[-1] + np.einsum("c,tck->k", self.basis[-1], parts)
        taps = np.array(TAPS)
        return SpeechMotion(matrices.astype(np.float32), taps, bias.astype(np.float32), self.wide)


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


def score_capture(
    motion: SpeechMotion, encoder: SpeechEncoder, folder: Path, name: str, direction: Array64
) -> float:
    """Return r of the predicted opening and the jaw of the capture, at its lag."""
    sample = mandarin_sample(encoder, folder, name)
    return round(correlation(predict(motion, sample.features) @ direction, sample.targets), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of grid/, wild/, mandarin/ and speech/")
    parser.add_argument("--landmarks", type=Path, required=True, help="folder of landmark files")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    options = parser.parse_args()
    encoder = SpeechEncoder.open()
    vectors = MotionBasis.load(PROJECT / "models_lite/lectern-lite/basis.npz").vectors
    direction = MotionBasis(vectors).opening_direction
    clips = load_split(options.data, options.landmarks)
    samples = [grid_sample(encoder, clip, vectors) for clip in clips["train"]]
    mandarin = options.data / "mandarin"
    samples += [mandarin_sample(encoder, mandarin, name) for name in MANDARIN_TRAIN]
    training = Training.of(samples, components(encoder, options.data, samples), direction)
    print("sums computed", flush=True)

    def score(motion: SpeechMotion, some: Sequence[Clip]) -> list[tuple[float, float, float]]:
        return [
            score_clip(clip, vectors, predict(motion, encode(encoder, [clip.samples])))
            for clip in some
        ]

    others = {clip.speaker: clip for clip in clips["train"] if clip.speaker != "s1"}
    left_out = {
        person: round(score(training.fit(person), [clip])[0][0], 3)
        for person, clip in others.items()
    }
    left_out["s1"] = median_scores(score(training.fit("s1"), clips["known"]))["r"]
    motion = training.fit()
    motion.save(options.out / f"{NAME}.npz")
    scored = {split: score(motion, clips[split]) for split in ("known", "new", "wild")}
    record: dict[str, Any] = {
        "command": "python -m export_tools.speech_features.train_motion DATA --landmarks MARKS"
        " --out OUT",
        "settings": {
            "components": COMPONENTS,
            "component_minutes": COMPONENT_MINUTES,
            "component_seed": COMPONENT_SEED,
            "taps": TAPS,
            "ridge": RIDGE,
            "other_weight": OTHER_WEIGHT,
            "mandarin_weight": MANDARIN_WEIGHT,
        },
        "person_left_out": left_out,
        "scores": {split: median_scores(rows) for split, rows in scored.items()},
        "mandarin": {
            name: score_capture(motion, encoder, mandarin, name, direction)
            for name in MANDARIN_TEST
        },
        "clips": {
            clip.name: [round(value, 3) for value in row]
            for split in ("new", "wild")
            for clip, row in zip(clips[split], scored[split], strict=True)
        },
        "files": [sample.name for sample in samples],
    }
    (options.out / f"{NAME}.json").write_text(to_json(record))
    print(json.dumps({k: v for k, v in record.items() if k != "files"}, indent=1))


if __name__ == "__main__":
    main()
