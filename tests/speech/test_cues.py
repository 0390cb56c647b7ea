"""Subtitles of synthesized speech: short, in order, and in sync."""

from __future__ import annotations

import shutil
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from appliance.speech.cues import LINE_COLUMNS, make_cues, split_text
from appliance.speech.tts import Sentence, SynthesizedSpeech, synthesize

ENGLISH = (
    "Light is fast. Nothing that we know of moves faster than light, which needs eight minutes "
    "from the sun to the earth, and about one second from the moon, although the moon is far away "
    "as well.\n\nYes! In 1676, Ole Roemer measured it for the first time."
)
CHINESE = (
    "今天我们学习光。没有任何已知的东西比光更快，它从太阳到地球需要八分钟，从月球到地球大约需要"
    "一秒钟，虽然月球也非常遥远，但是和太阳相比还是近得多。"
)


def columns(line: str) -> int:
    return sum(2 if ord(sign) > 0x2E80 else 1 for sign in line)


@pytest.mark.parametrize("text", [ENGLISH, CHINESE, "x" * 300, "光" * 300, "a " * 200, "短"])
def test_cues_have_at_most_two_lines_and_lose_no_letter(text: str) -> None:
    parts = split_text(text)
    assert all(1 <= len(part) <= 2 for part in parts)
    assert max(columns(line) for part in parts for line in part) <= LINE_COLUMNS
    assert "".join("".join(part) for part in parts).replace(" ", "") == "".join(text.split())


def test_lines_break_at_spaces_preferably_after_a_comma() -> None:
    assert split_text("When the sun sets in the west, it grows dark outside.") == [
        ("When the sun sets in the west,", "it grows dark outside.")
    ]


def test_cue_boundary_is_in_the_pause(tmp_path: Path) -> None:
    """One second of noise, a pause away from where the letters suggest it, two seconds of noise."""
    rate, path = 16_000, tmp_path / "a.wav"
    noise = np.random.default_rng(1).normal(0, 3000, 4 * rate)
    noise[int(1.6 * rate) : int(1.9 * rate)] *= 0.001
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(noise.astype("<i2").tobytes())
    text = "a word and " * 4 + "a comma, " + "a word and " * 4 + "an end, of all."
    speech = SynthesizedSpeech(path, rate, (Sentence(text, 0.0, 4.0),))
    first, second = make_cues(speech)
    assert 1.6 < first.end == second.start < 1.9
    assert (first.start, second.end) == (0.0, 4.0)


@pytest.mark.parametrize(
    "text",
    [
        ENGLISH,
        pytest.param(
            CHINESE,
            marks=pytest.mark.skipif(
                shutil.which("espeak-ng") is None, reason="espeak-ng is not installed"
            ),
        ),
    ],
    ids=["en", "zh"],
)
def test_cues_are_shown_while_they_are_spoken(tmp_path: Path, text: str) -> None:
    speech = synthesize(text, out_wav=tmp_path / "a.wav")
    cues = make_cues(speech)
    assert len(cues) > len(speech.sentences)
    assert all(cue.start < cue.end for cue in cues)
    assert all(one.end <= two.start for one, two in pairwise(cues))
    starts = {cue.start for cue in cues}
    assert {sentence.start for sentence in speech.sentences} <= starts
    assert cues[-1].end == speech.sentences[-1].end
    with wave.open(str(speech.path)) as sound:
        pcm = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(float)
    loud = np.sqrt((pcm**2).mean())
    for start in starts - {sentence.start for sentence in speech.sentences}:
        around = pcm[round((start - 0.02) * speech.rate) : round((start + 0.02) * speech.rate)]
        assert np.sqrt((around**2).mean()) < loud / 30  # 30 dB below the speech: a pause


def test_cue_times_do_not_drift_in_an_hour(tmp_path: Path) -> None:
    """Times are counted in samples, so errors do not add up."""
    rate, path = 8_000, tmp_path / "hour.wav"
    sentences = tuple(
        Sentence(f"Sentence {n} of many.", n * 4.0, n * 4.0 + 3.9) for n in range(900)
    )
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(bytes(2 * rate))  # no sentence is long enough to search for a pause
    cues = make_cues(SynthesizedSpeech(path, rate, sentences))
    assert [cue.start for cue in cues] == [sentence.start for sentence in sentences]
    assert cues[-1].end == 3599.9
