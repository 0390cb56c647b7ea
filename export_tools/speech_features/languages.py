"""Synthesize speech in many languages: words in random order, spoken by espeak-ng.

The words are those of the translations that Debian installs (gettext catalogues in
``/usr/share/locale``). In random order they have no meaning and no author, but they contain the
sounds of their language. Mandarin and Cantonese are random lines of common characters. espeak-ng is
GPL; only its sound is used, no part of it is shipped.
"""

from __future__ import annotations

import gettext
import random
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from export_tools.phonetics.espeak import Espeak, training_voices
from export_tools.phonetics.synth import random_mandarin

LOCALES = Path("/usr/share/locale")
_LONGEST_WORD = 16
_WORDS_PER_LANGUAGE = 4000

# Language of the catalogues, voices of espeak-ng, and share of the speech. Mandarin, French and
# German are languages that Lectern is judged in.
Language = tuple[str, tuple[str, ...], float]
LANGUAGES: tuple[Language, ...] = (
    ("zh", ("cmn-latn-pinyin", "cmn"), 0.24),
    ("zh", ("yue",), 0.03),
    ("fr", ("fr-fr", "fr-be"), 0.13),
    ("de", ("de",), 0.13),
    ("es", ("es", "es-419"), 0.07),
    ("it", ("it",), 0.05),
    ("en_GB", ("en-us", "en-gb", "en-gb-x-rp"), 0.05),
    ("pt", ("pt", "pt-br"), 0.04),
    ("nl", ("nl",), 0.03),
    ("pl", ("pl",), 0.03),
    ("ru", ("ru",), 0.03),
    ("sv", ("sv",), 0.02),
    ("tr", ("tr",), 0.02),
    ("hu", ("hu",), 0.02),
    ("fi", ("fi",), 0.02),
    ("ro", ("ro",), 0.02),
    ("vi", ("vi",), 0.02),
    ("hi", ("hi",), 0.02),
    ("ko", ("ko",), 0.02),
    ("id", ("id",), 0.01),
)


def split_words(text: str) -> set[str]:
    """Return the words of ``text`` that consist of letters only, in any script."""
    parts = (part.strip(".,:;!?()[]\"'«»„“”…、。，") for part in text.split())
    return {
        part
        for part in parts
        if 2 <= len(part) <= _LONGEST_WORD and all(unicodedata.category(c)[0] in "LM" for c in part)
    }


@lru_cache(maxsize=64)
def words(language: str, locales: Path = LOCALES) -> tuple[str, ...]:
    """Return up to 4000 different words of the catalogues of a language, sorted.

    Words that also occur in the original, English text are left out: names and terms. Raises
    ``FileNotFoundError`` if there is no catalogue.
    """
    found: set[str] = set()
    for path in sorted((locales / language / "LC_MESSAGES").glob("*.mo")):
        with path.open("rb") as stream:
            try:
                catalogue = gettext.GNUTranslations(stream)._catalog  # type: ignore[attr-defined]
            except (OSError, UnicodeDecodeError, ValueError):
                continue
        for original, text in catalogue.items():
            source = original if isinstance(original, str) else original[0]
            if source and not re.search(r"[%<{$\\]", text):
                english = set() if language.startswith("en") else split_words(source)
                found.update(split_words(text) - english)
    if not found:
        raise FileNotFoundError(locales / language)
    return tuple(random.Random(0).sample(sorted(found), min(len(found), _WORDS_PER_LANGUAGE)))


def random_sentence(language: str, rng: random.Random, locales: Path = LOCALES) -> str:
    """Return six to sixteen words of a language in random order, with commas."""
    if language == "zh":
        return random_mandarin(rng)
    chosen = rng.choices(words(language, locales), k=rng.randint(6, 16))
    return " ".join(w + ("," if rng.random() < 0.15 else "") for w in chosen).rstrip(",") + "."


def utterances(
    seed: int, spoken: Sequence[Language] = LANGUAGES, locales: Path = LOCALES
) -> Iterator[tuple[str, npt.NDArray[np.int16], int]]:
    """Yield utterances endlessly: the voice with its language, samples, and their rate in Hz."""
    rng = random.Random(seed)
    engine = Espeak()
    shares = [share for _, _, share in spoken]
    while True:
        language, voices, _ = rng.choices(spoken, shares)[0]
        voice = f"{rng.choice(voices)}+{rng.choice(training_voices())}"
        text = random_sentence(language, rng, locales)
        speed, pitch, span = rng.randint(110, 240), rng.randint(10, 90), rng.randint(20, 90)
        try:
            samples, _ = engine.speak(text, voice, speed, pitch, span)
        except ValueError:  # this version of espeak-ng does not have the voice
            continue
        if len(samples):
            yield voice, samples, engine.rate
