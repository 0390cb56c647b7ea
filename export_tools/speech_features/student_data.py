"""Prepare the training data of the student: speech, the same degraded, and the components.

    python -m export_tools.speech_features.student_data DATA --projection FILE --out WORK

Each shard is about 15 minutes of utterances with pauses between them, as one recording. ``WORK``
gets ``NAME.sound.npy`` and ``NAME.degraded.npy`` (int16, 16 kHz), ``NAME.targets.npy`` (float16,
256 components at 50 Hz) and ``NAME.json`` with the files. Existing shards are kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.speech.whisper_encoder import SpeechEncoder
from export_tools.phonetics import augment
from export_tools.phonetics.corpus import RATE, TRAIN_SET, read_audio, read_manifest
from export_tools.phonetics.hibari_timed import TimedHibari
from export_tools.phonetics.motion_data import SPLITS
from export_tools.phonetics.synth import english_texts
from export_tools.speech_features import degrade, languages
from export_tools.speech_features.position_means import MANDARIN_TRAIN
from export_tools.speech_features.projection import JoinedLayers
from export_tools.speech_features.train_motion import encode

Array16 = npt.NDArray[np.int16]
Array32 = npt.NDArray[np.float32]
Utterances = Iterator[tuple[str, Array16]]

SHARD_S = 900.0
_PIECE_S = 30.0  # one codec for so many seconds
_P_CODEC = 0.6


def read_speech(data: Path, rng: np.random.Generator) -> Utterances:
    """Yield all training rows of the speech corpora in random order, forever."""
    rows = [row for row in read_manifest(data / "speech") if row.subset == TRAIN_SET]
    while True:
        for index in rng.permutation(len(rows)):
            yield rows[index].file, read_audio(rows[index].path)


def filmed_speech(data: Path, rng: np.random.Generator) -> Utterances:
    """Yield the training clips of GRID and pieces of the Mandarin capture, half and half."""
    splits = json.loads(SPLITS.read_text(encoding="utf-8"))
    left_out = tuple(splits["held_out_clips"]) + tuple(splits["validation_s1_prefixes"])
    clips = [p for p in sorted((data / "grid").glob("*.mp4")) if not p.stem.startswith(left_out)]
    captures = cycle([data / "mandarin" / f"{name}.flac" for name in MANDARIN_TRAIN])
    while True:
        capture = next(captures)
        sound = read_audio(capture)
        for start in range(0, len(sound), 10 * RATE):
            yield f"mandarin/{capture.name}", sound[start : start + 10 * RATE]
            for index in rng.integers(len(clips), size=3):
                yield f"grid/{clips[index].name}", read_audio(clips[index])


def foreign_speech(data: Path, rng: np.random.Generator) -> Utterances:
    """Yield synthetic speech of espeak-ng in many languages."""
    for voice, samples, rate in languages.utterances(int(rng.integers(1 << 30))):
        yield f"espeak-ng {voice}", _to_rate(samples, rate)


def neural_speech(data: Path, rng: np.random.Generator) -> Utterances:
    """Yield English synthetic speech of hibari-tts, from the transcripts of the training rows."""
    texts, engine = english_texts(data / "speech"), TimedHibari()
    while True:
        text = " ".join(texts[rng.integers(len(texts))].split()[:30])
        samples, _ = engine.speak(text, float(rng.uniform(0.8, 1.3)), int(rng.integers(1 << 30)))
        if len(samples):
            yield "hibari-tts", _to_rate(samples, engine.rate)


SOURCES = {
    "speech": read_speech,
    "foreign": foreign_speech,
    "filmed": filmed_speech,
    "neural": neural_speech,
}


def _to_rate(samples: Array16, rate: int) -> Array16:
    length = round(len(samples) * RATE / rate)
    return augment.resample(samples.astype(np.float32), length).astype(np.int16)


def join(
    utterances: Utterances, rng: np.random.Generator, seconds: float
) -> tuple[Array16, list[str]]:
    """Return about ``seconds`` of utterances with pauses, and their names.

    Two of three utterances are played up to a fifth slower or faster, which also changes the pitch;
    the levels differ by up to 12 dB. The pauses contain faint noise.
    """
    parts: list[Array16] = []
    names: list[str] = []
    total = 0
    while total < seconds * RATE:
        name, samples = next(utterances)
        played = samples.astype(np.float32)
        if rng.random() < 0.67:
            played = augment.resample(played, round(len(samples) / rng.uniform(0.82, 1.2)))
        peak = float(np.abs(played).max(initial=1.0))
        gain = min(10 ** (rng.uniform(-9.0, 3.0) / 20), 32000.0 / peak)
        pause_s = rng.uniform(0.05, 0.6) if rng.random() < 0.8 else rng.uniform(0.6, 3.0)
        hiss = rng.standard_normal(int(pause_s * RATE)) * 10 ** rng.uniform(-0.5, 1.0)
        parts += [(played * gain).astype(np.int16), hiss.astype(np.int16)]
        names.append(name)
        total += len(parts[-2]) + len(parts[-1])
    return np.concatenate(parts), names


def degraded(samples: Array16, rng: np.random.Generator) -> Array16:
    """Return ``samples`` in pieces of 30 s, most of which went through a lossy codec."""
    step = int(_PIECE_S * RATE)
    pieces = [samples[start : start + step] for start in range(0, len(samples), step)]
    return np.concatenate(
        [
            degrade.transcode(p, rng) if rng.random() < _P_CODEC and len(p) > RATE else p
            for p in pieces
        ]
    )


class Teacher:
    """The teacher with the projection to components."""

    def __init__(self, projection: Path) -> None:
        self._encoder = JoinedLayers(SpeechEncoder.open())
        with np.load(projection) as data:
            self._matrix = data["matrix"].astype(np.float32)
            self._bias = data["bias"]

    def components(self, samples: Array16) -> npt.NDArray[np.float16]:
        """Return (n, 256) of mono int16 at 16 kHz."""
        features = encode(self._encoder, samples.astype(np.float32) / np.float32(32768))
        return np.asarray(features @ self._matrix + self._bias, np.float16)


def write_shard(
    out: Path,
    name: str,
    samples: Array16,
    other: Array16,
    targets: npt.NDArray[np.float16],
    names: list[str],
) -> None:
    """Write one shard; the description comes last, so that a shard with it is complete."""
    np.save(out / f"{name}.sound.npy", samples)
    np.save(out / f"{name}.degraded.npy", other)
    np.save(out / f"{name}.targets.npy", targets)
    (out / f"{name}.json").write_text(
        json.dumps({"seconds": round(len(samples) / RATE), "files": names})
    )


def parse_plan(text: str) -> list[str]:
    """Return the names of shards in order of ``speech:3,foreign:2``, evenly mixed."""
    counts = {name: int(count) for name, count in (item.split(":") for item in text.split(","))}
    keyed = [((i + 0.5) / n, f"{name}-{i:02d}") for name, n in counts.items() for i in range(n)]
    return [shard for _, shard in sorted(keyed)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of grid/, mandarin/ and speech/")
    parser.add_argument("--projection", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--plan", default="speech:30,foreign:14,filmed:4,neural:2", help="shards per source"
    )
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    teacher = Teacher(options.projection)
    running: dict[str, Utterances] = {}
    for number, name in enumerate(parse_plan(options.plan)):
        source = name.split("-")[0]
        rng = np.random.default_rng((options.seed, number))
        if source not in running:
            running[source] = SOURCES[source](
                options.data, np.random.default_rng((options.seed, source_seed(source)))
            )
        if (options.out / f"{name}.json").exists():
            continue
        samples, names = join(running[source], rng, SHARD_S)
        write_shard(
            options.out, name, samples, degraded(samples, rng), teacher.components(samples), names
        )
        print(name, round(len(samples) / RATE), "s", flush=True)


def source_seed(source: str) -> int:
    """Return a number for a source that is the same in every run."""
    return sum(source.encode())


if __name__ == "__main__":
    main()
