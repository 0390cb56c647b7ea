"""Detect the language of a text in Latin letters by its most frequent words."""

from __future__ import annotations

import re
from collections import Counter

# Frequent words of each language that few of the others share; compiled by us from grammars.
_FREQUENT_WORDS = {
    "en": "the and of to is that it was for are with as this be by from at you not have",
    "fr": "le la les des et est une un dans que pour qui pas sur du au avec ce il nous",
    "de": "der die das und ist nicht ein eine den mit auf zu von dem im sich wir auch es werden",
    "es": "el los las que una es por con para del se y como más pero su al lo son está",
    "it": "il che di una per con sono della non gli è nel alla questo come più anche ma dei le",
    "pt": "que uma os não para com dos é em do da no na ao mais como são por se um",
    "nl": "de het een van en dat niet zijn op te met voor ook maar wij er wordt door naar bij",
    "pl": "i w nie na się jest że z do jak przez są tym od po które oraz dla ale tak",
    "tr": "ve bir bu için ile çok olarak daha gibi olan ama değil var kadar sonra ne her",
    "vi": "và là của không có được các một cho những với này trong người như để khi",
    "sv": "och att det som är på för inte med den en av till har de om ett vi",
    "id": "dan yang di dengan untuk ini tidak dari pada adalah itu dalam akan ke oleh",
}
_LANGUAGES_BY_WORD: dict[str, list[str]] = {}
for _language, _line in _FREQUENT_WORDS.items():
    for _word in _line.split():
        _LANGUAGES_BY_WORD.setdefault(_word, []).append(_language)

_SAMPLE_CHARS = 20_000  # enough to detect the language
_MIN_MATCHES = 3  # occurrences; a heading of a few words is not enough


def detect_latin_language(text: str) -> str:
    """Return the ISO 639-1 code of a text in Latin letters; ``en`` if it is too short to decide."""
    counts: Counter[str] = Counter()
    for word in re.findall(r"[^\W\d_]+", text[:_SAMPLE_CHARS].casefold()):
        for language in _LANGUAGES_BY_WORD.get(word, ()):
            counts[language] += 1
    if not counts:
        return "en"
    language, count = counts.most_common(1)[0]
    return language if count >= _MIN_MATCHES and count > 1.2 * counts["en"] else "en"
