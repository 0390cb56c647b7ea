"""Measure how often the lips close for p, b and m, on synthetic speech with known times.

    python -m export_tools.phonetics.closures MOTION_DIR [--count 30]

The speech is English by hibari-tts and espeak-ng, and Mandarin by espeak-ng. The lips count as
closed if the opening falls below a third of the 90th percentile of the utterance during the sound
or within 40 ms of it. ``elsewhere`` is the same share for intervals of the same length at random
positions in speech; the difference shows what the network has learned.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.lips.geometry import BOTTOM, TOP
from appliance.lips.motion import Basis
from appliance.lips.provider import Network
from appliance.speech.activity import measure
from appliance.speech.mel import LECTERN_MEL, mel_of
from export_tools.phonetics import augment
from export_tools.phonetics.espeak import Espeak
from export_tools.phonetics.hibari_timed import TimedHibari
from export_tools.phonetics.synth import Phones, mandarin

SHUT_SHARE = 1 / 3
SLACK_S = 0.04
RATE_HZ = 50.0
LANGUAGES = ("english, hibari", "english, espeak", "mandarin, espeak")
ENGLISH = (
    "Maybe my father bought a big map before the film began.",
    "Peter put both plums in a paper bag and gave them to Emma.",
    "We must compare the number of people from both groups.",
    "A simple problem can become important by tomorrow morning.",
    "The lamp above the table became brighter at about midnight.",
    "Remember to combine the parts and measure the amplitude.",
)
Takes = Iterator[tuple[npt.NDArray[np.int16], int, Phones]]


def takes(language: str, seed: int) -> Takes:
    """Yield utterances endlessly: samples, their rate in Hz, and classes with times."""
    rng = random.Random(seed)
    if language == "english, hibari":
        hibari = TimedHibari()
        while True:
            samples, phones = hibari.speak(rng.choice(ENGLISH), rng.uniform(0.85, 1.2), 0)
            yield samples, hibari.rate, phones
    espeak = Espeak()
    while True:
        if language == "mandarin, espeak":
            text, voice = mandarin(rng), "cmn-latn-pinyin+" + rng.choice(("f2", "m3", "Andy"))
        else:
            text, voice = rng.choice(ENGLISH), "en-us+" + rng.choice(("f2", "m3", "Andy"))
        samples, phones = espeak.speak(text, voice, rng.randint(130, 190), 50, 50)
        yield samples, espeak.rate, phones


def openings(
    network: Network, basis: Basis, samples: npt.NDArray[np.int16], rate: int
) -> npt.NDArray[np.float64]:
    """Return the predicted mouth opening relative to rest, at 50 Hz, in eye distances.

    It is that of a mouth with an average range of movement.
    """
    length = round(len(samples) * LECTERN_MEL.rate / rate)
    sound = augment.stretch(samples.astype(np.float32) / 32768.0, length)
    mel = mel_of(sound, LECTERN_MEL)
    heard = measure([mel])
    motion = network({"mel": mel[None], "loudness": heard.loudness[None]})["motion"][0]
    gate = heard.gate[::2][: motion.shape[1]]
    moved = basis.displacement((motion * gate).T)
    return np.asarray(moved[:, BOTTOM, 1] - moved[:, TOP, 1])


def closures(network: Network, basis: Basis, language: str, count: int, seed: int) -> list[int]:
    """Count closures over ``count`` utterances.

    Returns [closed, sounds p, b and m, closed elsewhere, intervals elsewhere].
    """
    rng = np.random.default_rng(seed)
    tally = [0, 0, 0, 0]
    for samples, rate, phones in islice(takes(language, seed), count):
        track = openings(network, basis, samples, rate)
        limit = SHUT_SHARE * float(np.quantile(track, 0.9))

        def shut(start: float, end: float, track: npt.NDArray[np.float64] = track) -> float:
            low = max(round((start - SLACK_S) * RATE_HZ), 0)
            high = max(round((end + SLACK_S) * RATE_HZ), low + 1)
            return float(track[low : high + 1].min(initial=np.inf))

        spoken = [(a, b) for name, a, b in phones if name != "SIL"]
        for name, start, end in phones:
            if name != "P":
                continue
            tally[0] += shut(start, end) < limit
            tally[1] += 1
            other = spoken[int(rng.integers(len(spoken)))][0]
            tally[2] += shut(other, other + end - start) < limit
            tally[3] += 1
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("motion", type=Path, help="folder of motion.onnx and basis.npz")
    parser.add_argument("--count", type=int, default=30, help="utterances per voice (default: 30)")
    parser.add_argument("--seed", type=int, default=77, help="random seed (default: 77)")
    args = parser.parse_args()
    network = Network(args.motion / "motion.onnx")
    basis = Basis.load(args.motion / "basis.npz")
    report = {}
    for language in LANGUAGES:
        made, all_, elsewhere, stretches = closures(network, basis, language, args.count, args.seed)
        report[language] = {
            "closures": all_,
            "recall": round(made / max(all_, 1), 3),
            "elsewhere": round(elsewhere / max(stretches, 1), 3),
        }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
