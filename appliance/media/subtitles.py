"""Write and read subtitles: an optional track of an MP4, and an ``.srt`` file."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import av.container
from av.subtitles.stream import SubtitleStream

from appliance.files.atomic import write_text
from appliance.media.container import open_media

_MS = Fraction(1, 1000)
_LANGUAGES = {
    "ar": "ara", "de": "deu", "el": "ell", "en": "eng", "es": "spa", "fr": "fra", "he": "heb",
    "hi": "hin", "it": "ita", "ja": "jpn", "ko": "kor", "nl": "nld", "pl": "pol", "pt": "por",
    "ru": "rus", "tr": "tur", "uk": "ukr", "vi": "vie", "zh": "zho",
}  # fmt: skip
"""ISO 639-2/T codes, which MP4 requires, by ISO 639-1 code."""

# The encoder of 3GPP timed text reads font and position from an ASS header; players use their own.
_ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Alignment
Style: Default,Sans,16,&H00FFFFFF,2
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


@dataclass(frozen=True)
class Cue:
    """A subtitle of one or two lines, shown from ``start`` to ``end`` (seconds)."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Subtitles:
    """The cues of one video in order, without overlap; ``language`` is an ISO 639-1 code."""

    cues: tuple[Cue, ...]
    language: str


def add_subtitle_track(
    container: av.container.OutputContainer, subtitles: Subtitles
) -> SubtitleStream:
    """Add a track for ``subtitles`` to a new MP4; call it after adding video and audio."""
    stream = cast(Any, container.add_stream("mov_text"))
    stream.codec_context.subtitle_header = _ASS_HEADER
    stream.time_base = _MS
    stream.metadata["language"] = _LANGUAGES.get(subtitles.language, "und")
    return cast(SubtitleStream, stream)


def subtitle_packets(subtitles: Subtitles, stream: SubtitleStream) -> Iterator[av.Packet[Any]]:
    """Yield the packets of the track: a length of two bytes and the text (3GPP TS 26.245)."""
    for cue in subtitles.cues:
        text = cue.text.encode()
        packet: av.Packet[Any] = av.Packet(struct.pack(">H", len(text)) + text)
        start, end = round(cue.start / _MS), round(cue.end / _MS)
        packet.time_base = _MS
        packet.pts = packet.dts = start
        packet.duration = max(end - start, 1)
        packet.stream = stream
        yield packet


def read_subtitles(video: Path) -> tuple[Cue, ...]:
    """Return the cues of the first subtitle track of an MP4; empty if there is none.

    Raises the errors of :func:`~appliance.media.container.open_media`.
    """
    cues = []
    with open_media(video) as container:
        for stream in container.streams.subtitles[:1]:
            for packet in container.demux(stream):
                raw = bytes(packet)
                size = int.from_bytes(raw[:2], "big")
                if not size or packet.pts is None:  # a gap between two cues
                    continue
                start = float(packet.pts * packet.time_base)
                end = start + float((packet.duration or 0) * packet.time_base)
                cues.append(Cue(start, end, raw[2 : 2 + size].decode("utf-8", "replace")))
    return tuple(cues)


def write_srt(path: Path, cues: Sequence[Cue]) -> None:
    """Write ``cues`` as SubRip text in UTF-8, atomically. Raises ``OSError``."""
    write_text(path, "\n".join(_srt_blocks(cues)))


def _srt_blocks(cues: Iterable[Cue]) -> Iterator[str]:
    for number, cue in enumerate(cues, 1):
        yield f"{number}\n{_srt_time(cue.start)} --> {_srt_time(cue.end)}\n{cue.text}\n"


def _srt_time(seconds: float) -> str:
    """Format a time as ``00:59:58,250``."""
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"
