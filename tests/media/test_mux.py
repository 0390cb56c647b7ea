"""The finished file: the frames of the segments and the audio of the lecture, in sync."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.media.audio import audio_blocks
from appliance.media.mux import mux
from appliance.media.picture import Picture
from appliance.media.probe import AudioInfo, probe_audio
from tests.media.muxed import TAGS, pictures_in

Make = Callable[..., Path]
Draw = Callable[..., Picture]
Sound = NDArray[np.float32]


@pytest.mark.parametrize("preset", ["ultrafast", "veryfast"])
@pytest.mark.parametrize("sizes", [[100], [40, 35, 25], [1, 60, 2, 1, 36]], ids=str)
def test_joined_frames_equal_the_frames_of_the_segments(
    tmp_path: Path,
    minute: AudioInfo,
    cut_segments: Callable[..., list[Path]],
    number: Callable[[Picture], int],
    sizes: list[int],
    preset: str,
) -> None:
    fps = Fraction(30000, 1001)
    segments = cut_segments(tmp_path, sizes, fps, preset=preset)
    out = tmp_path / "out.mp4"
    mux(segments, minute, out, fps=fps, frames=100, metadata=TAGS)
    joined = pictures_in(out)
    assert [time for time, _ in joined] == [n / fps for n in range(100)]
    apart = [frame for path in segments for _, frame in pictures_in(path)]
    for n, ((_, frame), source) in enumerate(zip(joined, apart, strict=True)):
        one, other = Picture.from_av(frame, n), Picture.from_av(source, n)
        assert number(one) == n
        for plane, expected in zip(one.planes(), other.planes(), strict=True):
            np.testing.assert_array_equal(plane, expected)


def test_packets_are_in_decoding_order_with_increasing_times(
    tmp_path: Path, minute: AudioInfo, cut_segments: Callable[..., list[Path]]
) -> None:
    fps = Fraction(25)
    segments = cut_segments(tmp_path, [30, 1, 45, 24], fps)
    out = tmp_path / "out.mp4"
    mux(segments, minute, out, fps=fps, frames=100, metadata=TAGS)
    with av.open(str(out)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        decoding = [p.dts for p in packets]
        assert None not in decoding
        assert all(p.pts is not None and p.dts is not None and p.pts >= p.dts for p in packets)
        steps = {later - dts for dts, later in pairwise(decoding) if dts and later}
        assert len(steps) == 1
        assert sum(p.is_keyframe for p in packets) >= 4
        assert container.streams.video[0].average_rate == fps


def test_file_is_playable_while_downloading(
    tmp_path: Path, minute: AudioInfo, cut_segments: Callable[..., list[Path]]
) -> None:
    out = tmp_path / "out.mp4"
    segments = cut_segments(tmp_path, [50, 50], Fraction(25))
    mux(segments, minute, out, fps=Fraction(25), frames=100, metadata=TAGS)
    content = out.read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")
    with av.open(str(out)) as container:
        assert {key: container.metadata[key] for key in TAGS} == TAGS
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        assert container.streams.audio[0].codec_context.codec.canonical_name == "mp3"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0000.mp4", "0001.mp4", "out.mp4"]


SOUNDS = [
    ("a.wav", "pcm_s16le", 44100, None, "aac"),
    ("a.mp3", "libmp3lame", 44100, None, "mp3"),
    ("mono.mp3", "libmp3lame", 24000, None, "mp3"),
    ("low.mp3", "libmp3lame", 8000, None, "aac"),
    ("a.m4a", "aac", 44100, "ipod", "aac"),
    ("a.aac", "aac", 48000, "adts", "aac"),
    ("a.flac", "flac", 44100, None, "aac"),
    ("a.ogg", "vorbis", 44100, None, "aac"),
    ("a.opus", "libopus", 48000, "ogg", "aac"),
    ("a.webm", "libopus", 48000, None, "aac"),
    ("a.mkv", "aac", 44100, None, "aac"),
    ("mp3.mkv", "libmp3lame", 44100, None, "mp3"),
    ("alac.m4a", "alac", 44100, "ipod", "aac"),
    ("ac3.mov", "ac3", 48000, None, "aac"),
    ("a.ts", "aac", 44100, None, "aac"),
    ("a.flv", "aac", 44100, None, "aac"),
    ("mp3.avi", "libmp3lame", 44100, None, "mp3"),
    ("mp2.mpg", "mp2", 44100, None, "aac"),
]


@pytest.mark.parametrize(
    ("name", "encoder", "rate", "container", "codec"), SOUNDS, ids=[s[0] for s in SOUNDS]
)
def test_audio_stays_in_sync(
    tmp_path: Path,
    make_sound: Make,
    babble: Callable[..., Sound],
    cut_segments: Callable[..., list[Path]],
    play: Callable[[Path], Sound],
    lag_ms: Callable[..., float],
    name: str,
    encoder: str,
    rate: int,
    container: str | None,
    codec: str,
) -> None:
    seconds, fps = 6.345, Fraction(25)
    channels = 2 if encoder == "vorbis" else 1
    path = make_sound(
        tmp_path / name,
        encoder,
        babble(seconds, rate),
        rate,
        channels=channels,
        container_format=container,
    )
    info = probe_audio(path)
    frames = round(info.duration_s * fps)
    segments = cut_segments(tmp_path, [frames], fps, preset="ultrafast")
    out = tmp_path / "out.mp4"
    mux(segments, info, out, fps=fps, frames=frames, metadata=TAGS)
    with av.open(str(out)) as made:
        video, audio = made.streams.video[0], made.streams.audio[0]
        assert audio.codec_context.codec.canonical_name == codec
        assert (video.start_time, audio.start_time) == (0, 0)
        assert audio.duration and audio.time_base and video.duration and video.time_base
        length = float(audio.duration * audio.time_base)
        assert length == pytest.approx(info.duration_s, abs=0.01)
        assert abs(length - float(video.duration * video.time_base)) <= 1 / fps
    decoded, source = play(out), play(path)
    analysed = np.concatenate(list(audio_blocks(path)))
    second = 16000
    for meant in (source, analysed):
        assert abs(lag_ms(meant[:second], decoded[:second])) <= 1
        end = min(len(meant), len(decoded))
        assert abs(lag_ms(meant[end - second : end], decoded[end - second : end])) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["libmp3lame", "aac"])
def test_audio_does_not_drift_in_ten_minutes(
    tmp_path: Path,
    make_sound: Make,
    babble: Callable[..., Sound],
    cut_segments: Callable[..., list[Path]],
    play: Callable[[Path], Sound],
    lag_ms: Callable[..., float],
    encoder: str,
) -> None:
    fps = Fraction(30000, 7007)  # 4.28…: its frame times are not whole milliseconds
    path = make_sound(
        tmp_path / ("a.mp3" if encoder == "libmp3lame" else "a.m4a"),
        encoder,
        np.tile(babble(25, 16000), 24),
        16000,
        container_format=None if encoder == "libmp3lame" else "ipod",
    )
    info = probe_audio(path)
    frames = round(info.duration_s * fps)
    sizes = [200] * (frames // 200) + [frames % 200]
    segments = cut_segments(tmp_path, sizes, fps, preset="ultrafast")
    out = tmp_path / "out.mp4"
    mux(segments, info, out, fps=fps, frames=frames, metadata=TAGS)
    assert [time for time, _ in pictures_in(out)] == [n / fps for n in range(frames)]
    decoded, source = play(out), play(path)
    for begin in (0, len(source) // 2, len(source) - 32000):
        lag = lag_ms(source[begin : begin + 16000], decoded[begin : begin + 16000])
        assert abs(lag) <= 1, begin


def test_late_audio_of_a_video_starts_at_zero(
    tmp_path: Path,
    make_sound: Make,
    babble: Callable[..., Sound],
    cut_segments: Callable[..., list[Path]],
    play: Callable[[Path], Sound],
    lag_ms: Callable[..., float],
) -> None:
    plain = make_sound(tmp_path / "a.m4a", "aac", babble(4), container_format="ipod")
    late = tmp_path / "late.mkv"
    with av.open(str(plain)) as source, av.open(str(late), "w") as out_container:
        stream = out_container.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.size:
                assert packet.pts is not None and packet.dts is not None
                packet.pts += 3 * 44100
                packet.dts += 3 * 44100
                packet.stream = stream
                out_container.mux(packet)
    info = probe_audio(late)
    assert float(info.start) == pytest.approx(3, abs=0.03)
    out = tmp_path / "out.mp4"
    segments = cut_segments(tmp_path, [100], Fraction(25), preset="ultrafast")
    mux(segments, info, out, fps=Fraction(25), frames=100, metadata=TAGS)
    decoded, meant = play(out), play(late)
    assert abs(lag_ms(meant[:32000], decoded[:32000])) <= 1


def test_repeated_audio_is_copied_once(
    tmp_path: Path,
    make_sound: Make,
    babble: Callable[..., Sound],
    cut_segments: Callable[..., list[Path]],
    play: Callable[[Path], Sound],
    lag_ms: Callable[..., float],
) -> None:
    """A second recording whose time stamps start before the end of the first."""
    both = tmp_path / "both.ts"
    for seed in (0, 1):
        part = make_sound(tmp_path / f"{seed}.ts", "aac", babble(2, seed=seed))
        shifted = tmp_path / f"{seed}-later.ts"
        with av.open(str(part)) as source, av.open(str(shifted), "w") as moved:
            stream = moved.add_stream_from_template(source.streams.audio[0])
            for packet in source.demux(audio=0):
                if packet.size and packet.pts is not None:
                    packet.pts = packet.dts = packet.pts + seed * 135000
                    packet.stream = stream
                    moved.mux(packet)
        both.write_bytes((both.read_bytes() if seed else b"") + shifted.read_bytes())
    info = probe_audio(both)
    frames = round(info.duration_s * 25)
    out = tmp_path / "out.mp4"
    segments = cut_segments(tmp_path, [frames], Fraction(25), preset="ultrafast")
    mux(segments, info, out, fps=Fraction(25), frames=frames, metadata=TAGS)
    decoded, analysed = play(out), np.concatenate(list(audio_blocks(both)))
    assert abs(len(decoded) - len(analysed)) <= 640
    assert abs(lag_ms(analysed[34000:52000], decoded[34000:52000])) <= 40


def test_stream_that_mp4_rejects_is_encoded(
    tmp_path: Path,
    make_sound: Make,
    babble: Callable[..., Sound],
    cut_segments: Callable[..., list[Path]],
) -> None:
    """MP4 cannot carry 8 kHz MP3; a probe that is wrong about it must not fail the job."""
    path = make_sound(tmp_path / "low.mp3", "libmp3lame", babble(4, 8000), 8000)
    hopeful = AudioInfo(path, 4.0, "mp3", 8000, 1, copyable=True)
    out = tmp_path / "out.mp4"
    segments = cut_segments(tmp_path, [100], Fraction(25), preset="ultrafast")
    mux(segments, hopeful, out, fps=Fraction(25), frames=100, metadata=TAGS)
    with av.open(str(out)) as made:
        assert made.streams.audio[0].codec_context.codec.canonical_name == "aac"
