"""Choose the components of the teacher's features that the student learns.

    python -m export_tools.speech_features.projection DATA --landmarks MARKS --out FILE

The teacher's features (1024 values, layers 2 and 3 of whisper-base) are projected to the first 128
principal components of each layer, and divided by their standard deviation. A motion that was
trained on the components can therefore use the teacher or the student.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.config import PROJECT
from appliance.lips.motion import MotionBasis
from appliance.speech.whisper_encoder import SpeechEncoder
from export_tools.phonetics.motion_data import load_split
from export_tools.speech_features.position_means import choose_files, read_blocks
from export_tools.speech_features.train_motion import Sample, hear

Array32 = npt.NDArray[np.float32]
Array64 = npt.NDArray[np.float64]

PER_LAYER = 128
MINUTES, SEED = 10.0, 1
_EVERY = 3  # one of so many steps is used


class JoinedLayers:
    """The teacher with the features of both layers side by side."""

    def __init__(self, encoder: SpeechEncoder) -> None:
        self._encoder = encoder

    def features(self, blocks: Iterable[Array32]) -> Iterator[Array32]:
        """Convert blocks of mono audio at 16 kHz to features (n, 1024)."""
        for layers in self._encoder.features(blocks):
            yield np.concatenate(layers, axis=1)


def teacher_samples(encoder: JoinedLayers, data: Path, landmarks: Path) -> list[Sample]:
    """Return the recordings that the motion is trained on, with the features of the teacher."""
    vectors = MotionBasis.load(PROJECT / "models_lite/lectern-lite/basis.npz").vectors
    return hear(encoder, load_split(data, landmarks)["train"], data / "mandarin", vectors)


def wide_mix(encoder: JoinedLayers, data: Path, samples: Sequence[Sample]) -> Array32:
    """Return (n, 1024): features of ``MINUTES`` of LibriSpeech and LJSpeech, and of ``samples``."""
    files = choose_files(data / "speech", data / "mandarin", MINUTES, SEED)
    blocks = read_blocks([f for f in files if f.parent.name != "mandarin"])
    read = np.concatenate(list(encoder.features(blocks)))
    return np.concatenate([read[::_EVERY], *(s.features[::_EVERY] for s in samples)])


def components(mix: Array32, per_layer: int = PER_LAYER) -> Array64:
    """Return (F + 1, 2 · per_layer): features and 1 to the principal components of each half."""
    width = mix.shape[1] // 2
    result = np.zeros((2 * width + 1, 2 * per_layer))
    for layer in range(2):
        rows = slice(layer * width, (layer + 1) * width)
        part = mix[:, rows].astype(np.float64)
        mean = part.mean(0)
        _, directions = np.linalg.eigh(np.cov((part - mean).T))
        chosen = directions[:, ::-1][:, :per_layer]
        columns = slice(layer * per_layer, (layer + 1) * per_layer)
        result[rows, columns], result[-1, columns] = chosen, -mean @ chosen
    return result


def scale_components(basis: Array64, features: Array32) -> tuple[Array64, Array64]:
    """Return ``basis`` (1025, 256) with components of deviation one, and the former deviations."""
    deviation = (features @ basis[:-1] + basis[-1]).std(0)
    return basis / deviation, deviation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of grid/, wild/, mandarin/ and speech/")
    parser.add_argument("--landmarks", type=Path, required=True, help="folder of landmark files")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    options = parser.parse_args()
    encoder = JoinedLayers(SpeechEncoder.open())
    samples = teacher_samples(encoder, options.data, options.landmarks)
    basis = components(wide_mix(encoder, options.data, samples))
    mix = np.concatenate([sample.features for sample in samples])
    basis, deviation = scale_components(basis, mix)
    np.savez(
        options.out,
        matrix=basis[:-1].astype(np.float16),
        bias=basis[-1].astype(np.float32),
        deviation=deviation.astype(np.float32),
    )


if __name__ == "__main__":
    main()
