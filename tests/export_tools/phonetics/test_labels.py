# ruff: noqa: RUF001 - phonetic letters are meant
"""Conversion of three phonetic alphabets to classes of lip shapes, with times."""

from __future__ import annotations

import numpy as np
import pytest

from export_tools.phonetics.espeak import classes_of as espeak_classes
from export_tools.phonetics.hibari_timed import LEAD_S
from export_tools.phonetics.hibari_timed import classes_of as hibari_classes
from export_tools.phonetics.inventory import ARPABET, CLASSES, MISAKI_TO_ARPABET
from export_tools.phonetics.ipa import ipa_parts

pytestmark = pytest.mark.export


def test_every_symbol_has_classes() -> None:
    assert set(MISAKI_TO_ARPABET.values()) <= set(ARPABET)
    for parts in ARPABET.values():
        assert sum(share for _, share in parts) == pytest.approx(1.0)
        assert all(name in CLASSES for name, _ in parts)


def test_only_p_b_and_m_share_the_class_of_closed_lips() -> None:
    assert {p for p, parts in ARPABET.items() if parts[0][0] == "P"} == {"P", "B", "M"}


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
