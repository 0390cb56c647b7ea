"""Texts in the encodings of editors in many countries, and bytes that are no text."""

from __future__ import annotations

import random

import pytest

from appliance.speech.encoding import UndecodableText, decode_text

ENGLISH = "Today’s lesson is about “waves” – it isn’t hard. Let’s see what the students think."
TEXTS = {
    ENGLISH: ("cp1252", "mac-roman", "utf-16-le", "utf-16-be"),
    "Grüße aus der Küche. Wir können heute über die Übung sprechen.": ("cp1252", "mac-roman"),
    "La lumière est très rapide. L’élève et le maître étudient ça.": ("cp1252", "mac-roman"),
    "La lezione di oggi è sulla libertà. Perché la città è così bella?": ("cp1252",),
    "Prędkość światła jest bardzo duża, a źródła energii są różne.": ("cp1250", "iso8859-2"),
    "Bugün ışığın hızını öğreniyoruz. Çok ilginç, değil mi?": ("cp1254",),
    "Сегодня мы изучаем свет. Скорость света очень велика.": ("cp1251", "koi8-r", "cp866"),
    "Σήμερα μαθαίνουμε για το φως. Η ταχύτητα είναι μεγάλη.": ("cp1253",),
    "今天我们学习光。光很快！": ("gb18030", "utf-16-le", "utf-16-be", "hz"),
    "今天我們要學習歷史。請各位同學打開課本第三頁。": ("big5", "gb18030", "utf-16-le"),
    "今日は光の速さについて学びます。光はとても速いです。": ("cp932", "euc-jp", "iso2022_jp"),
    "오늘은 빛의 속도에 대해 배웁니다. 빛은 매우 빠릅니다.": ("cp949", "utf-16-le"),
}


@pytest.mark.parametrize(
    ("text", "codec"), [(text, codec) for text, codecs in TEXTS.items() for codec in codecs]
)
def test_text_is_decoded_as_it_was_written(text: str, codec: str) -> None:
    assert decode_text(text.encode(codec)) == text


def test_damaged_utf8_is_still_utf8() -> None:
    raw = ("Grüße aus der Küche. " * 20).encode()
    text = decode_text(raw[:50] + b"\xc3" + raw[50:])
    assert text.count("�") == 1 and text.count("Küche") == 20


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("lowest", [0, 32])
def test_bytes_without_meaning_are_refused(seed: int, lowest: int) -> None:
    chance = random.Random(seed)
    with pytest.raises(UndecodableText):
        decode_text(bytes(chance.randrange(lowest, 256) for _ in range(300)))
