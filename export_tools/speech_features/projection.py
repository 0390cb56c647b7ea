"""Choose the components of the teacher's features that the student learns.

    python -m export_tools.speech_features.projection DATA --landmarks MARKS --out FILE

The teacher's features (1024 values, layers 2 and 3 of whisper-base) are projected to 128 principal
components per layer, those of ``train_motion``, and divided by their standard deviation. A motion
that was trained on the components can therefore use the teacher or the student.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.config import PROJECT
from appliance.lips.motion import MotionBasis
from appliance.speech.whisper_encoder import SpeechEncoder
from export_tools.phonetics.motion_data import load_split
from export_tools.speech_features.position_means import MANDARIN_TRAIN
from export_tools.speech_features.train_motion import (
    Sample,
    components,
    grid_sample,
    mandarin_sample,
)

Array32 = npt.NDArray[np.float32]
Array64 = npt.NDArray[np.float64]


def teacher_samples(encoder: SpeechEncoder, data: Path, landmarks: Path) -> list[Sample]:
    """Return the recordings that the motion is trained on, with the features of the teacher."""
    vectors = MotionBasis.load(PROJECT / "models_lite/lectern-lite/basis.npz").vectors
    samples = [grid_sample(encoder, c, vectors) for c in load_split(data, landmarks)["train"]]
    samples += [mandarin_sample(encoder, data / "mandarin", name) for name in MANDARIN_TRAIN]
    return samples


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
    encoder = SpeechEncoder.open()
    samples = teacher_samples(encoder, options.data, options.landmarks)
    basis = components(encoder, options.data, samples)
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
