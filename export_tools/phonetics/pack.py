"""Pack aligned speech into two files that training can map into memory.

    python -m export_tools.phonetics.pack OUT_STEM AUDIO_FOLDER ALIGNMENT.jsonl [...]

``OUT_STEM.npy`` contains the samples of all utterances (int16, 16 kHz, mono); ``OUT_STEM.npz``
contains the position of each utterance and its classes with their end times.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from export_tools.phonetics.corpus import RATE, read_audio
from export_tools.phonetics.inventory import INDEX, SILENCE, Parts


@dataclass(frozen=True)
class Pack:
    """A set of utterances; utterance ``i`` is ``samples[offsets[i] : offsets[i + 1]]``.

    Its segments are ``edges[i] : edges[i + 1]`` of ``classes`` (int8) and ``ends`` (float32
    seconds from the start of the utterance). Before the first and after the last segment there is
    silence.
    """

    samples: npt.NDArray[np.int16]
    offsets: npt.NDArray[np.int64]
    edges: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int8]
    ends: npt.NDArray[np.float32]
    speakers: list[str]

    def __len__(self) -> int:
        return len(self.speakers)

    def seconds(self) -> float:
        """Return the duration of all utterances together."""
        return len(self.samples) / RATE

    def labels_at(self, index: int, times: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
        """Return the class at each of ``times`` (seconds from the start of the utterance)."""
        span = slice(self.edges[index], self.edges[index + 1])
        ends, classes = self.ends[span], self.classes[span]
        where = np.searchsorted(ends, times, side="right")
        inside = (where < len(ends)) & (times >= 0.0)
        labels = np.full(len(times), SILENCE, np.int64)
        labels[inside] = classes[where[inside]]
        return labels


def segments_of(
    phones: list[tuple[str, float, float]], alphabet: dict[str, Parts]
) -> tuple[list[int], list[float]]:
    """Return classes and their end times in seconds; gaps between phones become silence."""
    classes: list[int] = []
    ends: list[float] = []
    clock = 0.0
    for phone, start, end in phones:
        if start > clock + 1e-3:
            classes.append(SILENCE)
            ends.append(start)
        begun = start
        for name, share in alphabet[phone]:
            begun += share * (end - start)
            classes.append(INDEX[name])
            ends.append(begun)
        clock = end
    return classes, ends


def build(stem: Path, audio_folder: Path, alignments: list[Path]) -> None:
    """Pack every aligned utterance; ``alphabet`` in a record names the alphabet of its phones."""
    from export_tools.phonetics.inventory import ALPHABETS

    sounds: list[npt.NDArray[np.int16]] = []
    classes: list[int] = []
    ends: list[float] = []
    offsets, edges, speakers = [0], [0], []
    for alignment in alignments:
        for line in alignment.read_text(encoding="utf-8").splitlines():
            record: dict[str, Any] = json.loads(line)
            sound = read_audio(audio_folder / record["file"])
            alphabet = ALPHABETS[record.get("alphabet", "arpabet")]
            found, until = segments_of(record["phones"], alphabet)
            sounds.append(sound)
            classes += found
            ends += until
            offsets.append(offsets[-1] + len(sound))
            edges.append(edges[-1] + len(found))
            speakers.append(record["speaker"])
    np.save(stem.with_suffix(".npy"), np.concatenate(sounds))
    np.savez(
        stem.with_suffix(".npz"),
        offsets=np.array(offsets, np.int64),
        edges=np.array(edges, np.int64),
        classes=np.array(classes, np.int8),
        ends=np.array(ends, np.float32),
        speakers=np.array(speakers),
    )


def load(stem: Path) -> Pack:
    """Open a pack written by :func:`build`; the samples are mapped into memory."""
    with np.load(stem.with_suffix(".npz")) as table:
        return Pack(
            samples=np.load(stem.with_suffix(".npy"), mmap_mode="r"),
            offsets=table["offsets"],
            edges=table["edges"],
            classes=table["classes"],
            ends=table["ends"],
            speakers=[str(name) for name in table["speakers"]],
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stem", type=Path, help="stem of the pack to write")
    parser.add_argument("audio_folder", type=Path, help="folder of the audio files")
    parser.add_argument("alignments", type=Path, nargs="+", help="alignment files (JSON lines)")
    args = parser.parse_args()
    build(args.stem, args.audio_folder, args.alignments)
    pack = load(args.stem)
    print(
        f"{len(pack)} utterances, {pack.seconds() / 3600:.2f} h, {len(set(pack.speakers))} voices"
    )


if __name__ == "__main__":
    main()
