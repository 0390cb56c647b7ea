"""Add the scores for closed lips and for speech to a motion, and measure how often lips close.

    python -m export_tools.speech_features.train_scores MOTION.npz --out FOLDER [--sessions 60]

Both scores are linear in the components of the speech encoder, at the moments of the motion. They
are trained on synthetic sessions, heard by the student: the first is 1 during
p, b and m; the second is 1 from ``LEAD_S`` before speech until ``HANG_S`` after it and 0 beyond
``MARGIN_S`` more, where tones, noise and silence are. Lips part before there is sound.

Writes ``motion.npz`` and ``motion_scores.json``, with the share of p, b and m of other sessions in
which the lips close, by language. They count as closed if the opening falls below
a third of the 90th percentile of the session's speech during the sound or within 40 ms of it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from appliance.config import PROJECT
from appliance.lips.motion import MotionBasis
from appliance.lips.speech_motion import SCORES, SpeechMotion, apply_scores, widen_gate
from appliance.speech.mel import LECTERN_MEL, mel_blocks
from appliance.speech.speech_encoder import ComponentEncoder, StudentEncoder, TeacherEncoder
from appliance.speech.vad import FRAME_RATE, detect_activity
from appliance.speech.whisper_encoder import RATE_HZ
from export_tools.package import to_json
from export_tools.phonetics.motion_data import OFFSET_S
from export_tools.speech_features.sessions import HIBARI, Session, SessionMaker, Spans
from export_tools.speech_features.train_motion import at_taps, encode

Array32 = npt.NDArray[np.float32]
Array64 = npt.NDArray[np.float64]

LEAD_S, HANG_S, MARGIN_S = 0.2, 0.15, 0.15
RIDGE = 60_000.0  # less fits synthetic voices only: real lips would close too often
TRAIN_SEED, TEST_SEED = 5, 77
SESSION_S = 20.0
CLOSED_SHARE, TOLERANCE_S = 1 / 3, 0.04
TEST_LANGUAGES = ("en_GB", HIBARI, "zh", "fr", "de")


def step_times(count: int) -> Array64:
    """Return the times of the steps of a motion in seconds."""
    return np.arange(count) / RATE_HZ + OFFSET_S


def mark_spans(count: int, spans: Spans, lead_s: float = 0.0, hang_s: float = 0.0) -> Array32:
    """Return (count,): 1 at the steps within ``spans``, extended by ``lead_s`` and ``hang_s``."""
    times = step_times(count)
    marks = np.zeros(count, np.float32)
    for start, end in spans:
        marks[(times >= start - lead_s) & (times <= end + hang_s)] = 1
    return marks


def fit(columns: Array32, targets: Array32, weights: Array32, ridge: float = RIDGE) -> Array64:
    """Return (c + 1,), the bias last: weighted ridge regression on standardised columns."""
    mean, deviation = columns.mean(0), columns.std(0) + np.float32(1e-6)
    standard = np.c_[(columns - mean) / deviation, np.ones(len(columns), np.float32)]
    weighted = standard * weights[:, None]
    square = (weighted.T @ standard).astype(np.float64)
    square[np.diag_indices(columns.shape[1])] += ridge
    found = np.linalg.solve(square, (weighted.T @ targets).astype(np.float64))
    scaled = found[:-1] / deviation
    return np.append(scaled, found[-1] - mean @ scaled)


def fit_scores(
    heard: Iterable[tuple[Session, Array32]], taps: Sequence[int], ridge: float = RIDGE
) -> Array64:
    """Return (c + 1, 2): the columns of both scores, the bias last."""
    columns, shut, speech, decided = [], [], [], []
    for session, features in heard:
        count = len(features)
        columns.append(at_taps(features, taps))
        shut.append(mark_spans(count, session.shut))
        speech.append(mark_spans(count, session.speech, LEAD_S, HANG_S))
        around = mark_spans(count, session.speech, LEAD_S + MARGIN_S, HANG_S + MARGIN_S)
        decided.append(1 - around + speech[-1])  # 0 at the edges of speech, which are uncertain
    joined = np.concatenate(columns)
    return np.stack(
        [
            fit(joined, np.concatenate(shut), np.ones(len(joined), np.float32), ridge),
            fit(joined, np.concatenate(speech), np.concatenate(decided), ridge),
        ],
        axis=1,
    )


def add_scores(motion: SpeechMotion, scores: Array64) -> SpeechMotion:
    """Return ``motion`` (without scores) with the columns of :func:`fit_scores`."""
    parts = scores[:-1].reshape(len(motion.taps), -1, SCORES)
    matrices = np.concatenate([motion.matrices, parts.astype(np.float32)], axis=2)
    bias = np.concatenate([motion.bias, scores[-1].astype(np.float32)])
    return SpeechMotion(matrices, motion.taps, bias, motion.wide)


def count_closures(opening: Array64, session: Session) -> tuple[int, int]:
    """Return how many p, b and m of ``session`` close the lips, and how many there are."""
    spoken = opening[mark_spans(len(opening), session.speech) > 0]
    limit = CLOSED_SHARE * float(np.quantile(spoken, 0.9))
    closed = [
        opening[mark_spans(len(opening), [span], TOLERANCE_S, TOLERANCE_S) > 0].min(initial=np.inf)
        < limit
        for span in session.shut
    ]
    return sum(closed), len(closed)


def predict_opening(
    motion: SpeechMotion, encoder: ComponentEncoder, basis: MotionBasis, samples: Array32
) -> Array64:
    """Return the opening (n,) at the steps of the motion, as a device computes it."""
    values = np.concatenate(list(motion.predict(encoder.features([samples]))))
    activity = detect_activity(mel_blocks([samples], LECTERN_MEL))
    gate = widen_gate(activity.gate, FRAME_RATE, step_times(len(values)))
    return np.maximum(apply_scores(values, gate) @ basis.opening_direction, 0)


def measure_closures(
    motion: SpeechMotion, encoder: ComponentEncoder, basis: MotionBasis, sessions: int
) -> dict[str, dict[str, float]]:
    """Return recall and count by language on clean sessions that were not trained on."""
    maker, result = SessionMaker(TEST_SEED), {}
    for language in TEST_LANGUAGES:
        counts = np.zeros(2, int)
        for _ in range(sessions):
            session = maker.make(SESSION_S, language, clean=True)
            opening = predict_opening(motion, encoder, basis, session.samples)
            counts += count_closures(opening, session)
        result[language] = {"recall": round(counts[0] / counts[1], 3), "sounds": int(counts[1])}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("motion", type=Path, help="motion on components, without scores")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--sessions", type=int, default=60, help="to train on (default: 60)")
    parser.add_argument("--tests", type=int, default=4, help="per language (default: 4)")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    motion = SpeechMotion.load(options.motion)
    basis = MotionBasis.load(PROJECT / "models_lite/lectern-lite/basis.npz")
    encoders: dict[str, ComponentEncoder] = {
        "student": StudentEncoder.open(),
        "teacher": TeacherEncoder.open(),
    }
    maker = SessionMaker(TRAIN_SEED)
    heard = []
    for index in range(options.sessions):
        session = maker.make(SESSION_S)
        heard.append((session, encode(encoders["student"], session.samples)))
        print(f"{index + 1}/{options.sessions}", flush=True)
    complete = add_scores(motion, fit_scores(heard, [int(tap) for tap in motion.taps]))
    complete.save(options.out / "motion.npz")
    record: dict[str, Any] = {
        "command": "python -m export_tools.speech_features.train_scores MOTION --out OUT",
        "sessions": options.sessions,
        "seeds": [TRAIN_SEED, TEST_SEED],
        "closures": {
            name: measure_closures(complete, encoder, basis, options.tests)
            for name, encoder in encoders.items()
        },
    }
    (options.out / "motion_scores.json").write_text(to_json(record), encoding="utf-8")
    print(json.dumps(record["closures"], indent=1))


if __name__ == "__main__":
    main()
