"""How powers, units, mathematics and abbreviations are read aloud."""

from __future__ import annotations

import pytest

from appliance.speech.spoken_form import spoken_form


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Near 10⁻⁶ metres, ¹⁴C, s⁻¹.", "Near 10 to the minus 6 metres, 14 C, s to the minus 1."),
        ("cooled to −20 degrees, -5 today", "cooled to minus 20 degrees, minus 5 today"),
        ("p ≤ 0.05 and n ≠ 3", "p is less than or equal to 0.05 and n is not equal to 3"),
        ("x² + y³ = z^10", "x squared plus y cubed equals z to the power of 10"),
        ("√2 ≈ 1.41", "the square root of 2 is approximately 1.41"),
        ("∫ f dx → ∞", "the integral of f dx to infinity"),
        ("9.8 m/s², 3 m²", "9.8 metres per second squared, 3 square metres"),
        ("1 km/h, 10⁸ m/s", "1 kilometre per hour, 10 to the power of 8 metres per second"),
        ("Δx = 5 µm", "delta x equals 5 micrometres"),
        ("Ch. 3, Fig. 2 vs. Eq. 1", "Chapter 3, Figure 2 versus Equation 1"),
        ("approx. 5, cf. Prof. X", "approximately 5, compare Prof X"),
        ("No. 5, e.g. H₂O", "Number 5, for example H2O"),
        ("a/b, and/or, 1/2, example.com", "a over b, and/or, 1/2, example dot com"),
        ("pages 3-5, x-ray, 2024-05-01", "pages 3-5, x-ray, 2024-05-01"),
    ],
)  # fmt: skip
def test_english(written: str, spoken: str) -> None:
    assert spoken_form(written, "en") == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("温度是−20度，-5度", "温度是负20度，负5度"),
        ("长度是10⁻³米", "长度是10的负3次方米"),
        ("3.5%，$1,250", "百分之3.5，1250美元"),
        ("2024-05-01，10:30", "二零二四年5月1日，10点30分"),
        ("25°C，9.8 m/s²，5 cm²", "25摄氏度，9.8米每平方秒，5平方厘米"),
        ("3−2=1，π≈3.14，½", "3减2等于1，派约等于3.14，2分之1"),
    ],
)
def test_mandarin(written: str, spoken: str) -> None:
    assert spoken_form(written, "zh") == spoken


@pytest.mark.parametrize(
    ("language", "spoken"),
    [
        ("de", "10 hoch minus 3 kleiner oder gleich x Quadrat"),
        ("fr", "10 puissance moins 3 inférieur ou égal à x au carré"),
        ("es", "10 elevado a menos 3 menor o igual que x al cuadrado"),
        ("it", "10^-3 ≤ x^2"),
    ],
)
def test_other_languages(language: str, spoken: str) -> None:
    assert spoken_form("10⁻³ ≤ x²", language) == spoken
