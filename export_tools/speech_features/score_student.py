"""Compare the student with its teacher: motions trained on each, and on both together.

    python -m export_tools.speech_features.score_student DATA --landmarks MARKS --out OUT

The method and the scores are those of ``train_motion``. Every motion is scored with the components
of the teacher and of the student. Writes ``student_scores.json`` and the motions
``motion_teacher.npz``, ``motion_student.npz`` and ``motion_both.npz``, which read components.
``openings`` is the correlation of the openings that the teacher's motion predicts from the student
and from the teacher: for recordings that neither has seen, and with noise in the student's sound.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from appliance.config import PROJECT
from appliance.lips.motion import MotionBasis
from appliance.lips.speech_motion import SpeechMotion
from appliance.speech.speech_encoder import ComponentEncoder, StudentEncoder, TeacherEncoder
from export_tools.package import to_json
from export_tools.phonetics import augment
from export_tools.phonetics.corpus import read_audio, read_manifest
from export_tools.phonetics.motion_data import Clip, load_split
from export_tools.phonetics.motion_score import correlation
from export_tools.speech_features import languages
from export_tools.speech_features.train_motion import (
    MANDARIN_TEST,
    Sample,
    Training,
    encode,
    hear,
    joined,
    mandarin_sample,
    median_scores,
    predict,
    score_capture,
    score_clip,
)

Array32 = npt.NDArray[np.float32]
Array64 = npt.NDArray[np.float64]

SYNTHETIC = ("fr", "de", "es", "zh")
_SENTENCES, _SEED = 6, 991
_NOISE_DB = 10.0
RATE = 16_000


@dataclass(frozen=True)
class Heard:
    """What one encoder makes of all recordings: samples to train on, and components by name."""

    samples: list[Sample]
    captures: list[Sample]
    clips: dict[str, Array32]

    @classmethod
    def by(
        cls,
        encoder: ComponentEncoder,
        clips: Mapping[str, Sequence[Clip]],
        data: Path,
        vectors: Array64,
    ) -> Heard:
        """Encode the clips of all splits and the capture."""
        folder = data / "mandarin"
        samples = hear(encoder, clips["train"], folder, vectors)
        captures = [mandarin_sample(encoder, folder, name) for name in MANDARIN_TEST]
        scored = [c for split in ("known", "new", "wild") for c in clips[split]]
        others = [c for c in clips["train"] if c.speaker != "s1"]
        heard = {clip.name: encode(encoder, clip.samples) for clip in [*scored, *others]}
        return cls(samples, captures, heard)


def score(
    motion: SpeechMotion, heard: Heard, clips: Mapping[str, Sequence[Clip]], vectors: Array64
) -> dict[str, Any]:
    """Return the medians per split, r of the capture, and the web clips one by one."""
    direction = MotionBasis(vectors).opening_direction
    rows = {
        split: [score_clip(c, vectors, predict(motion, heard.clips[c.name])) for c in clips[split]]
        for split in ("known", "new", "wild")
    }
    capture = {sample.name: score_capture(motion, sample, direction) for sample in heard.captures}
    wild = {
        clip.name: [round(value, 3) for value in row]
        for clip, row in zip(clips["wild"], rows["wild"], strict=True)
    }
    return {**{split: median_scores(r) for split, r in rows.items()}, **capture, "clips": wild}


def left_out(training: Training, heard: Heard, clips: Sequence[Clip], vectors: Array64) -> float:
    """Return the mean r of the smaller speakers of GRID, each left out in turn."""
    found = [
        score_clip(clip, vectors, predict(training.fit(clip.speaker), heard.clips[clip.name]))[0]
        for clip in clips
        if clip.speaker != "s1"
    ]
    return round(float(np.mean(found)), 3)


def recordings(data: Path) -> Iterator[tuple[str, Array32]]:
    """Yield speech that trained neither network: real English and Mandarin, synthetic languages."""
    rows = read_manifest(data / "speech")
    for name, subset in (("en, LibriSpeech test", "test"), ("zh, AISHELL sample", "score-zh")):
        some = [read_audio(row.path) for row in rows if row.subset == subset][::20][:15]
        yield name, np.concatenate(some).astype(np.float32) / np.float32(32768)
    for language in SYNTHETIC:
        spoken = [entry for entry in languages.LANGUAGES if entry[0] == language]
        parts = [
            augment.resample(
                samples.astype(np.float32) / np.float32(32768), len(samples) * RATE // rate
            )
            for _, samples, rate in islice(languages.utterances(_SEED, spoken), _SENTENCES)
        ]
        yield f"{language}, espeak-ng", np.concatenate(parts)


def with_noise(samples: Array32, seed: int) -> Array32:
    """Return ``samples`` with pink-like noise ``_NOISE_DB`` below the speech."""
    rng = np.random.default_rng(seed)
    noise = np.fft.irfft(augment.noise_spectrum(rng, len(samples) // 2 + 1), len(samples))
    power = float(np.mean(samples**2)) / 10 ** (_NOISE_DB / 10)
    return np.asarray(samples + noise * np.sqrt(power / np.mean(noise**2)), np.float32)


def agreement(
    motion: SpeechMotion,
    student: ComponentEncoder,
    teacher: ComponentEncoder,
    data: Path,
    direction: Array64,
) -> dict[str, dict[str, float]]:
    """Return r of the openings from the teacher and from the student, clean and in noise.

    ``teacher_noise`` is that of the teacher in noise with the teacher without it.
    """
    result = {}
    for name, samples in recordings(data):
        noisy = with_noise(samples, 5)
        wanted = predict(motion, encode(teacher, samples)) @ direction

        def r(encoder: ComponentEncoder, sound: Array32, wanted: Any = wanted) -> float:
            return round(
                correlation(wanted, predict(motion, encode(encoder, sound)) @ direction), 3
            )

        result[name] = {
            "student": r(student, samples),
            "student_noise": r(student, noisy),
            "teacher_noise": r(teacher, noisy),
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of grid/, wild/, mandarin/ and speech/")
    parser.add_argument("--landmarks", type=Path, required=True, help="folder of landmark files")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    vectors = MotionBasis.load(PROJECT / "models_lite/lectern-lite/basis.npz").vectors
    direction = MotionBasis(vectors).opening_direction
    clips = load_split(options.data, options.landmarks)
    encoders: dict[str, ComponentEncoder] = {
        "teacher": TeacherEncoder.open(),
        "student": StudentEncoder.open(),
    }
    heard = {
        name: Heard.by(encoder, clips, options.data, vectors) for name, encoder in encoders.items()
    }
    trained = {name: one.samples for name, one in heard.items()}
    trained["both"] = joined([one.samples for one in heard.values()])
    report: dict[str, Any] = {}
    motions = {}
    for name, samples in trained.items():
        training = Training.of(samples, direction)
        motions[name] = training.fit()
        motions[name].save(options.out / f"motion_{name}.npz")
        for ear, one in heard.items():
            entry = score(motions[name], one, clips, vectors)
            entry["left_out"] = left_out(training, one, clips["train"], vectors)
            report[f"motion of {name}, features of {ear}"] = entry
            print(name, ear, {k: v for k, v in entry.items() if k != "clips"}, flush=True)
    report["openings"] = agreement(
        motions["teacher"], encoders["student"], encoders["teacher"], options.data, direction
    )
    (options.out / "student_scores.json").write_text(to_json(report), encoding="utf-8")
    print(json.dumps(report["openings"], indent=1))


if __name__ == "__main__":
    main()
