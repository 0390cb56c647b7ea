"""Measure the accuracy of the encoder per frame, on utterances that were not used for training.

python -m export_tools.phonetics.evaluate encoder.pt PACK_STEM
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from export_tools.phonetics.dataset import full_utterance
from export_tools.phonetics.encoder import Encoder, load_encoder
from export_tools.phonetics.inventory import CLASSES, INDEX
from export_tools.phonetics.pack import Pack, load

Confusion = npt.NDArray[np.int64]


def confusion_matrix(encoder: Encoder, pack: Pack, limit: int | None = None) -> Confusion:
    """Count frames by (true class, most probable class).

    ``limit`` is the number of utterances, spread evenly over the pack; None means all.
    """
    count = len(pack) if limit is None else min(limit, len(pack))
    table = np.zeros((len(CLASSES), len(CLASSES)), np.int64)
    with torch.inference_mode():
        for index in np.linspace(0, len(pack) - 1, count).astype(int):
            mel, labels = full_utterance(pack, int(index))
            guess = encoder(torch.from_numpy(mel)[None])[0].argmax(0).numpy()
            np.add.at(table, (labels, guess), 1)
    return table


def summary(table: Confusion) -> dict[str, float]:
    """Return the accuracy of all frames and of speech, and recall and precision of closures (P)."""
    right = np.diag(table)
    speech = np.arange(len(CLASSES)) != INDEX["SIL"]
    p = INDEX["P"]
    return {
        "accuracy": round(float(right.sum() / table.sum()), 4),
        "accuracy_speech": round(float(right[speech].sum() / table[speech].sum()), 4),
        "closure_recall": round(float(right[p] / max(table[p].sum(), 1)), 4),
        "closure_precision": round(float(right[p] / max(table[:, p].sum(), 1)), 4),
    }


def frame_scores(encoder: Encoder, pack: Pack, limit: int | None = None) -> dict[str, float]:
    """Return the :func:`summary` of an encoder on a pack."""
    return summary(confusion_matrix(encoder, pack, limit))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoder", type=Path, help="checkpoint of the encoder")
    parser.add_argument("pack", type=Path, help="stem of the pack")
    parser.add_argument("--limit", type=int, help="largest number of utterances")
    args = parser.parse_args()
    torch.set_num_threads(1)
    table = confusion_matrix(load_encoder(args.encoder), load(args.pack), args.limit)
    recall = np.diag(table) / np.maximum(table.sum(1), 1)
    report = {**summary(table), "recall": dict(zip(CLASSES, recall.round(3).tolist(), strict=True))}
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
