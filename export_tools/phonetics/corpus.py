"""Read speech corpora: their manifest and their audio.

A manifest is a tab-separated table ``file set licence speaker language seconds text``. Only rows
with the set ``train`` may be used for training.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.media.audio import audio_blocks

RATE = 16_000
TRAIN_SET = "train"


@dataclass(frozen=True)
class Utterance:
    """A row of a manifest; ``path`` is below its folder, ``text`` is empty without transcript."""

    path: Path
    file: str
    subset: str
    speaker: str
    language: str
    seconds: float
    text: str


def read_manifest(root: Path) -> list[Utterance]:
    """Return all rows of ``root/manifest.tsv``, sorted by file name."""
    with (root / "manifest.tsv").open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        utterances = [
            Utterance(
                path=root / row["file"],
                file=row["file"],
                subset=row["set"],
                speaker=row["speaker"],
                language=row["language"],
                seconds=float(row["seconds"]),
                text=(row["text"] or "").strip(),
            )
            for row in rows
        ]
    return sorted(utterances, key=lambda u: u.file)


def read_audio(path: Path) -> npt.NDArray[np.int16]:
    """Return the first audio track as mono int16 at 16 kHz (training clips are short)."""
    blocks = [np.round(block * 32767.0).astype(np.int16) for block in audio_blocks(path, RATE)]
    return np.concatenate(blocks) if blocks else np.zeros(0, np.int16)
