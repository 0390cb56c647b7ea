"""Synthesize a lecture given as text, sentence by sentence, with the time of each.

English is read by hibari-tts, which contains its voice, so nothing is downloaded.
Other languages need the system's ``espeak-ng``. If that is not installed, text in another script
(such as Chinese) cannot be read, and text in Latin letters is read as if it were English. In an
English text, a sentence in another script, or with Chinese words in it, is also read by espeak-ng,
because the English voice would skip what it cannot read.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame

from appliance.errors import BadInput
from appliance.files.atomic import commit, discard_temp, temp_path
from appliance.media.audio import resample
from appliance.speech.language_detection import detect_latin_language
from appliance.speech.scripts import doubtful_parts, is_silent, main_script, voice_script
from appliance.speech.sentences import split_paragraphs, split_sentences
from appliance.speech.spoken_form import spoken_form

log = logging.getLogger("lectern.speech")

AUTO = "auto"
ESPEAK = "espeak:"
_DEFAULT_VOICE = "heart"
_PARAGRAPH_PAUSE_S = 0.5
_ESPEAK_WORDS_PER_MINUTE = 165  # at speed 1
_ESPEAK_TIMEOUT_S = 120.0  # espeak-ng takes milliseconds for a sentence

Pcm = npt.NDArray[np.int16]
Which = Callable[[str], str | None]
OnReadProgress = Callable[[int, int], None]
"""Called with the number of characters read so far and the total number."""

# The first word of a character's Unicode name -> espeak-ng's voices for it, best first.
_ESPEAK_VOICES: dict[str, tuple[str, ...]] = {
    "LATIN": ("en",),
    "CJK": ("cmn-latn-pinyin", "cmn", "zh"),
    "HIRAGANA": ("ja",),
    "KATAKANA": ("ja",),
    "HANGUL": ("ko",),
    "CYRILLIC": ("ru",),
    "GREEK": ("el",),
    "ARABIC": ("ar",),
    "HEBREW": ("he",),
    "DEVANAGARI": ("hi",),
}


@dataclass(frozen=True)
class Sentence:
    """A spoken sentence with its start and end in seconds."""

    text: str
    start: float
    end: float


class Unread(NamedTuple):
    """Words and signs of a sentence that were not read aloud, and its start in seconds."""

    at_s: float
    text: str


@dataclass(frozen=True)
class SynthesizedSpeech:
    """A mono 16-bit WAV file and its sentences in order.

    ``rate`` is in Hz, ``language`` is that of the voice (ISO 639). ``unread`` is what no voice on
    this machine can read.
    """

    path: Path
    rate: int
    sentences: tuple[Sentence, ...]
    language: str = "en"
    unread: tuple[Unread, ...] = ()


def synthesize(
    text: str,
    voice: str = AUTO,
    *,
    out_wav: Path,
    speed: float = 1.0,
    which: Which = shutil.which,
    on_progress: OnReadProgress = lambda done, total: None,
) -> SynthesizedSpeech:
    """Read ``text`` into ``out_wav``, which appears complete or not at all.

    ``voice``: ``auto`` (by the language of the text), an installed voice of hibari-tts, or
    ``espeak:LANGUAGE``. ``speed`` is 0.5-2 (1 is a calm reader). Equal calls produce equal files.
    Memory is bounded by the longest sentence. ``on_progress`` is called after each sentence; an
    exception that it raises ends the synthesis. Words on which a voice fails are left out.

    Raises ``BadInput("text_empty")``, and ``BadInput("voice_missing")`` if no voice on this machine
    can read the text.
    """
    synthesizer = _voice_for(text, voice, speed, which)
    sentences: list[Sentence] = []
    unread: list[Unread] = []
    chars_read = 0
    try:
        with wave.open(str(temp_path(out_wav)), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(synthesizer.rate)
            done = 0
            for paragraph in split_paragraphs(text):
                if sentences:
                    pause = round(_PARAGRAPH_PAUSE_S * synthesizer.rate)
                    out.writeframes(bytes(2 * pause))
                    done += pause
                for sentence in split_sentences(paragraph):
                    spoken = spoken_form(sentence, synthesizer.language_of(sentence))
                    failed: list[str] = []
                    pcm = _synthesize_words(synthesizer, spoken, failed)
                    missing = [*synthesizer.silent_parts(spoken), *failed]
                    if missing:
                        words = " ".join(dict.fromkeys(missing))
                        unread.append(Unread(done / synthesizer.rate, words))
                    chars_read += len(sentence)
                    on_progress(min(chars_read, len(text)), len(text))
                    if not len(pcm):
                        continue
                    out.writeframes(pcm.astype("<i2").tobytes())
                    times = (done / synthesizer.rate, (done + len(pcm)) / synthesizer.rate)
                    sentences.append(Sentence(sentence, *times))
                    done += len(pcm)
        if not sentences:
            raise BadInput("text_empty")
        commit(out_wav)
    finally:
        discard_temp(out_wav)
    return SynthesizedSpeech(
        out_wav, synthesizer.rate, tuple(sentences), synthesizer.language, tuple(unread)
    )


def check_voice(text: str, voice: str = AUTO, which: Which = shutil.which) -> None:
    """Raise the ``BadInput`` of :func:`synthesize` if no voice here can read ``text``."""
    _voice_for(text, voice, 1.0, which)


class _Voice(Protocol):
    rate: int
    language: str

    def language_of(self, sentence: str) -> str:
        """Return the language (ISO 639) in which ``sentence`` is read."""

    def silent_parts(self, spoken: str) -> list[str]:
        """Return the words and signs of ``spoken`` that are not heard."""

    def synthesize(self, spoken: str) -> Pcm:
        """Return the sound; empty if nothing can be heard."""


def _synthesize_words(voice: _Voice, spoken: str, failed: list[str]) -> Pcm:
    """Read as much as possible: words on which the voice fails are added to ``failed``.

    No text may end a lecture, whatever a voice makes of it.
    """
    try:
        return voice.synthesize(spoken)
    except MemoryError:
        raise
    except Exception as error:
        words = spoken.split()
        if len(words) <= 1:
            log.warning("a voice failed on a word: %s: %s", type(error).__name__, error)
            failed.append(spoken)
            return np.zeros(0, np.int16)
        half = len(words) // 2
        parts = [" ".join(words[:half]), " ".join(words[half:])]
        return np.concatenate([_synthesize_words(voice, part, failed) for part in parts])


class _HibariVoice:
    """The English voice of hibari-tts."""

    language = "en"

    def __init__(self, voice: str, speed: float) -> None:
        import hibari
        from hibari.voices import voice_path

        try:
            path = voice_path(voice, download_missing=False)
        except (ValueError, OSError) as error:
            raise BadInput("voice_missing", voice=voice) from error
        self.rate = int(hibari.SAMPLE_RATE)
        self._tts = hibari.Hibari(voice, model=path)
        self._speed = speed
        self._known_phonemes: dict[str, str] = {}

    def language_of(self, sentence: str) -> str:
        return self.language

    def silent_parts(self, spoken: str) -> list[str]:
        parts = doubtful_parts(spoken)
        return [part for part in parts if is_silent(part, spoken, self._phonemes)]

    def _phonemes(self, text: str) -> str:
        if text not in self._known_phonemes:
            try:
                self._known_phonemes = {text: str(self._tts.g2p(text)).strip()}
            except Exception:  # as when a sentence is read
                return ""
        return self._known_phonemes[text]

    def synthesize(self, spoken: str) -> Pcm:
        sound = self._tts(spoken, speed=self._speed, seed=0)
        return np.asarray(np.clip(sound, -1.0, 1.0) * 32767.0).astype(np.int16)


class _EspeakVoice:
    """The system's ``espeak-ng``, one process per sentence."""

    def __init__(self, program: str | None, languages: tuple[str, ...], speed: float) -> None:
        self._speed = speed
        for language in languages if program else ():
            self._command = [
                str(program),
                "-v",
                language,
                "-s",
                str(round(_ESPEAK_WORDS_PER_MINUTE * speed)),
            ]
            try:
                self.rate, _ = self._run("1")
            except BadInput:
                continue
            code = language.split("-")[0]
            self.language = "zh" if code in ("cmn", "yue", "hak") else code
            return
        raise BadInput("voice_missing", voice=ESPEAK + languages[0])

    def language_of(self, sentence: str) -> str:
        return self.language

    def silent_parts(self, spoken: str) -> list[str]:
        signs = [part for part in doubtful_parts(spoken) if not part.isalpha()]
        return [sign for sign in signs if is_silent(sign, spoken, self._phonemes)]

    def _phonemes(self, text: str) -> str:
        command = [self._command[0], "-v", self._command[2], "-q", "-x", "--stdin"]
        try:
            return subprocess.run(
                command, input=text.encode(), capture_output=True, check=True,
                timeout=_ESPEAK_TIMEOUT_S,
            ).stdout.decode("utf-8", "replace").strip()  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            return ""

    def synthesize(self, spoken: str) -> Pcm:
        return self._run(spoken)[1]

    def _run(self, sentence: str) -> tuple[int, Pcm]:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "speech.wav"
            command = [*self._command, "-w", str(target), "--stdin"]
            try:
                subprocess.run(
                    command, input=sentence.encode(), check=True, capture_output=True,
                    timeout=_ESPEAK_TIMEOUT_S,
                )  # fmt: skip
                with wave.open(str(target), "rb") as sound:
                    data = sound.readframes(sound.getnframes())
                    return sound.getframerate(), np.frombuffer(data, "<i2").astype(np.int16)
            except (OSError, EOFError, wave.Error, subprocess.SubprocessError) as error:
                raise BadInput("voice_missing", voice=ESPEAK + self._command[2]) from error


class _BilingualVoice:
    """The English voice, with the system's voice for sentences with words that it would skip."""

    language = "en"

    def __init__(self, english: _HibariVoice, program: str | None, speed: float) -> None:
        self.rate = english.rate
        self._english = english
        self._program, self._speed = program, speed
        self._voices: dict[str, _EspeakVoice | None] = {"LATIN": None}

    def language_of(self, sentence: str) -> str:
        return (self._other_voice(sentence) or self._english).language

    def silent_parts(self, spoken: str) -> list[str]:
        return (self._other_voice(spoken) or self._english).silent_parts(spoken)

    def synthesize(self, spoken: str) -> Pcm:
        other = self._other_voice(spoken)
        if other is None:
            return self._english.synthesize(spoken)
        return _resample_pcm(other.synthesize(spoken), other.rate, self.rate)

    def _other_voice(self, sentence: str) -> _EspeakVoice | None:
        return self._voice_for_script(voice_script(sentence))

    def _voice_for_script(self, script: str) -> _EspeakVoice | None:
        if script not in self._voices:
            self._voices[script] = None
            with contextlib.suppress(BadInput):  # without a voice the words are skipped
                voices = _ESPEAK_VOICES.get(script, ())
                self._voices[script] = _EspeakVoice(self._program, voices, self._speed)
        return self._voices[script]


def _resample_pcm(pcm: Pcm, rate: int, target_rate: int) -> Pcm:
    frame = AudioFrame.from_ndarray(pcm[None], "s16", "mono")
    frame.sample_rate = rate
    parts = [block.to_ndarray()[0] for block in resample([frame], "s16", "mono", target_rate)]
    return np.concatenate(parts) if parts else pcm


def _voice_for(
    text: str, voice: str, speed: float, which: Which
) -> _HibariVoice | _EspeakVoice | _BilingualVoice:
    if not any(c.isalnum() for c in text):
        raise BadInput("text_empty")
    if voice.startswith(ESPEAK):
        return _EspeakVoice(which("espeak-ng"), (voice.removeprefix(ESPEAK),), speed)
    if voice != AUTO:
        return _HibariVoice(voice, speed)
    script = main_script(text)
    if script == "LATIN":
        language = detect_latin_language(text)
        if language != "en":
            with contextlib.suppress(BadInput):  # without espeak-ng the English voice reads it
                return _EspeakVoice(which("espeak-ng"), (language,), speed)
        return _BilingualVoice(_HibariVoice(_DEFAULT_VOICE, speed), which("espeak-ng"), speed)
    if script not in _ESPEAK_VOICES:
        raise BadInput("voice_missing", voice=script.lower())
    return _EspeakVoice(which("espeak-ng"), _ESPEAK_VOICES[script], speed)
