"""Align transcripts and sound with pocketsphinx, to phones with start and end.

    python -m export_tools.phonetics.align SPEECH_FOLDER OUT.jsonl --subset train

Words that are not in pocketsphinx's dictionary get their phones from the grapheme-to-phoneme rules
of hibari-tts, so that no utterance is lost because of a rare name. The output has one JSON line per
utterance: ``{"file", "speaker", "seconds", "phones": [[phone, start_s, end_s], ...]}``. Another run
appends missing utterances.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from hibari.g2p import G2P
from pocketsphinx import Decoder, get_model_path

from export_tools.phonetics.corpus import RATE, TRAIN_SET, Utterance, read_audio, read_manifest
from export_tools.phonetics.inventory import misaki_to_arpabet

FRAME_S = 0.01  # frame of the decoder
# So wide that the right path is never pruned; the default beams lose three of four utterances.
BEAM = 1e-120
PAD_S = 0.2  # silence added at both ends: the decoder needs a few frames to adapt

Phones = list[tuple[str, float, float]]


class Aligner:
    """An aligner of single utterances; words added to its dictionary remain there."""

    def __init__(self) -> None:
        self._decoder = Decoder(
            lm=None,
            loglevel="FATAL",
            bestpath=False,
            beam=BEAM,
            wbeam=BEAM,
            pbeam=BEAM,
            maxhmmpf=-1,
        )
        dictionary = Path(get_model_path("en-us/cmudict-en-us.dict")).read_text(encoding="utf-8")
        self._known = {line.split(maxsplit=1)[0].split("(")[0] for line in dictionary.splitlines()}
        self._g2p = G2P(british=False)

    def _add_words(self, words: Iterable[str]) -> None:
        for word in words:
            if word in self._known:
                continue
            phones = misaki_to_arpabet(self._g2p(word))
            if not phones:
                raise ValueError(f"no pronunciation for {word!r}")
            self._decoder.add_word(word, " ".join(phones), True)
            self._known.add(word)

    def align(self, samples: npt.NDArray[np.int16], text: str) -> Phones:
        """Return the phones with start and end in seconds.

        ``samples`` is mono at 16 kHz. Raises ``RuntimeError`` if no path fits, and ``ValueError``
        for a word without a pronunciation.
        """
        words = text.lower().split()
        self._add_words(words)
        pad = np.zeros(int(PAD_S * RATE), np.int16)
        data = np.concatenate([pad, samples, pad]).tobytes()
        self._decoder.set_align_text(" ".join(words))
        self._run(data)
        if self._decoder.hyp() is None:
            raise RuntimeError("no alignment")
        self._decoder.set_alignment()  # second pass: phones within the words just found
        self._run(data)
        alignment = self._decoder.get_alignment()
        if alignment is None:
            raise RuntimeError("no phone alignment")
        end_s = len(samples) / RATE
        phones: Phones = []
        for word in alignment:
            for phone in word:
                start = max(phone.start * FRAME_S - PAD_S, 0.0)
                end = min((phone.start + phone.duration) * FRAME_S - PAD_S, end_s)
                if end > start:
                    phones.append((phone.name, round(start, 3), round(end, 3)))
        return phones

    def _run(self, data: bytes) -> None:
        self._decoder.start_utt()
        self._decoder.process_raw(data, full_utt=True)
        self._decoder.end_utt()


def pending(utterances: Iterable[Utterance], out: Path, subset: str) -> list[Utterance]:
    """Return the utterances of the subset with a transcript that are not in ``out`` yet."""
    done = set()
    if out.exists():
        done = {json.loads(line)["file"] for line in out.read_text(encoding="utf-8").splitlines()}
    return [u for u in utterances if u.subset == subset and u.text and u.file not in done]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("speech", type=Path, help="folder of recordings with manifest.tsv")
    parser.add_argument("out", type=Path, help="file to write (JSON lines)")
    parser.add_argument("--subset", default=TRAIN_SET, help="set of the manifest (default: train)")
    args = parser.parse_args()
    aligner = Aligner()
    failed = 0
    with args.out.open("a", encoding="utf-8") as stream:
        todo = pending(read_manifest(args.speech), args.out, args.subset)
        for number, utterance in enumerate(todo, 1):
            samples = read_audio(utterance.path)
            try:
                phones = aligner.align(samples, utterance.text)
            except (RuntimeError, ValueError) as error:
                failed += 1
                print(f"{utterance.file}: {error}")
                continue
            record = {
                "file": utterance.file,
                "speaker": utterance.speaker,
                "seconds": round(len(samples) / RATE, 3),
                "phones": phones,
            }
            stream.write(json.dumps(record) + "\n")
            stream.flush()
            if number % 100 == 0:
                print(f"{number}/{len(todo)} ({failed} failed)", flush=True)
    print(f"aligned {len(todo) - failed} of {len(todo)}")


if __name__ == "__main__":
    main()
