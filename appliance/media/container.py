"""Open untrusted media files safely, by content, with errors that users understand."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.container
import av.container.core

from appliance.errors import BadInput
from appliance.media.mp3_header import missing_mp3_share
from appliance.system.regular_file import NotRegularFileError, descriptor_path, open_regular

# Only formats that contain their media: a playlist (m3u8, ffconcat, sdp) in the inbox could make
# the device open other files or addresses.
_FORMATS = (
    "mov,matroska,avi,flv,live_flv,mpegts,mpeg,asf,dv,mxf,gif,"
    "wav,w64,mp3,aac,flac,ogg,aiff,caf,amr,ac3,eac3"
)
_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}

_MAX_PIXELS = 4096 * 2304
"""Maximum number of pixels that a decoder delivers: 4K, with the rows that codecs add."""

_MAX_PROBE_PIXELS = 8192 * 8192
"""The same while libav examines the file; a video that is too large gets a message of its own."""

_MAX_BLOCK_BYTES = 256 << 20
"""Maximum size of one allocation of libav: a frame of 8K, or the index of 120 hours."""

MAX_GAP_S = 10
"""A longer gap between the times of a stream, in seconds, is treated as an error of its clock."""

_RIFF_TOLERANCE_BYTES = 1 << 16
"""Tolerated error of the length in the header of an AVI or WAV: some writers omit parts."""

_MAX_READ_ERRORS = 100
"""Number of consecutive read errors after which the rest of a file is ignored."""


def check_file(path: Path) -> None:
    """Raise ``BadInput`` unless ``path`` is a readable, regular file that is not empty.

    The codes are ``file_is_folder``, ``file_not_regular``, ``file_empty``, ``file_missing`` and
    ``file_unreadable``.
    """
    read_head(path, 1)


def read_head(path: Path, size: int = 64) -> bytes:
    """Return the first ``size`` bytes of a file. Raises ``BadInput`` as :func:`check_file` does."""
    with _read_errors(path), open_regular(path) as file:
        head = file.read(size)
    if not head:
        raise BadInput("file_empty", name=path.name)
    return head


@contextmanager
def _read_errors(path: Path) -> Iterator[None]:
    """Translate the errors of opening and reading ``path`` into ``BadInput``."""
    try:
        yield
    except IsADirectoryError:
        raise BadInput("file_is_folder", name=path.name) from None
    except NotRegularFileError:
        raise BadInput("file_not_regular", name=path.name) from None
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput("file_missing", name=path.name) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput("file_unreadable", name=path.name, reason=reason) from None


def libav_url(path: Path) -> str:
    """Return the URL for libav; its prefix keeps ``:``, ``-`` and ``%`` from being interpreted.

    For files of our own. Those of users are opened by :func:`open_media`.
    """
    return "file:" + os.fspath(path)


def open_media(path: Path) -> av.container.InputContainer:
    """Open a media file, whose format is detected by content alone.

    libav opens the descriptor that was checked, not the name a second time. It allocates at most
    ``_MAX_BLOCK_BYTES`` at a time, and its decoders refuse frames of more than ``_MAX_PIXELS``,
    wherever in the file they come. Raises ``BadInput``: the codes of :func:`check_file`,
    ``file_truncated`` (a known container without its index) or ``not_media``, also for one whose
    header claims more than these limits.
    """
    head = read_head(path)
    _limit_allocations()
    with _read_errors(path), descriptor_path(path) as source:
        try:
            # Tags are not used, so their unknown encodings must not raise an error.
            container = av.open(
                f"file:{source}",
                "r",
                options={"max_pixels": str(_MAX_PROBE_PIXELS)},
                container_options=dict(_OPTIONS),
                metadata_errors="replace",
            )
        except av.FFmpegError as error:
            if isinstance(error, OSError) and not isinstance(error, ValueError):
                raise
            code = "file_truncated" if _is_known_container(head) else "not_media"
        else:
            for stream in container.streams.video:
                if stream.codec_context is not None:
                    stream.codec_context.options = {"max_pixels": str(_MAX_PIXELS)}
            return container
    raise BadInput(code, name=path.name)


def _limit_allocations() -> None:
    """Limit a single allocation of libav: a header of a few bytes may claim billions of entries.

    PyAV does not offer this function of libavutil; its modules are linked with it.
    """
    ctypes.CDLL(av.container.core.__file__).av_max_alloc(ctypes.c_size_t(_MAX_BLOCK_BYTES))


def read_packets(
    container: av.container.InputContainer, *streams: av.stream.Stream
) -> Iterator[av.Packet[Any]]:
    """Yield the packets of ``streams`` (by default of all), continuing after damaged parts.

    The last packet of each stream is empty: decoding it drains the decoder.
    """
    errors = 0
    while errors < _MAX_READ_ERRORS:
        try:
            for packet in container.demux(*streams):
                if packet.size:
                    errors = 0
                yield packet
            return
        except av.FFmpegError:
            errors += 1


def _is_known_container(start: bytes) -> bool:
    """Return whether the first bytes are those of MP4/MOV, Matroska/WebM, AVI/WAV or FLV."""
    boxes = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
    return start[4:8] in boxes or start[:4] in (b"\x1a\x45\xdf\xa3", b"RIFF", b"RF64", b"FLV\x01")


class TimestampRepair:
    """Removes jumps from the time stamps of one stream, packet by packet in file order.

    A time that differs by more than ``MAX_GAP_S`` from the expected one, in either direction, is an
    error of the recorder (a counter that overflowed, two files in one): later times are shifted to
    continue the stream.
    """

    def __init__(self, time_base: Fraction) -> None:
        self._limit = round(MAX_GAP_S / time_base)
        self._shift = 0
        self._expected: int | None = None
        self.had_jumps = False

    def correct(self, packet: av.Packet[Any]) -> None:
        """Shift the packet's times in place; a packet without times is not changed."""
        at = packet.dts if packet.dts is not None else packet.pts
        if at is None or not packet.size:
            return
        if self._expected is not None and abs(at + self._shift - self._expected) > self._limit:
            self._shift = self._expected - at
            self.had_jumps = True
        self._expected = at + self._shift + (packet.duration or 0)
        packet.pts = None if packet.pts is None else packet.pts + self._shift
        packet.dts = None if packet.dts is None else packet.dts + self._shift


class TruncationDetector:
    """Detects a truncated stream by comparing the duration in the header with the packets read."""

    # Other formats have no duration in the header, or libav estimates it from the bit rate.
    _FORMATS_WITH_DURATION = frozenset(
        {"mov", "matroska", "avi", "flv", "wav", "w64", "flac", "aiff", "caf"}
    )
    # Relative for short files; limited for long ones to what headers round and editors leave.
    _TOLERANCE_S = (1.0, 3.0)
    _TOLERANCE_SHARE = 0.02

    def __init__(
        self, container: av.container.InputContainer, stream: av.stream.Stream, path: Path
    ) -> None:
        kind = container.format.name.split(",")[0]
        self._short = _is_short_riff(path)
        self._declared_end_s = self._end_s = 0.0
        self._streams = {stream.index}
        has_duration = kind in self._FORMATS_WITH_DURATION
        if kind == "mp3" and stream.duration and stream.time_base:
            # The end of a shorter file follows from its size: libav estimates the duration of files
            # that were joined from the bit rate, and counts their covers as sound.
            with _read_errors(path):
                missing = missing_mp3_share(path)
            self._declared_end_s = float(stream.duration * stream.time_base) if missing else 0.0
            self._end_s = (1 - missing) * self._declared_end_s
            self._streams = set()
        elif has_duration and stream.duration and stream.time_base:
            end = (stream.start_time or 0) + stream.duration
            self._declared_end_s = float(end * stream.time_base)
        elif has_duration:
            # Matroska and FLV only contain the duration of their longest stream.
            self._declared_end_s = (container.duration or 0) / av.time_base
            self._streams = {any_stream.index for any_stream in container.streams}

    def observe(self, packet: av.Packet[Any]) -> None:
        """Take a packet of any stream into account."""
        time = packet.pts if packet.pts is not None else packet.dts
        relevant = packet.stream_index in self._streams and packet.size and not packet.is_corrupt
        if relevant and time is not None:
            end = float((time + (packet.duration or 0)) * packet.time_base)
            self._end_s = max(end, self._end_s)

    def is_truncated(self) -> bool:
        """Return whether the stream is truncated.

        This is so if more than 1 s and 2 % of the duration in the header are missing, or more than
        3 s, or if an AVI, WAV or MP3 file is shorter than its header says.
        """
        least, most = self._TOLERANCE_S
        tolerated = min(max(least, self._TOLERANCE_SHARE * self._declared_end_s), most)
        return self._short or self._declared_end_s - self._end_s > tolerated


def _is_short_riff(path: Path) -> bool:
    """Return whether the header of an AVI or WAV has a larger size than the file.

    libav trusts the size of the file.
    """
    header = read_head(path, 12)
    declared_size = int.from_bytes(header[4:8], "little")
    # Recorders that write to a pipe store 0 or a number near 2 or 4 GiB.
    if header[:4] != b"RIFF" or not 0 < declared_size < 0x7FFF0000:
        return False
    return declared_size - path.stat().st_size > min(0.02 * declared_size, _RIFF_TOLERANCE_BYTES)
