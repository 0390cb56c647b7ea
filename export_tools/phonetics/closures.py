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

from appliance.inference.network import Network
from appliance.lips.geometry import INNER_BOTTOM, INNER_TOP
from appliance.lips.motion import MotionBasis
from appliance.speech.mel import LECTERN_MEL, compute_mel
from appliance.speech.vad import detect_activity
from export_tools.phonetics import augment
from export_tools.phonetics.espeak import Espeak
from export_tools.phonetics.hibari_timed import TimedHibari
from export_tools.phonetics.synth import Phones, random_mandarin

CLOSED_SHARE = 1 / 3
TOLERANCE_S = 0.04
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
Utterances = Iterator[tuple[npt.NDArray[np.int16], int, Phones]]


def utterances(language: str, seed: int) -> Utterances:
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
            text, voice = (
                random_mandarin(rng),
                "cmn-latn-pinyin+" + rng.choice(("f2", "m3", "Andy")),
            )
        else:
            text, voice = rng.choice(ENGLISH), "en-us+" + rng.choice(("f2", "m3", "Andy"))
        samples, phones = espeak.speak(text, voice, rng.randint(130, 190), 50, 50)
        yield samples, espeak.rate, phones


def predict_openings(
    network: Network, basis: MotionBasis, samples: npt.NDArray[np.int16], rate: int
) -> npt.NDArray[np.float64]:
    """Return the predicted mouth opening relative to rest, at 50 Hz, in eye distances.

    It is that of a mouth with an average range of movement.
    """
    length = round(len(samples) * LECTERN_MEL.rate / rate)
    sound = augment.resample(samples.astype(np.float32) / 32768.0, length)
    mel = compute_mel(sound, LECTERN_MEL)
    activity = detect_activity([mel])
    motion = network({"mel": mel[None], "loudness": activity.loudness[None]})["motion"][0]
    gate = activity.gate[::2][: motion.shape[1]]
    moved = basis.displacement((motion * gate).T)
    return np.asarray(moved[:, INNER_BOTTOM, 1] - moved[:, INNER_TOP, 1])


def count_closures(
    network: Network, basis: MotionBasis, language: str, count: int, seed: int
) -> list[int]:
    """Count closures over ``count`` utterances.

    Returns [closed, sounds p, b and m, closed elsewhere, intervals elsewhere].
    """
    rng = np.random.default_rng(seed)
    counts = [0, 0, 0, 0]
    for samples, rate, phones in islice(utterances(language, seed), count):
        track = predict_openings(network, basis, samples, rate)
        limit = CLOSED_SHARE * float(np.quantile(track, 0.9))

        def smallest_opening(
            start: float, end: float, track: npt.NDArray[np.float64] = track
        ) -> float:
            low = max(round((start - TOLERANCE_S) * RATE_HZ), 0)
            high = max(round((end + TOLERANCE_S) * RATE_HZ), low + 1)
            return float(track[low : high + 1].min(initial=np.inf))

        spoken = [(a, b) for name, a, b in phones if name != "SIL"]
        for name, start, end in phones:
            if name != "P":
                continue
            counts[0] += smallest_opening(start, end) < limit
            counts[1] += 1
            other = spoken[int(rng.integers(len(spoken)))][0]
            counts[2] += smallest_opening(other, other + end - start) < limit
            counts[3] += 1
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("motion", type=Path, help="folder of motion.onnx and basis.npz")
    parser.add_argument("--count", type=int, default=30, help="utterances per voice (default: 30)")
    parser.add_argument("--seed", type=int, default=77, help="random seed (default: 77)")
    args = parser.parse_args()
    network = Network(args.motion / "motion.onnx")
    basis = MotionBasis.load(args.motion / "basis.npz")
    report = {}
    for language in LANGUAGES:
        closed, total, elsewhere, intervals = count_closures(
            network, basis, language, args.count, args.seed
        )
        report[language] = {
            "closures": total,
            "recall": round(closed / max(total, 1), 3),
            "elsewhere": round(elsewhere / max(intervals, 1), 3),
        }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
