"""The language of a text in Latin letters, from a sentence or two."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from appliance.speech.language_detection import detect_latin_language
from appliance.speech.tts import synthesize

TEXTS = {
    "en": "Light is fast. It needs eight minutes from the sun to the earth, and that is far.",
    "fr": "La lumière est rapide. Il lui faut huit minutes pour venir du soleil, et c'est loin.",
    "de": "Das Licht ist schnell. Es braucht acht Minuten von der Sonne zu uns, und das ist weit.",
    "es": "La luz es rápida. Tarda ocho minutos en llegar del sol a la tierra, y eso es lejos.",
    "it": "La luce è veloce. Le servono otto minuti per arrivare dal sole, ed è una distanza che "
    "non si immagina.",
    "pt": "A luz é rápida. Ela leva oito minutos do sol para a terra, e não é pouco.",
    "nl": "Het licht is snel. Het heeft acht minuten nodig van de zon naar ons, en dat is ver.",
    "pl": "Światło jest szybkie. Potrzebuje ośmiu minut, żeby dotrzeć do nas, i nie jest to mało.",
}


@pytest.mark.parametrize("language", TEXTS)
def test_language_is_detected(language: str) -> None:
    assert detect_latin_language(TEXTS[language]) == language


@pytest.mark.parametrize("text", ["", "Lumière", "E = m c", "1, 2, 3", "de la"])
def test_short_text_is_treated_as_english(text: str) -> None:
    assert detect_latin_language(text) == "en"


def test_foreign_names_do_not_change_the_language() -> None:
    text = "The Louvre is in the city of Paris, and Victor Hugo wrote Les Misérables there."
    assert detect_latin_language(text) == "en"


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_text_is_spoken_in_its_language(tmp_path: Path) -> None:
    speech = synthesize(TEXTS["fr"], out_wav=tmp_path / "a.wav")
    assert speech.language == "fr" and len(speech.sentences) == 2


def test_text_is_spoken_without_espeak(tmp_path: Path) -> None:
    speech = synthesize(TEXTS["fr"], out_wav=tmp_path / "a.wav", which=lambda _: None)
    assert speech.language == "en" and len(speech.sentences) == 2
