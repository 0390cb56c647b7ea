"""Measure whether more speakers or more speech of one speaker improve the motion network.

    python -m export_tools.phonetics.learning_curve DATA_DIR --landmarks DIR --encoder encoder.pt \\
        --out CURVE.json

The network is trained on six clips of one, two, four and six speakers, and on more clips of the one
speaker with many, and scored on unseen speakers: the correlation of the mouth opening, as means
over clips and draws. Each draw selects other clips. CURVE.json is written after each training, so
that a stopped run can be resumed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from export_tools.phonetics.encoder import load_encoder
from export_tools.phonetics.motion_data import load_split, motion_basis
from export_tools.phonetics.motion_score import correlate_opening
from export_tools.phonetics.train_motion import (
    COEFFICIENTS,
    EncodedClip,
    make_parser,
    predict_coefficients,
    train,
)

MAIN_SPEAKER = "s1"
CLIPS = 6
SPEAKERS = (1, 2, 4, 6)  # including MAIN_SPEAKER
AMOUNTS = (24, 120)  # numbers of clips of MAIN_SPEAKER alone, in addition to CLIPS
DRAWS = 5
STEPS, BATCH = 300, 12
TEST_SPLITS = ("new", "wild")


def draw_clips(
    names: Sequence[tuple[str, str]], speakers: int, clips: int, rng: np.random.Generator
) -> list[str]:
    """Return the names of ``clips`` clips of ``speakers`` speakers, from (name, speaker) pairs.

    There is one clip of every speaker except :data:`MAIN_SPEAKER`; all others are of
    :data:`MAIN_SPEAKER`.
    """
    others = [name for name, speaker in names if speaker != MAIN_SPEAKER]
    many = [name for name, speaker in names if speaker == MAIN_SPEAKER]
    chosen = [str(name) for name in rng.permutation(others)[: speakers - 1]]
    return chosen + [str(name) for name in rng.permutation(many)[: clips - len(chosen)]]


def plan_trainings(names: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the clips of every training by its label, ``speakers/clips/draw``."""
    shapes = [(n, CLIPS) for n in SPEAKERS] + [(1, amount) for amount in AMOUNTS]
    return {
        f"{speakers}/{clips}/{k}": draw_clips(
            names, speakers, clips, np.random.default_rng((clips, k))
        )
        for k in range(DRAWS)
        for speakers, clips in shapes
    }


def summarize(runs: dict[str, dict[str, list[float]]]) -> dict[str, dict[str, float]]:
    """Return the means over draws, their standard errors (``±``) and the number of draws.

    The keys are ``speakers/clips``.
    """
    table: dict[str, dict[str, float]] = {}
    for shape in dict.fromkeys(label.rsplit("/", 1)[0] for label in runs):
        rows = [row for label, row in runs.items() if label.rsplit("/", 1)[0] == shape]
        row = table.setdefault(shape, {"draws": float(len(rows))})
        for split in rows[0]:
            for column, name in enumerate(("r", "best_r")):
                values = np.array([r[split][column] for r in rows])
                row[f"{split} {name}"] = round(float(values.mean()), 3)
                row[f"{split} {name} ±"] = round(float(values.std() / len(values) ** 0.5), 3)
    return table


def main() -> None:
    args = make_parser(__doc__).parse_args()
    torch.set_num_threads(1)
    encoder = load_encoder(args.encoder)
    clips = load_split(args.data, args.landmarks)
    vectors = motion_basis(clips["train"], COEFFICIENTS)
    trainings = plan_trainings([(clip.name, clip.speaker) for clip in clips["train"]])
    done: dict[str, Any] = json.loads(args.out.read_text())["runs"] if args.out.exists() else {}
    used = {name for label, names in trainings.items() if label not in done for name in names}
    encoded = {
        c.name: EncodedClip(c, encoder, vectors, 2) for c in clips["train"] if c.name in used
    }
    test_clips = {
        split: [EncodedClip(c, encoder, vectors, 0) for c in clips[split]] for split in TEST_SPLITS
    }
    for label, names in trainings.items():
        if label in done:
            continue
        training_clips = [encoded[name] for name in names]
        share = sum(c.clip.speaker == MAIN_SPEAKER for c in training_clips) / len(training_clips)
        network = train(training_clips, STEPS, 0, share=share, batch=BATCH)
        done[label] = {}
        for split, test_split in test_clips.items():
            rows = [
                correlate_opening(c.clip, vectors, predict_coefficients(network, c))
                for c in test_split
            ]
            done[label][split] = [round(float(x), 4) for x in np.mean(rows, axis=0)]
        record = {"steps": STEPS, "batch": BATCH, "table": summarize(done), "runs": done}
        args.out.write_text(json.dumps(record, indent=1) + "\n")
        print(label, done[label], flush=True)
    print(json.dumps(summarize(done), indent=1))


if __name__ == "__main__":
    main()
