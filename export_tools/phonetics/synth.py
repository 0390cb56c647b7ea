"""Texts to synthesize, and the type of the times that the synthesizers report."""

from __future__ import annotations

import random
from pathlib import Path

from export_tools.phonetics.corpus import TRAIN_SET, read_manifest

Phones = list[tuple[str, float, float]]
"""Classes of :mod:`.inventory` in order, with start and end in seconds."""


def random_mandarin(rng: random.Random) -> str:
    """Return a random line of common characters (GB 2312 level 1) with commas.

    It has no meaning, but every syllable of the language occurs, in an order that a network cannot
    learn.
    """
    groups = []
    for _ in range(rng.randint(2, 4)):
        pairs = (
            bytes((rng.randint(0xB0, 0xD6), rng.randint(0xA1, 0xFE)))
            for _ in range(rng.randint(3, 8))
        )
        groups.append("".join(pair.decode("gb2312", "ignore") for pair in pairs))
    return "，".join(groups) + "。"


def english_texts(folder: Path) -> list[str]:
    """Return the training transcripts in sentence case."""
    rows = read_manifest(folder)
    return [u.text.capitalize() + "." for u in rows if u.subset == TRAIN_SET and u.text]
