"""Synthesize a lecture given as text, sentence by sentence, with the time of each.

English is read by hibari-tts, which contains its voice, so nothing is downloaded.
Other languages need the system's ``espeak-ng``. If that is not installed, text in another script
(such as Chinese) cannot be read, and text in Latin letters is read as if it were English. In an
English text, a sentence in another script, or with Chinese words in it, is also read by espeak-ng,
because the English voice would skip what it cannot read.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tempfile
import textwrap
import unicodedata
import wave
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame

from appliance.errors import BadInput
from appliance.files.atomic import commit, discard_temp, temp_path
from appliance.media.audio import resample
from appliance.speech.language_detection import detect_latin_language

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
# A character of these scripts counts as a word, that is, _LETTERS_PER_WORD letters.
_DENSE_SCRIPTS = {"CJK", "HANGUL"}
# The voices of these scripts read Latin words, too.
_EAST_ASIAN_SCRIPTS = ("HIRAGANA", "KATAKANA", "CJK", "HANGUL")
_LETTERS_PER_WORD = 4
_MIN_WRAPPED_LINE = 50  # a line this long without a full stop was wrapped by an editor
_LINE_END_MARKS = ".!?。！？…:：;；"
_EAST_ASIAN_STOP = re.compile(r"(?<=[。！？])")
_SENTENCE_END = re.compile(r"(?<=[。！？…!?])|(?<=[.])\s+|\n")
_MAX_SENTENCE_CHARS = 300  # characters synthesized at once; memory use grows with the square


@dataclass(frozen=True)
class Sentence:
    """A spoken sentence with its start and end in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class SynthesizedSpeech:
    """A mono 16-bit WAV file and its sentences in order.

    ``rate`` is in Hz, ``language`` is that of the voice (ISO 639). ``skipped_s`` contains the times
    in seconds of sentences with words that no voice on this machine can read.
    """

    path: Path
    rate: int
    sentences: tuple[Sentence, ...]
    language: str = "en"
    skipped_s: tuple[float, ...] = ()


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
    exception that it raises ends the synthesis.

    Raises ``BadInput("text_empty")``, and ``BadInput("voice_missing")`` if no voice on this machine
    can read the text.
    """
    synthesizer = _voice_for(text, voice, speed, which)
    sentences: list[Sentence] = []
    skipped_s: list[float] = []
    chars_read = 0
    try:
        with wave.open(str(temp_path(out_wav)), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(synthesizer.rate)
            done = 0
            for paragraph in _split_paragraphs(text):
                if sentences:
                    pause = round(_PARAGRAPH_PAUSE_S * synthesizer.rate)
                    out.writeframes(bytes(2 * pause))
                    done += pause
                for sentence in synthesizer.split_sentences(paragraph):
                    if not synthesizer.can_read(sentence):
                        skipped_s.append(done / synthesizer.rate)
                    pcm = synthesizer.synthesize(sentence)
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
        out_wav, synthesizer.rate, tuple(sentences), synthesizer.language, tuple(skipped_s)
    )


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

    def split_sentences(self, paragraph: str) -> Iterator[str]:
        yield from _split_long(self._tts.split_sentences(paragraph))

    def can_read(self, sentence: str) -> bool:
        return _voice_script(sentence) == "LATIN"

    def synthesize(self, sentence: str) -> Pcm:
        sound = self._tts(sentence, speed=self._speed, seed=0)
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

    def split_sentences(self, paragraph: str) -> Iterator[str]:
        yield from _split_long(_SENTENCE_END.split(paragraph))

    def can_read(self, sentence: str) -> bool:
        return True

    def synthesize(self, sentence: str) -> Pcm:
        return self._run(sentence)[1]

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

    def split_sentences(self, paragraph: str) -> Iterator[str]:
        for part in _EAST_ASIAN_STOP.split(paragraph):
            yield from self._english.split_sentences(part)

    def can_read(self, sentence: str) -> bool:
        return (
            self._english.can_read(sentence)
            or self._voice_for_script(_voice_script(sentence)) is not None
        )

    def synthesize(self, sentence: str) -> Pcm:
        other = self._voice_for_script(_voice_script(sentence))
        if other is None:
            return self._english.synthesize(sentence)
        return _resample_pcm(other.synthesize(sentence), other.rate, self.rate)

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
    script = _main_script(text)
    if script == "LATIN":
        language = detect_latin_language(text)
        if language != "en":
            with contextlib.suppress(BadInput):  # without espeak-ng the English voice reads it
                return _EspeakVoice(which("espeak-ng"), (language,), speed)
        return _BilingualVoice(_HibariVoice(_DEFAULT_VOICE, speed), which("espeak-ng"), speed)
    if script not in _ESPEAK_VOICES:
        raise BadInput("voice_missing", voice=script.lower())
    return _EspeakVoice(which("espeak-ng"), _ESPEAK_VOICES[script], speed)


def _split_long(sentences: Iterable[str]) -> Iterator[str]:
    """Split sentences that are too long to be synthesized at once; drop blank ones."""
    for sentence in sentences:
        yield from textwrap.wrap(sentence, _MAX_SENTENCE_CHARS)


def _main_script(text: str) -> str:
    """Return the script of most words; kana distinguish Japanese from Chinese.

    Returns ``LATIN`` for a text without letters.
    """
    counts = _count_scripts(text)
    if not counts:
        return "LATIN"
    script = counts.most_common(1)[0][0]
    return "HIRAGANA" if script == "CJK" and counts["HIRAGANA"] else script


def _voice_script(sentence: str) -> str:
    """Return the script that decides the voice: any East Asian one, else that of most words."""
    counts = _count_scripts(sentence)
    return next(
        (script for script in _EAST_ASIAN_SCRIPTS if counts[script]), _main_script(sentence)
    )


def _count_scripts(text: str) -> Counter[str]:
    """Count the letters of each script, by the first word of their Unicode names.

    A Chinese or Korean character counts as a word.
    """
    counts: Counter[str] = Counter()
    for letter in filter(str.isalpha, text):
        script = unicodedata.name(letter, "UNKNOWN").split()[0].split("-")[0]
        counts[script] += _LETTERS_PER_WORD if script in _DENSE_SCRIPTS else 1
    return counts


def _split_paragraphs(text: str) -> Iterator[str]:
    """Yield paragraphs in which lines that an editor wrapped are joined again."""
    for block in re.split(r"\n\s*\n", text):
        lines: list[str] = []
        for line in (line.strip() for line in block.splitlines()):
            if not line:
                continue
            before = lines[-1] if lines else _LINE_END_MARKS
            wrapped = len(before) >= _MIN_WRAPPED_LINE or line[0].islower()
            if before[-1] not in _LINE_END_MARKS and wrapped:
                lines[-1] = f"{before} {line}"
            else:
                lines.append(line)
        if lines:
            yield "\n".join(lines)
