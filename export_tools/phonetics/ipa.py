"""Map the IPA symbols of espeak-ng, for any language, to the classes of :mod:`.inventory`."""

from __future__ import annotations

from export_tools.phonetics.inventory import Parts

_CONSONANTS: dict[str, str] = {
    **dict.fromkeys("pbmɸβ", "P"),
    **dict.fromkeys("fvʋɱ", "F"),
    **dict.fromkeys("θð", "TH"),
    **dict.fromkeys("tdnɾʈɖɳɲ", "T"),
    **dict.fromkeys("szɕʑ", "S"),
    **dict.fromkeys("ʃʒʂʐ", "SH"),
    # A trilled or uvular r does not move the lips, unlike the English one.
    **dict.fromkeys("kgɡŋʔqcɟrʁʀ", "K"),
    **dict.fromkeys("xχhɦɣç", "HH"),
    **dict.fromkeys("lɫʎɭ", "L"),
    **dict.fromkeys("ɹɻ", "R"),
    **dict.fromkeys("wɥʍ", "W"),
    "j": "Y",
}
_VOWELS: dict[str, str] = {
    "i": "IY",
    **dict.fromkeys("ɪɨᵻɯ", "IH"),
    **dict.fromkeys("eɛ", "EH"),
    "æ": "AE",
    **dict.fromkeys("aäɑ", "AA"),
    **dict.fromkeys("oɔɒœ", "AO"),
    **dict.fromkeys("əɐɤʌ", "AH"),
    **dict.fromkeys("ʊʏø", "UH"),
    **dict.fromkeys("uy", "UW"),
    **dict.fromkeys("ɜɝɚ", "ER"),
}
STOPS = frozenset("pbtdkgɡʔqcɟ")
_MEDIALS = frozenset("iuy")  # short first part of a rising diphthong in Mandarin and French


def ipa_parts(symbol: str, english: bool = False) -> Parts | None:
    """Return the classes of one symbol in order with their shares, None for a mark without a sound.

    ``english`` means that a single ``a`` is the vowel of *trap*.

    >>> ipa_parts("tʃ"), ipa_parts("aɪ"), ipa_parts("ph")
    ((('SH', 1.0),), (('AA', 0.6), ('IH', 0.4)), (('P', 1.0),))
    """
    plain = symbol.replace("dʒ", "ʒ").replace("tʃ", "ʃ").replace("ts.", "ʂ").replace("s.", "ʂ")
    plain = plain.replace("ʂ.", "ʂ").replace("i.", "ɪ").replace("i̪", "ɪ")  # syllabic: zhi, zi
    if english and plain.rstrip("ː") == "a":
        return (("AE", 1.0),)
    names: list[str] = []
    letters: list[str] = []
    for letter in plain:
        name = _VOWELS.get(letter) or _CONSONANTS.get(letter)
        # The aspiration of a stop (ph, th, kh) belongs to the stop.
        if name is None or (letter == "h" and names):
            continue
        if not names or names[-1] != name:
            names.append(name)
            letters.append(letter)
    if not names:
        return None
    if len(names) == 1:
        return ((names[0], 1.0),)
    if names[0] == "T" and names[1] == "S":  # an affricate: a short stop, then a fricative
        return (("T", 0.35), ("S", 0.65))
    if len(names) == 2:
        first = 0.35 if letters[0] in _MEDIALS else 0.6
        return ((names[0], first), (names[1], 1.0 - first))
    share = 1.0 / len(names)
    return tuple((name, share) for name in names)
