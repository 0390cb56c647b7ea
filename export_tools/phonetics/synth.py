"""Synthesize speech with exactly known phone times.

    python -m export_tools.phonetics.synth hibari SPEECH_FOLDER OUT_FOLDER --minutes 40
    python -m export_tools.phonetics.synth espeak SPEECH_FOLDER OUT_FOLDER --minutes 90

The tool writes WAV files and ``<engine>.jsonl`` to ``OUT_FOLDER``, in the format of :mod:`.pack`
with the classes themselves as alphabet. hibari-tts (Apache-2.0) reads English transcripts of the
training set. espeak-ng (GPL; only its audio is used, no part of it is shipped) speaks Mandarin and
several European languages in dozens of voices; it needs ``libespeak-ng1``.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from export_tools.phonetics.corpus import TRAIN_SET, read_manifest
from export_tools.phonetics.espeak import Espeak, training_voices
from export_tools.phonetics.hibari_timed import TimedHibari
from export_tools.phonetics.wav import write_wav

Phones = list[tuple[str, float, float]]

# French, German, Spanish and Italian sentences, written for this project to avoid unclear rights.
PHRASES: dict[str, tuple[str, ...]] = {
    "fr": (
        "Bonjour à tous, nous allons parler de la lumière et de sa vitesse.",
        "Une plume bleue tombe plus vite dans un tube vide, je vous le prouve.",
        "Pourquoi la mer monte-t-elle deux fois par jour ? Le professeur pose la question.",
    ),
    "de": (
        "Guten Morgen, heute besprechen wir, wie Pflanzen aus Licht Zucker bauen.",
        "Fünf große Bäume füllen über Jahre hinweg den halben Park mit Früchten.",
        "Bitte öffnet das Buch auf Seite zwölf und lest den ersten Abschnitt.",
    ),
    "es": (
        "Buenos días, vamos a ver por qué el agua sube por un tubo muy fino.",
        "Primero medimos la temperatura, después pesamos el bloque pequeño.",
    ),
    "it": (
        "Buongiorno, oggi parliamo dei numeri primi e di come trovarli.",
        "Prendete un foglio, scrivete la prima formula e provate da soli.",
    ),
}


@dataclass(frozen=True)
class SynthUtterance:
    """A synthetic utterance: int16 samples, their rate in Hz, and classes with times in seconds."""

    speaker: str
    rate: int
    samples: np.ndarray[Any, np.dtype[np.int16]]
    phones: Phones


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


def hibari_utterances(texts: list[str], rng: random.Random) -> Iterator[SynthUtterance]:
    """Yield utterances of hibari-tts endlessly: up to 16 words of a random text each."""
    engine = TimedHibari()
    while True:
        speed = rng.uniform(0.8, 1.35)
        words = rng.choice(texts).split()
        begin = rng.randint(0, max(len(words) - 16, 0))
        samples, phones = engine.speak(
            " ".join(words[begin : begin + 16]), speed, rng.randint(0, 1 << 30)
        )
        yield SynthUtterance("hibari-heart", engine.rate, samples, phones)


def espeak_utterances(texts: list[str], rng: random.Random) -> Iterator[SynthUtterance]:
    """Yield utterances of espeak-ng endlessly: 50 % Mandarin, 30 % English, 20 % other."""
    engine = Espeak()
    english_voices = ("en-us", "en-us", "en-gb-x-rp", "en-gb-scotland")
    while True:
        draw = rng.random()
        if draw < 0.5:
            language, text = "cmn-latn-pinyin", random_mandarin(rng)
        elif draw < 0.8:
            words = rng.choice(texts).split()
            begin = rng.randint(0, max(len(words) - 16, 0))
            language, text = rng.choice(english_voices), " ".join(words[begin : begin + 16])
        else:
            language = rng.choice(sorted(PHRASES))
            text = rng.choice(PHRASES[language])
        variant = rng.choice(training_voices())
        name = f"{language}+{variant}"
        samples, phones = engine.speak(
            text, name, speed=rng.randint(120, 230), pitch=rng.randint(15, 85),
            pitch_range=rng.randint(20, 80),
        )  # fmt: skip
        yield SynthUtterance(f"espeak-{variant}", engine.rate, samples, phones)


ENGINES: dict[str, Callable[[list[str], random.Random], Iterator[SynthUtterance]]] = {
    "hibari": hibari_utterances,
    "espeak": espeak_utterances,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engine", choices=sorted(ENGINES), help="speech synthesizer")
    parser.add_argument("speech", type=Path, help="folder of recordings with manifest.tsv")
    parser.add_argument("out", type=Path, help="output folder")
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="amount of speech (default: 60)"
    )
    parser.add_argument("--seed", type=int, default=1, help="random seed (default: 1)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    seconds, number = 0.0, 0
    utterances = ENGINES[args.engine](english_texts(args.speech), random.Random(args.seed))
    with (args.out / f"{args.engine}.jsonl").open("w", encoding="utf-8") as stream:
        for utterance in utterances:
            if seconds >= args.minutes * 60:
                break
            if not utterance.phones:
                continue
            name = f"{args.engine}-{number:05d}.wav"
            write_wav(args.out / name, utterance.samples, utterance.rate)
            length = len(utterance.samples) / utterance.rate
            record = {
                "file": name,
                "speaker": utterance.speaker,
                "seconds": round(length, 3),
                "alphabet": "classes",
                "phones": utterance.phones,
            }
            stream.write(json.dumps(record) + "\n")
            seconds, number = seconds + length, number + 1
    print(f"{number} utterances, {seconds / 60:.1f} min")


if __name__ == "__main__":
    main()
