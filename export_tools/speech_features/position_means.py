"""Measure what the encoder's features contain about the position in the window alone.

    python -m export_tools.speech_features.position_means SPEECH MANDARIN --weights FILE

Half of the variance of layer 2, and a third of that of layer 3, is the same for all sounds: Whisper
adds an encoding of the position to its input, and its blocks carry it on. The graph subtracts the
mean of each position, so that a sound has the same features anywhere in a window. The means are
smooth: they are stored as a product of ``RANK`` columns and rows per layer.

``SPEECH`` is the folder of recordings with a manifest (LibriSpeech and LJSpeech are used, rows of
the set ``train``), ``MANDARIN`` that of the motion capture. Writes ``position_means.npz`` and
``.json`` beside this module.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.inference.network import Network
from appliance.speech.log_mel import log_mel_windows
from appliance.speech.whisper_weights import GRAPH, WEIGHTS
from export_tools.phonetics.corpus import TRAIN_SET, read_audio, read_manifest
from export_tools.speech_features.build_encoder import MEANS, OUTPUT_LAYERS, RANK, write_graph

Array = npt.NDArray[np.float32]

MANDARIN_TRAIN = ("2_01", "2_02", "2_03", "2_04", "2_05")


def choose_files(speech: Path, mandarin: Path, minutes: float, seed: int) -> list[Path]:
    """Return files of ``minutes`` in random order, every speaker of ``speech`` equally often."""
    rng = random.Random(seed)
    by_speaker: dict[str, list[tuple[Path, float]]] = {}
    for row in read_manifest(speech):
        if row.subset == TRAIN_SET:
            by_speaker.setdefault(row.speaker, []).append((row.path, row.seconds))
    chosen: list[Path] = []
    left_s = minutes * 60
    while left_s > 0:
        path, seconds = rng.choice(by_speaker[rng.choice(sorted(by_speaker))])
        chosen.append(path)
        left_s -= seconds
    for name in MANDARIN_TRAIN:
        chosen.insert(rng.randrange(len(chosen)), mandarin / f"{name}.flac")
    return chosen


def read_blocks(files: list[Path]) -> Iterator[Array]:
    """Yield the samples of each file; together they are one long recording."""
    for path in files:
        yield read_audio(path).astype(np.float32) / np.float32(32768)


def measure(network: Network, files: list[Path]) -> tuple[dict[str, npt.NDArray[np.float64]], int]:
    """Return the mean (350, 512) of each output over all full windows, and their number."""
    sums: dict[str, npt.NDArray[np.float64]] = {}
    windows = list[Array]()
    count = 0
    for window in log_mel_windows(read_blocks(files)):
        if windows:  # the last window, which is padded, is left out
            for name, values in network({"mel": windows.pop()[None]}).items():
                sums[name] = sums.get(name, 0.0) + values[0].astype(np.float64)
            count += 1
        windows.append(window.mel)
    return {name: total / count for name, total in sums.items()}, count


def factorize(means: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float16], ...]:
    """Return (350, RANK) and (RANK, 512) whose product approximates ``means``."""
    left, values, right = np.linalg.svd(means, full_matrices=False)
    root = np.sqrt(values[:RANK])
    # The sign of a singular vector is arbitrary; make it the same on every machine.
    sign = np.sign(right[:RANK, :].sum(axis=1))
    return (
        (left[:, :RANK] * root * sign).astype(np.float16),
        (right[:RANK] * (root * sign)[:, None]).astype(np.float16),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("speech", type=Path, help="folder of recordings with manifest.tsv")
    parser.add_argument("mandarin", type=Path, help="folder of the Mandarin motion capture")
    parser.add_argument("--weights", type=Path, required=True, help="file of the encoder's weights")
    parser.add_argument("--minutes", type=float, default=45.0, help="of SPEECH (default: 45)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    files = choose_files(options.speech, options.mandarin, options.minutes, options.seed)
    with tempfile.TemporaryDirectory() as scratch:
        write_graph(Path(scratch) / GRAPH, None)
        (Path(scratch) / WEIGHTS).write_bytes(options.weights.read_bytes())
        means, windows = measure(Network(Path(scratch) / GRAPH), files)
    factors: dict[str, npt.NDArray[np.float16]] = {}
    record: dict[str, object] = {
        "minutes": options.minutes,
        "seed": options.seed,
        "windows": windows,
    }
    for layer in OUTPUT_LAYERS:
        name = f"layer{layer}"
        left, right = factorize(means[name])
        factors[f"{name}_left"], factors[f"{name}_right"] = left, right
        lost = means[name] - left.astype(np.float64) @ right.astype(np.float64)
        record[f"{name}_error"] = round(float(lost.std() / means[name].std()), 4)
    record["files"] = [path.relative_to(path.parents[1]).as_posix() for path in files]
    np.savez(MEANS, allow_pickle=False, **factors)
    MEANS.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print({key: value for key, value in record.items() if key != "files"})


if __name__ == "__main__":
    main()
