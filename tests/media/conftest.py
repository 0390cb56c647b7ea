"""Small real media files: pictures that show a number, and audio that can be aligned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, correlate, sosfilt

from appliance.media.picture import Picture, VideoFormat
from appliance.media.probe import AudioInfo, probe_audio
from appliance.media.x264 import X264Writer

_BITS, _COLUMNS = 12, 4
MakeVideo = Callable[..., Path]


def _draw(number: int, width: int = 128, height: int = 96) -> Picture:
    """Return a picture that shows ``number`` as 4 x 3 light and dark blocks, in its own colour."""
    picture = Picture.empty(width, height)
    rows, columns = _BITS // _COLUMNS, _COLUMNS
    for bit in range(_BITS):
        row, column = divmod(bit, columns)
        block = picture.y[
            row * height // rows : (row + 1) * height // rows,
            column * width // columns : (column + 1) * width // columns,
        ]
        block[:] = 200 if number >> bit & 1 else 50
    picture.u[:] = 64 + number * 37 % 128
    picture.v[:] = 64 + number * 74 % 128
    return picture


def _number(picture: Picture) -> int:
    rows, columns = _BITS // _COLUMNS, _COLUMNS
    found = 0
    for bit in range(_BITS):
        row, column = divmod(bit, columns)
        y = (2 * row + 1) * picture.height // (2 * rows)
        x = (2 * column + 1) * picture.width // (2 * columns)
        found |= int(picture.y[y, x] > 125) << bit
    return found


@pytest.fixture(scope="session")
def draw() -> Callable[..., Picture]:
    """``draw(number, width=128, height=96)``."""
    return _draw


@pytest.fixture(scope="session")
def number() -> Callable[[Picture], int]:
    """Return the number that a decoded picture shows."""
    return _number


@pytest.fixture(scope="session")
def make_video() -> MakeVideo:
    """``make_video(path, codec, frames, ...)``: a numbered clip in any container."""

    def make(
        path: Path,
        codec: str = "libx264",
        frames: int = 30,
        *,
        fps: Fraction = Fraction(25),
        size: tuple[int, int] = (128, 96),
        pix_fmt: str = "yuv420p",
        options: dict[str, str] | None = None,
        times_ms: Sequence[int] | None = None,
        sar: Fraction | None = None,
        turned: tuple[int, bool] | None = None,
        picture: Callable[[int], av.VideoFrame] | None = None,
        sound: NDArray[np.float32] | None = None,
        sound_codec: str = "aac",
        container_options: dict[str, str] | None = None,
        container_format: str | None = None,
        **context: Any,
    ) -> Path:
        time_base = Fraction(1, 1000) if times_ms is not None else 1 / fps
        with av.open(
            f"file:{path}",
            "w",
            format=container_format,
            container_options=container_options or {},
        ) as container:
            # The types say "video or audio or subtitle" for a codec given by name.
            stream: Any = container.add_stream(codec, fps, options or {})
            stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
            stream.codec_context.time_base = time_base
            if sar:
                stream.codec_context.sample_aspect_ratio = sar
            if turned:
                stream.set_display_rotation(turned[0], hflip=turned[1])
            for name, value in context.items():
                setattr(stream.codec_context, name, value)
            packets: list[Any] = []
            if sound is not None:
                track: Any = container.add_stream(sound_codec, 44100, layout="mono")
                packets = [p for f in [*_frames(sound, 44100, 1), None] for p in track.encode(f)]
            for index in range(frames):
                if picture is None:
                    frame = _draw(index, *size).to_av(index, time_base).reformat(format=pix_fmt)
                else:
                    frame = picture(index)
                frame.pts = times_ms[index] if times_ms is not None else index
                frame.time_base = time_base
                packets += stream.encode(frame)
            packets += stream.encode(None)
            for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
                container.mux(packet)
        return path

    return make


def _frames(samples: NDArray[np.float32], rate: int, channels: int) -> list[av.AudioFrame]:
    edges = [*range(0, len(samples), 4096), len(samples)]
    made = []
    for begin, end in pairwise(edges):
        block = np.ascontiguousarray(np.tile(samples[begin:end], (channels, 1)))
        frame = av.AudioFrame.from_ndarray(block, "fltp", "mono" if channels == 1 else "stereo")
        frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
        made.append(frame)
    return made


@pytest.fixture(scope="session")
def make_sound() -> Callable[..., Path]:
    """``make_sound(path, codec, samples, rate, ...)``: a sound file of any codec."""

    def make(
        path: Path,
        codec: str,
        samples: NDArray[np.float32],
        rate: int = 44100,
        *,
        channels: int = 1,
        container_format: str | None = None,
    ) -> Path:
        with av.open(f"file:{path}", "w", format=container_format) as container:
            # LAME's fastest, libav's own Vorbis encoder, AAC without its search.
            options = {"libmp3lame": {"compression_level": "9"}, "vorbis": {"strict": "-2"}}
            options["aac"] = {"aac_coder": "fast"}
            layout = "mono" if channels == 1 else "stereo"
            track: Any = container.add_stream(codec, rate, options.get(codec, {}), layout=layout)
            for frame in _frames(samples, rate, channels):
                container.mux(track.encode(frame))
            container.mux(track.encode(None))
        return path

    return make


@pytest.fixture(scope="session")
def babble() -> Callable[..., NDArray[np.float32]]:
    """``babble(seconds, rate, seed)``: noise with the band and the rhythm of speech."""

    def make(seconds: float, rate: int = 44100, seed: int = 0) -> NDArray[np.float32]:
        noise = np.random.default_rng(seed).standard_normal(round(seconds * rate))
        at = np.arange(len(noise)) / rate
        voice = sosfilt(butter(4, [100, 3000], "band", fs=rate, output="sos"), noise)
        voice *= (0.5 + 0.5 * np.sin(2 * np.pi * 2.3 * at + np.sin(at))) ** 2
        scaled: NDArray[np.float32] = (voice / np.abs(voice).max() * 0.7).astype(np.float32)
        return scaled

    return make


@pytest.fixture(scope="session")
def lag_ms() -> Callable[..., float]:
    """``lag_ms(a, b, rate)``: how much later ``b`` is; fails if they do not match."""

    def measure(a: NDArray[np.float32], b: NDArray[np.float32], rate: int = 16000) -> float:
        size = min(len(a), len(b))
        a, b = a[:size].astype(np.float64), b[:size].astype(np.float64)
        match = correlate(b, a, method="fft")
        peak = int(match.argmax())
        assert match[peak] > 0.9 * np.sqrt((a**2).sum() * (b**2).sum()), "not the same sound"
        return (peak - (size - 1)) * 1000 / rate

    return measure


@pytest.fixture(scope="session")
def play() -> Callable[[Path], NDArray[np.float32]]:
    """The audio as players decode it, at 16 kHz mono: with libav alone, without our code."""

    def decode(path: Path) -> NDArray[np.float32]:
        resampler = av.AudioResampler("flt", "mono", 16000)
        blocks = []
        with av.open(f"file:{path}") as container:
            for frame in container.decode(audio=0):
                frame.pts = None
                blocks += [made.to_ndarray()[0] for made in resampler.resample(frame)]
        blocks += [made.to_ndarray()[0] for made in resampler.resample(None) if made is not None]
        joined: NDArray[np.float32] = np.concatenate(blocks)
        return joined

    return decode


Make = Callable[..., Path]
Draw = Callable[..., Picture]
Sound = NDArray[np.float32]


@pytest.fixture(scope="module")
def cut_segments(draw: Draw) -> Callable[..., list[Path]]:
    """``cut_segments(folder, sizes, fps)``: numbered pictures in segments of the given lengths."""

    def write(
        folder: Path, sizes: Sequence[int], fps: Fraction, width: int = 128, **options: Any
    ) -> list[Path]:
        paths = []
        first = 0
        for part, size in enumerate(sizes):
            path = folder / f"{part:04}.mp4"
            with X264Writer(path, VideoFormat(width, 96, fps), **options) as writer:
                for n in range(first, first + size):
                    writer.write(draw(n % 4096, width, 96))
            first += size
            paths.append(path)
        return paths

    return write


@pytest.fixture(scope="module")
def minute(
    tmp_path_factory: pytest.TempPathFactory, make_sound: Make, babble: Callable[..., Sound]
) -> AudioInfo:
    path = tmp_path_factory.mktemp("sound") / "lecture.mp3"
    return probe_audio(make_sound(path, "libmp3lame", babble(4.0)))
