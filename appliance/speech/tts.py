"""A lecture given as text, read aloud: sentence by sentence, with the time of each.

English is read by hibari-tts, whose voice lies inside its package, so nothing is ever downloaded.
Other languages need the system's ``espeak-ng``; where it is not installed, a text in another script
(Chinese, say) cannot be read, and one in Latin letters is read as if it were English. A sentence in
another script within an English text, or with Chinese words in it, is espeak-ng's as well: the
English voice would leave out what it cannot read.
"""

from __future__ import annotations

import contextlib
import os
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
from appliance.media.audio import resampled
from appliance.speech.language import latin_language

AUTO = "auto"
ESPEAK = "espeak:"
_DEFAULT_VOICE = "heart"
_PARAGRAPH_PAUSE_S = 0.5
_SPEED_ESPEAK = 165  # words a minute at speed 1
_LIMIT_S = 120.0  # espeak-ng takes milliseconds for a sentence

Pcm = npt.NDArray[np.int16]
Find = Callable[[str], str | None]
Listener = Callable[[int, int], None]
"""Told how many letters of how many have been read."""

# The first word of a character's Unicode name -> espeak-ng's voices for it, best first.
_SCRIPTS: dict[str, tuple[str, ...]] = {
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
_DENSE = {"CJK", "HANGUL"}  # a character is worth as much as this many letters
_EAST_ASIAN = ("HIRAGANA", "KATAKANA", "CJK", "HANGUL")  # whose voices read Latin words, too
_WORD_LETTERS = 4
_LONG_LINE = 50  # a line this long without a full stop was wrapped by an editor
_STOPS = ".!?。！？…:：;；"
_EAST_ASIAN_STOP = re.compile(r"(?<=[。！？])")
_SENTENCE_END = re.compile(r"(?<=[。！？…!?])|(?<=[.])\s+|\n")
_LONGEST = 300  # characters read in one breath; the voice's memory grows with the square


@dataclass(frozen=True)
class Sentence:
    """What is said from ``start`` to ``end``, in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Speech:
    """A mono 16-bit WAV file and its sentences in order; ``language`` is the voice's (ISO 639).

    ``left_out``: the seconds at which words are missing that no voice on this machine can read.
    """

    path: Path
    rate: int
    sentences: tuple[Sentence, ...]
    language: str = "en"
    left_out: tuple[float, ...] = ()


def synthesize(
    text: str,
    voice: str = AUTO,
    *,
    out_wav: Path,
    speed: float = 1.0,
    find: Find = shutil.which,
    listen: Listener = lambda done, total: None,
) -> Speech:
    """Read ``text`` into ``out_wav``, which appears whole or not at all.

    ``voice``: ``auto`` (by the text's language), a voice of hibari-tts that lies on this machine,
    or ``espeak:LANGUAGE``. ``speed`` 0.5-2 (1 is a calm reader). The same call gives the same file.
    Memory is bounded by the longest sentence. What ``listen``, told after each, raises ends it.

    Raises ``BadInput("text_empty")``, and ``BadInput("voice_missing")`` where no voice on this
    machine can read the text.
    """
    reader = _reader(text, voice, speed, find)
    part = out_wav.with_suffix(".part")
    sentences: list[Sentence] = []
    left_out: list[float] = []
    read = 0
    try:
        with wave.open(str(part), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(reader.rate)
            done = 0
            for paragraph in _paragraphs(text):
                if sentences:
                    pause = round(_PARAGRAPH_PAUSE_S * reader.rate)
                    out.writeframes(bytes(2 * pause))
                    done += pause
                for sentence in reader.sentences(paragraph):
                    if not reader.reads(sentence):
                        left_out.append(done / reader.rate)
                    pcm = reader.speak(sentence)
                    read += len(sentence)
                    listen(min(read, len(text)), len(text))
                    if not len(pcm):
                        continue
                    out.writeframes(pcm.astype("<i2").tobytes())
                    times = (done / reader.rate, (done + len(pcm)) / reader.rate)
                    sentences.append(Sentence(sentence, *times))
                    done += len(pcm)
        if not sentences:
            raise BadInput("text_empty")
        os.replace(part, out_wav)
    finally:
        part.unlink(missing_ok=True)
    return Speech(out_wav, reader.rate, tuple(sentences), reader.language, tuple(left_out))


class _Hibari:
    """The embedded English voice."""

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

    def sentences(self, paragraph: str) -> Iterator[str]:
        yield from _short(self._tts.split_sentences(paragraph))

    def reads(self, sentence: str) -> bool:
        return _foreign_script(sentence) == "LATIN"

    def speak(self, sentence: str) -> Pcm:
        sound = self._tts(sentence, speed=self._speed, seed=0)
        return np.asarray(np.clip(sound, -1.0, 1.0) * 32767.0).astype(np.int16)


class _Espeak:
    """The system's ``espeak-ng``, one process a sentence."""

    def __init__(self, program: str | None, languages: tuple[str, ...], speed: float) -> None:
        self._speed = speed
        for language in languages if program else ():
            self._command = [str(program), "-v", language, "-s", str(round(_SPEED_ESPEAK * speed))]
            try:
                self.rate, _ = self._run("1")
            except BadInput:
                continue
            code = language.split("-")[0]
            self.language = "zh" if code in ("cmn", "yue", "hak") else code
            return
        raise BadInput("voice_missing", voice=ESPEAK + languages[0])

    def sentences(self, paragraph: str) -> Iterator[str]:
        yield from _short(_SENTENCE_END.split(paragraph))

    def reads(self, sentence: str) -> bool:
        return True

    def speak(self, sentence: str) -> Pcm:
        return self._run(sentence)[1]

    def _run(self, sentence: str) -> tuple[int, Pcm]:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "speech.wav"
            command = [*self._command, "-w", str(target), "--stdin"]
            try:
                subprocess.run(
                    command, input=sentence.encode(), check=True, capture_output=True,
                    timeout=_LIMIT_S,
                )  # fmt: skip
                with wave.open(str(target), "rb") as sound:
                    data = sound.readframes(sound.getnframes())
                    return sound.getframerate(), np.frombuffer(data, "<i2").astype(np.int16)
            except (OSError, EOFError, wave.Error, subprocess.SubprocessError) as error:
                raise BadInput("voice_missing", voice=ESPEAK + self._command[2]) from error


class _Bilingual:
    """The embedded voice, and the system's for sentences with words that it would leave out."""

    language = "en"

    def __init__(self, own: _Hibari, program: str | None, speed: float) -> None:
        self.rate = own.rate
        self._own = own
        self._program, self._speed = program, speed
        self._others: dict[str, _Espeak | None] = {"LATIN": None}

    def sentences(self, paragraph: str) -> Iterator[str]:
        for part in _EAST_ASIAN_STOP.split(paragraph):
            yield from self._own.sentences(part)

    def reads(self, sentence: str) -> bool:
        return self._own.reads(sentence) or self._other(_foreign_script(sentence)) is not None

    def speak(self, sentence: str) -> Pcm:
        other = self._other(_foreign_script(sentence))
        if other is None:
            return self._own.speak(sentence)
        return _at_rate(other.speak(sentence), other.rate, self.rate)

    def _other(self, script: str) -> _Espeak | None:
        if script not in self._others:
            self._others[script] = None
            with contextlib.suppress(BadInput):  # without it the words are left out
                voices = _SCRIPTS.get(script, ())
                self._others[script] = _Espeak(self._program, voices, self._speed)
        return self._others[script]


def _at_rate(pcm: Pcm, rate: int, wanted: int) -> Pcm:
    frame = AudioFrame.from_ndarray(pcm[None], "s16", "mono")
    frame.sample_rate = rate
    parts = [made.to_ndarray()[0] for made in resampled([frame], "s16", "mono", wanted)]
    return np.concatenate(parts) if parts else pcm


def _reader(text: str, voice: str, speed: float, find: Find) -> _Hibari | _Espeak | _Bilingual:
    if not any(c.isalnum() for c in text):
        raise BadInput("text_empty")
    if voice.startswith(ESPEAK):
        return _Espeak(find("espeak-ng"), (voice.removeprefix(ESPEAK),), speed)
    if voice != AUTO:
        return _Hibari(voice, speed)
    script = _script(text)
    if script == "LATIN":
        language = latin_language(text)
        if language != "en":
            with contextlib.suppress(BadInput):  # better with an accent than not at all
                return _Espeak(find("espeak-ng"), (language,), speed)
        return _Bilingual(_Hibari(_DEFAULT_VOICE, speed), find("espeak-ng"), speed)
    if script not in _SCRIPTS:
        raise BadInput("voice_missing", voice=script.lower())
    return _Espeak(find("espeak-ng"), _SCRIPTS[script], speed)


def _short(sentences: Iterable[str]) -> Iterator[str]:
    """Break what no person would say in one go at its spaces; drop what is blank."""
    for sentence in sentences:
        yield from textwrap.wrap(sentence, _LONGEST)


def _script(text: str) -> str:
    """The script of most words; kana tell Japanese from Chinese. Without letters: Latin."""
    counts = _scripts(text)
    if not counts:
        return "LATIN"
    script = counts.most_common(1)[0][0]
    return "HIRAGANA" if script == "CJK" and counts["HIRAGANA"] else script


def _foreign_script(sentence: str) -> str:
    """The script that an English voice stumbles over: that of most words, or any East Asian."""
    counts = _scripts(sentence)
    return next((script for script in _EAST_ASIAN if counts[script]), _script(sentence))


def _scripts(text: str) -> Counter[str]:
    """Letters of each script, by the first word of their Unicode names; signs count as words."""
    counts: Counter[str] = Counter()
    for letter in filter(str.isalpha, text):
        script = unicodedata.name(letter, "UNKNOWN").split()[0].split("-")[0]
        counts[script] += _WORD_LETTERS if script in _DENSE else 1
    return counts


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs with one line a thought: lines that an editor wrapped are joined again."""
    for block in re.split(r"\n\s*\n", text):
        lines: list[str] = []
        for line in (line.strip() for line in block.splitlines()):
            if not line:
                continue
            before = lines[-1] if lines else _STOPS
            wrapped = len(before) >= _LONG_LINE or line[0].islower()
            if before[-1] not in _STOPS and wrapped:
                lines[-1] = f"{before} {line}"
            else:
                lines.append(line)
        if lines:
            yield "\n".join(lines)
