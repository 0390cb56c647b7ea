"""Several tracks, opposite channels, and sound that starts later than the picture."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition
from numpy.typing import NDArray

from appliance.media.audio import audio_blocks, mix_to_mono
from appliance.media.probe import probe_audio

Sound = NDArray[np.float32]
RATE = 16_000


def tone(seconds: float = 2.0, hz: float = 300) -> Sound:
    return np.asarray(0.4 * np.sin(2 * np.pi * hz * np.arange(seconds * RATE) / RATE), np.float32)


def write_tracks(path: Path, tracks: list[Sound], default: int | None = None) -> Path:
    """Write several mono tracks; ``default`` is the number of the one that is marked."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("aac", RATE, layout="mono") for _ in tracks]
        for number, stream in enumerate(streams):
            stream.disposition = Disposition.default if number == default else Disposition(0)
        packets: list[Any] = []
        for stream, samples in zip(streams, tracks, strict=True):
            frame = av.AudioFrame.from_ndarray(samples[None], "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
            packets += [*stream.encode(frame), *stream.encode(None)]
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return path


def write_stereo(path: Path, samples: Sound) -> Path:
    """Write samples (channels, n) as 16-bit stereo WAV."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", RATE, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", "stereo")
        frame.sample_rate = RATE
        resampler = av.AudioResampler("s16", "stereo", RATE)
        for block in resampler.resample(frame):
            container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    return path


def loudest_hz(sound: Sound) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(spectrum.argmax() * RATE / len(sound))


def test_track_marked_as_default_is_used(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "a.mkv", [tone(hz=300), tone(hz=800)], default=1)
    assert loudest_hz(np.concatenate(list(audio_blocks(path)))) == pytest.approx(800, abs=5)
    chosen = np.concatenate(list(audio_blocks(path, track=0)))
    assert loudest_hz(chosen) == pytest.approx(300, abs=5)


@pytest.mark.parametrize("scale", [-1.0, -0.9])
def test_opposite_channels_do_not_cancel_out(tmp_path: Path, scale: float) -> None:
    path = write_stereo(tmp_path / "a.wav", np.stack([tone(), scale * tone()]))
    sound = np.concatenate(list(audio_blocks(path)))
    assert np.abs(sound).max() == pytest.approx(0.4, abs=0.01)


def test_other_channels_are_mixed() -> None:
    pair = np.stack([tone(), 0 * tone()], axis=1)
    np.testing.assert_allclose(mix_to_mono(pair), tone() / 2, atol=1e-6)
    both = np.stack([tone(), tone(hz=500)], axis=1)
    np.testing.assert_allclose(mix_to_mono(both), both.mean(axis=1))


@pytest.mark.parametrize("name", ["late.mp4", "late.mkv", "late.ts"])
def test_sound_that_starts_late_keeps_its_time(
    tmp_path: Path, make_video: Callable[..., Path], name: str
) -> None:
    video, path = make_video(tmp_path / "v.mp4", frames=75), tmp_path / name
    lead = Fraction(3, 2)
    with av.open(str(video)) as source, av.open(str(path), "w") as out:
        picture = out.add_stream_from_template(source.streams.video[0])
        track = out.add_stream("aac", RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone()[None], "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, round(lead * RATE), Fraction(1, RATE)
        packets: list[Any] = [*track.encode(frame), *track.encode(None)]
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = picture
                packets.append(packet)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            out.mux(packet)
    sound, info = np.concatenate(list(audio_blocks(path))), probe_audio(path)
    begin = int(np.argmax(np.abs(sound) > 0.1)) / RATE
    assert begin == pytest.approx(1.5, abs=0.08)
    assert info.duration_s == pytest.approx(3.5, abs=0.08)
    assert info.duration_s == pytest.approx(len(sound) / RATE, abs=0.08)
    assert not info.copyable  # silence is encoded before it
