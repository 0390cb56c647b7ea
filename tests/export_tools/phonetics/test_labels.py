# ruff: noqa: RUF001 - phonetic letters are meant
"""Conversion of three phonetic alphabets to the encoder's classes, with times."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pocketsphinx")
from pocketsphinx import get_model_path

from export_tools.phonetics.espeak import classes_of as espeak_classes
from export_tools.phonetics.hibari_timed import LEAD_S
from export_tools.phonetics.hibari_timed import classes_of as hibari_classes
from export_tools.phonetics.inventory import (
    ALPHABETS,
    ARPABET,
    CLASSES,
    INDEX,
    MISAKI_TO_ARPABET,
    misaki_to_arpabet,
)
from export_tools.phonetics.ipa import ipa_parts
from export_tools.phonetics.pack import build, load, segments_of

pytestmark = pytest.mark.export


def test_every_phone_of_the_dictionary_has_classes() -> None:
    lines = Path(get_model_path("en-us/cmudict-en-us.dict")).read_text("utf-8").splitlines()
    phones = {phone for line in lines for phone in line.split()[1:]}
    assert phones <= set(ARPABET)
    assert set(MISAKI_TO_ARPABET.values()) <= phones


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_shares_add_up(alphabet: str) -> None:
    for parts in ALPHABETS[alphabet].values():
        assert sum(share for _, share in parts) == pytest.approx(1.0)
        assert all(name in INDEX for name, _ in parts)


def test_only_p_b_and_m_share_the_class_of_closed_lips() -> None:
    assert {p for p, parts in ARPABET.items() if parts[0][0] == "P"} == {"P", "B", "M"}


@pytest.mark.parametrize(
    ("phonemes", "expected"),
    [
        ("ˌʌndəɹmˈɪst", "AH N D ER M IH S T"),
        ("bˈɜɹd", "B ER D"),
        ("həlˈO", "HH AH L OW"),
        ("bˈʌTəɹ", "B AH D ER"),
    ],
)
def test_misaki_is_converted_to_arpabet(phonemes: str, expected: str) -> None:
    assert misaki_to_arpabet(phonemes) == expected.split()


@pytest.mark.parametrize(
    ("symbol", "names"),
    [
        ("p", "P"), ("ph", "P"), ("m", "P"), ("tʃ", "SH"), ("dʒ", "SH"), ("ts.", "SH"),
        ("s.", "SH"), ("ts", "T S"), ("tɕh", "T S"), ("ɕ", "S"), ("aɪ", "AA IH"), ("ɑu", "AA UW"),
        ("yɛ", "UW EH"),
        ("y", "UW"), ("i.", "IH"), ("i̪", "IH"), ("ɔ̃", "AO"), ("ɑː", "AA"), ("ʁ", "K"), ("ŋ", "K"),
        ("ər", "AH K"), ("oː", "AO"), ("ɛɹ", "EH R"), ("ə-", "AH"),
    ],
)  # fmt: skip
def test_ipa_is_split_into_classes(symbol: str, names: str) -> None:
    parts = ipa_parts(symbol)
    assert parts is not None
    assert [name for name, _ in parts] == names.split()
    assert sum(share for _, share in parts) == pytest.approx(1.0)


@pytest.mark.parametrize("mark", ["", "ˈ", "(en)", "_", "ː"])
def test_marks_have_no_class(mark: str) -> None:
    assert ipa_parts(mark.strip("()en")) is None


def test_espeak_pause_before_a_stop_belongs_to_it() -> None:
    marks = [
        ("a", 0.0, 0.2), ("", 0.2, 0.24), ("p", 0.24, 0.3), ("a", 0.3, 0.4),
        ("", 0.4, 0.7), ("m", 0.7, 0.8), ("", 0.8, 0.83), ("a", 0.83, 0.9),
    ]  # fmt: skip
    assert espeak_classes(marks, english=False) == [
        ("AA", 0.0, 0.2), ("P", 0.2, 0.3), ("AA", 0.3, 0.4),
        ("SIL", 0.4, 0.7), ("P", 0.7, 0.8), ("SIL", 0.8, 0.83), ("AA", 0.83, 0.9),
    ]  # fmt: skip


def test_hibari_gaps_and_stress_marks_are_merged() -> None:
    symbols = ["", "h", "ˈ", "O", " ", "b", "ˈ", "ə", "ɹ", ".", ""]
    seconds = np.array([0.2, 0.05, 0.05, 0.1, 0.025, 0.05, 0.0, 0.05, 0.05, 0.3, 0.1])
    out = [
        (n, round(a + LEAD_S, 3), round(b + LEAD_S, 3))
        for n, a, b in hibari_classes(symbols, seconds, 10.0)
    ]
    assert out[1:] == [
        ("HH", 10.2, 10.25), ("AO", 10.25, 10.34), ("UH", 10.34, 10.425),
        ("P", 10.425, 10.475), ("ER", 10.475, 10.525), ("ER", 10.525, 10.575),
    ]  # fmt: skip
    assert out[0][0] == "SIL"


def test_pack_returns_labels_at_given_times(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(np.arange(16_000, dtype="<i2").tobytes())
    phones = [["B", 0.1, 0.2], ["AY", 0.2, 0.4], ["T", 0.6, 0.7]]
    record = f'{{"file": "a.wav", "speaker": "x", "phones": {phones}}}'.replace("'", '"')
    (tmp_path / "a.jsonl").write_text(record + "\n" + record + "\n")
    build(tmp_path / "pack", tmp_path, [tmp_path / "a.jsonl"])
    pack = load(tmp_path / "pack")
    assert len(pack) == 2
    assert pack.seconds() == 2.0
    times = np.array([-0.1, 0.05, 0.15, 0.25, 0.35, 0.5, 0.65, 0.9])
    for index in range(2):
        names = [CLASSES[label] for label in pack.labels_at(index, times)]
        assert names == ["SIL", "SIL", "P", "AA", "IH", "SIL", "T", "SIL"]
    assert np.array_equal(pack.samples[:16_000], pack.samples[16_000:])


def test_gaps_are_silence() -> None:
    classes, ends = segments_of([("P", 0.5, 0.6), ("AA", 0.8, 0.9)], ALPHABETS["arpabet"])
    assert [CLASSES[c] for c in classes] == ["SIL", "P", "SIL", "AA"]
    assert ends == [0.5, 0.6, 0.8, 0.9]
