"""Classes of sounds, and the mapping of ARPABET and misaki's alphabet to them.

The classes are chosen by lip shape, not for speech recognition. Sounds that look alike share a
class (p, b and m are one closure; voicing is invisible), so the classes depend little on the
language. A diphthong is two successive classes, because the mouth moves through both. A sound that
does not exist in English belongs to the class with the same *lip shape*: Mandarin u-umlaut is
rounded like ``UW`` although its tongue position is that of ``IY``; Mandarin x is spread like ``S``,
not rounded like ``SH``.
"""

from __future__ import annotations

CLASSES: tuple[str, ...] = (
    "SIL",  # silence, breath, noise
    "P",  # p b m: lips closed
    "F",  # f v: lower lip to the teeth
    "TH",  # th dh: tongue between the teeth
    "T",  # t d n, flap
    "S",  # s z, Mandarin j q x z c s: teeth close, lips spread
    "SH",  # sh zh ch jh: lips pushed out
    "K",  # k g ng, glottal stop: not visible
    "L",
    "R",
    "W",
    "Y",
    "HH",
    "IY",
    "IH",
    "EH",
    "AE",
    "AA",
    "AO",
    "AH",
    "UH",
    "UW",
    "ER",
)

# The classes of one phone in order, each with its share of the duration of the phone.
Parts = tuple[tuple[str, float], ...]


def _one(name: str) -> Parts:
    return ((name, 1.0),)


def _glide(first: str, second: str) -> Parts:
    """Return the parts of a diphthong: about three fifths for its first target (Gay 1968)."""
    return ((first, 0.6), (second, 0.4))


ARPABET: dict[str, Parts] = {
    **{p: _one(p) for p in CLASSES if p not in {"SIL", "P", "F", "T", "S", "K"}},
    **{p: _one("SIL") for p in ("SIL", "+SPN+", "+NSN+", "+BREATH+", "+COUGH+", "+NOISE+")},
    **{p: _one("P") for p in ("P", "B", "M")},
    **{p: _one("F") for p in ("F", "V")},
    **{p: _one("TH") for p in ("TH", "DH")},
    **{p: _one("T") for p in ("T", "D", "N")},
    **{p: _one("S") for p in ("S", "Z")},
    **{p: _one("SH") for p in ("SH", "ZH", "CH", "JH")},
    **{p: _one("K") for p in ("K", "G", "NG")},
    "EY": _glide("EH", "IY"),
    "AY": _glide("AA", "IH"),
    "OY": _glide("AO", "IH"),
    "AW": _glide("AA", "UH"),
    "OW": _glide("AO", "UH"),
}

# hibari-tts uses misaki's alphabet: IPA, with capitals for diphthongs.
MISAKI_TO_ARPABET: dict[str, str] = {
    **{"p": "P", "b": "B", "m": "M", "f": "F", "v": "V", "t": "T", "d": "D", "n": "N", "s": "S"},
    **{"z": "Z", "k": "K", "ɡ": "G", "l": "L", "ɹ": "R", "w": "W", "j": "Y", "h": "HH"},
    **{"θ": "TH", "ð": "DH", "ʃ": "SH", "ʒ": "ZH", "ʧ": "CH", "ʤ": "JH", "ŋ": "NG", "T": "D"},
    **{"A": "EY", "I": "AY", "Y": "OY", "W": "AW", "O": "OW", "Q": "OW"},
    **{"i": "IY", "ɪ": "IH", "ᵻ": "IH", "ɛ": "EH", "æ": "AE", "a": "AE", "ɑ": "AA", "ɒ": "AA"},
    **{"ɔ": "AO", "ʌ": "AH", "ə": "AH", "ᵊ": "AH", "ʊ": "UH", "u": "UW", "ɜ": "ER", "ɚ": "ER"},
}
