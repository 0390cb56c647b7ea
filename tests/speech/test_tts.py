"""Speech synthesis: real voices, measured times, and clear errors."""

from __future__ import annotations

import shutil
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from appliance.errors import BadInput
from appliance.speech.tts import _synthesize_words, synthesize


def read(path: Path) -> tuple[int, npt.NDArray[np.int16]]:
    with wave.open(str(path), "rb") as sound:
        assert sound.getnchannels() == 1
        assert sound.getsampwidth() == 2
        data = sound.readframes(sound.getnframes())
        return sound.getframerate(), np.frombuffer(data, "<i2")


def nothing(_: str) -> None:
    """A system without any program."""


def test_sentences_have_correct_times(tmp_path: Path) -> None:
    out = tmp_path / "a b é.wav"
    speech = synthesize("Good morning. Today we learn about light!\n\nIt is fast.", out_wav=out)
    rate, pcm = read(out)
    assert speech.path == out
    assert speech.rate == rate
    said = [s.text for s in speech.sentences]
    assert said == ["Good morning.", "Today we learn about light!", "It is fast."]
    assert speech.sentences[-1].end == pytest.approx(len(pcm) / rate)
    for sentence in speech.sentences:
        sound = pcm[round(sentence.start * rate) : round(sentence.end * rate)] / 32768
        assert np.sqrt(np.mean(sound**2)) > 0.01
    first, second, third = speech.sentences
    assert second.start == first.end
    pause = pcm[round(second.end * rate) : round(third.start * rate)]
    assert len(pause) == round(0.5 * rate)
    assert not pause.any()


def test_same_text_gives_the_same_file(tmp_path: Path) -> None:
    one = synthesize("The very same words.", out_wav=tmp_path / "1.wav").path.read_bytes()
    two = synthesize("The very same words.", out_wav=tmp_path / "2.wav").path.read_bytes()
    assert one == two


def test_speed_changes_the_duration(tmp_path: Path) -> None:
    text = "This sentence is read at two different speeds."
    slow = synthesize(text, out_wav=tmp_path / "s.wav", speed=0.8).sentences[0].end
    fast = synthesize(text, out_wav=tmp_path / "f.wav", speed=1.6).sentences[0].end
    assert slow > 1.6 * fast


def test_wrapped_lines_are_one_sentence_and_items_are_not(tmp_path: Path) -> None:
    text = (
        "Light travels in straight lines until it meets something that\n"
        "bends it or throws it back.\nMirrors\nLenses\n"
    )
    speech = synthesize(text, out_wav=tmp_path / "a.wav")
    said = [s.text for s in speech.sentences]
    assert said == [
        "Light travels in straight lines until it meets something that bends it or throws it back.",
        "Mirrors",
        "Lenses",
    ]


def test_very_long_sentence_is_split_at_spaces(tmp_path: Path) -> None:
    text = " ".join(["and the river went on"] * 40)
    speech = synthesize(text, out_wav=tmp_path / "a.wav", speed=2.0)
    assert len(speech.sentences) == 3
    assert max(len(s.text) for s in speech.sentences) <= 300
    assert " ".join(s.text for s in speech.sentences) == text


@pytest.mark.parametrize("text", ["", " \n\t", "*** --- ***", "…"])
def test_text_without_words_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput) as caught:
        synthesize(text, out_wav=tmp_path / "a.wav")
    assert caught.value.code == "text_empty"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "voice"),
    [
        ("今天我们学习光。", "auto"),
        ("今天学习 Python。", "auto"),
        ("Сегодня", "auto"),
        ("สวัสดี", "auto"),
        ("Hello.", "emma"),  # exists, but would have to be downloaded
        ("Hello.", "nobody"),
        ("Bonjour.", "espeak:fr"),
    ],
)
def test_text_without_a_voice_is_refused(
    tmp_path: Path, text: str, voice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIBARI_HOME", str(tmp_path / "voices"))
    with pytest.raises(BadInput) as caught:
        synthesize(text, voice, out_wav=tmp_path / "a.wav", which=nothing)
    assert caught.value.code == "voice_missing"
    assert list(tmp_path.iterdir()) == []


def test_broken_espeak_is_treated_as_absent(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        synthesize("今天", out_wav=tmp_path / "a.wav", which=lambda _: shutil.which("false"))
    assert caught.value.code == "voice_missing"


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_chinese_is_spoken_by_espeak(tmp_path: Path) -> None:
    speech = synthesize("今天我们学习光。光很快！", out_wav=tmp_path / "a.wav")
    rate, pcm = read(tmp_path / "a.wav")
    assert [s.text for s in speech.sentences] == ["今天我们学习光。", "光很快！"]
    assert speech.sentences[-1].end == pytest.approx(len(pcm) / rate)
    assert speech.sentences[0].end > 0.9


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_chinese_words_in_an_english_text_are_spoken(tmp_path: Path) -> None:
    english = "Please repeat after me now and then, as often as you can."
    plain = synthesize(english, out_wav=tmp_path / "plain.wav")
    text = f"{english}\n\n谢谢大家来听课。开始吧。\n\nNow say 谢谢 twice."
    mixed = synthesize(text, out_wav=tmp_path / "mixed.wav")
    assert (mixed.language, mixed.rate) == ("en", plain.rate)
    assert mixed.sentences[0] == plain.sentences[0]
    assert [s.text for s in mixed.sentences[1:]] == [
        "谢谢大家来听课。",
        "开始吧。",
        "Now say 谢谢 twice.",
    ]
    alone = synthesize("谢谢大家来听课。", out_wav=tmp_path / "alone.wav").sentences[0]
    said = mixed.sentences[1].end - mixed.sentences[1].start
    assert said == pytest.approx(alone.end - alone.start, abs=0.02)


def test_unreadable_words_are_reported(tmp_path: Path) -> None:
    text = "Light is fast.\n\nNow say 谢谢 twice.\n\nGood bye."
    speech = synthesize(text, out_wav=tmp_path / "a.wav", which=lambda _: None)
    assert len(speech.sentences) == 3
    assert speech.unread == ((speech.sentences[1].start, "谢谢"),)


def test_signs_without_a_sound_are_reported(tmp_path: Path) -> None:
    text = "Well done 🎉. It is 5 ⌘ long. It costs $1,250.00, £5 or 12% more."
    speech = synthesize(text, out_wav=tmp_path / "a.wav")
    assert [unread.text for unread in speech.unread] == ["🎉", "⌘"]


def test_no_word_ends_the_lecture(tmp_path: Path) -> None:
    """The English voice raises ``ValueError`` for digits that ``int`` does not know."""
    text = "Near ⁶⁶ metres it ends. Row ⁽⁴⁾ as well."
    speech = synthesize(text, "heart", out_wav=tmp_path / "a.wav")
    assert len(speech.sentences) == 2
    voice = Stumbling()
    failed: list[str] = []
    pcm = _synthesize_words(voice, "one two bad three", failed)
    assert failed == ["bad"] and len(pcm) == 3


class Stumbling:
    """A voice that fails on a word, one sample per word otherwise."""

    rate, language = 24_000, "en"

    def language_of(self, sentence: str) -> str:
        return self.language

    def silent_parts(self, spoken: str) -> list[str]:
        return []

    def synthesize(self, spoken: str) -> npt.NDArray[np.int16]:
        if "bad" in spoken:
            raise ValueError("bad")
        return np.ones(len(spoken.split()), np.int16)


def test_powers_are_read_and_shown_as_written(tmp_path: Path) -> None:
    text = "Near 10⁻⁶ metres."
    speech = synthesize(text, out_wav=tmp_path / "a.wav")
    words = synthesize("Near 10 to the minus 6 metres.", out_wav=tmp_path / "b.wav")
    assert speech.sentences[0].text == text and speech.unread == ()
    assert speech.sentences[0].end == words.sentences[0].end
