"""Audio for analysis has the same time axis as the audio that is played."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from appliance.errors import BadInput
from appliance.media.audio import AudioSource, audio_blocks
from appliance.media.container import TruncationDetector
from appliance.media.probe import probe_audio

Make = Callable[..., Path]
Sound = NDArray[np.float32]


def _all(path: Path, rate: int = 16000) -> Sound:
    blocks: Sound = np.concatenate(list(audio_blocks(path, rate)))
    return blocks


def _shifted(source: Path, target: Path, shift: Callable[[float], float | None]) -> Path:
    """Copy ``source`` with each packet moved by ``shift(its time)`` seconds, or left out."""
    with av.open(str(source)) as container, av.open(str(target), "w") as out:
        stream = out.add_stream_from_template(container.streams.audio[0])
        for packet in container.demux(audio=0):
            if packet.size and packet.pts is not None and packet.dts is not None:
                move = shift(float(packet.pts * packet.time_base))
                if move is not None:
                    packet.pts += round(move / packet.time_base)
                    packet.dts = packet.pts
                    packet.stream = stream
                    out.mux(packet)
    return target


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_rate_is_converted_to_16_khz_mono(
    tmp_path: Path, make_sound: Make, rate: int, channels: int
) -> None:
    def chirp(per_second: int) -> Sound:
        at = np.arange(round(3.21 * per_second)) / per_second
        swept: Sound = (0.9 * np.sin(2 * np.pi * (200 + 400 * at) * at)).astype(np.float32)
        return swept

    path = make_sound(tmp_path / "a.wav", "pcm_s16le", chirp(rate), rate, channels=channels)
    decoded = _all(path)
    assert decoded.dtype == np.float32 and decoded.ndim == 1
    assert len(decoded) == pytest.approx(3.21 * 16000, abs=2)
    inside = slice(100, 51000)  # the resampler has no samples beyond the edges
    assert np.abs(decoded[inside] - chirp(16000)[inside]).max() < 0.005


def test_blocks_have_equal_size_except_the_last(
    tmp_path: Path, make_sound: Make, babble: Callable[..., Sound]
) -> None:
    path = make_sound(tmp_path / "a.flac", "flac", babble(5.3))
    sizes = [len(block) for block in audio_blocks(path, 16000, 2)]
    assert sizes == [32000, 32000, pytest.approx(1.3 * 16000, abs=2)]
    np.testing.assert_array_equal(_all(path), np.concatenate(list(audio_blocks(path, 16000, 0.7))))


def test_full_scale_samples_stay_within_one(tmp_path: Path, make_sound: Make) -> None:
    loud = np.sign(np.sin(np.arange(44100) / 20)).astype(np.float32)
    path = make_sound(tmp_path / "a.wav", "pcm_f32le", loud * 3)
    decoded = _all(path)
    assert np.abs(decoded).max() <= 1


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_gap_in_time_stamps_becomes_silence(
    tmp_path: Path,
    make_sound: Make,
    babble: Callable[..., Sound],
    lag_ms: Callable[..., float],
    name: str,
) -> None:
    plain = make_sound(tmp_path / "plain.flac", "flac", babble(4))
    gappy = _shifted(plain, tmp_path / name, lambda at: 0.0 if at < 2 else 1.5)
    whole, decoded = _all(plain), _all(gappy)
    assert len(decoded) == pytest.approx(len(whole) + 1.5 * 16000, abs=800)
    assert np.abs(decoded[33500:55000]).max() == 0
    np.testing.assert_allclose(decoded[:31000], whole[:31000], atol=1e-3)
    assert abs(lag_ms(whole[34000:60000], decoded[24000:][34000:60000])) <= 2
    assert probe_audio(gappy).duration_s == pytest.approx(5.5, abs=0.05)


def test_clock_jump_does_not_become_an_hour_of_silence(
    tmp_path: Path, make_sound: Make, babble: Callable[..., Sound]
) -> None:
    plain = make_sound(tmp_path / "plain.m4a", "aac", babble(4), container_format="ipod")
    broken = _shifted(plain, tmp_path / "b.mkv", lambda at: 0.0 if at < 2 else 3600.0)
    assert len(_all(broken)) == pytest.approx(4 * 16000, abs=800)
    assert probe_audio(broken).duration_s == pytest.approx(4, abs=0.05)


def test_repeated_samples_are_dropped(
    tmp_path: Path, make_sound: Make, babble: Callable[..., Sound], lag_ms: Callable[..., float]
) -> None:
    first = make_sound(tmp_path / "1.ts", "aac", babble(2))
    second = make_sound(tmp_path / "2.ts", "aac", babble(2, seed=1))
    again = _shifted(second, tmp_path / "3.ts", lambda at: 1.5)
    both = tmp_path / "both.ts"
    both.write_bytes(first.read_bytes() + again.read_bytes())
    decoded, alone = _all(both), _all(second)
    assert len(decoded) == pytest.approx(3.5 * 16000, abs=1600)
    assert probe_audio(both).duration_s == pytest.approx(3.5, abs=0.1)
    assert abs(lag_ms(alone[12000:30000], decoded[24000:][12000:30000])) <= 30


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.aac", "a.ts"])
def test_damage_affects_only_the_damaged_part(
    tmp_path: Path,
    make_sound: Make,
    babble: Callable[..., Sound],
    lag_ms: Callable[..., float],
    name: str,
) -> None:
    codec = {"mp3": "libmp3lame", "flac": "flac"}.get(name[2:], "aac")
    path = make_sound(
        tmp_path / name, codec, babble(8), container_format="adts" if name == "a.aac" else None
    )
    whole = _all(path)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 600] = np.random.default_rng(1).bytes(600)
    path.write_bytes(content)
    hurt = _all(path)
    assert lag_ms(whole[:48000], hurt[:48000]) == 0
    lost = len(whole) - len(hurt)
    assert 0 <= lost <= 0.3 * 16000
    # An MP3's padding is counted from the start, which is damaged.
    assert abs(lag_ms(whole[-32000:], hurt[-32000:])) <= (60 if name == "a.mp3" else 0)


def test_undecodable_packets_become_silence_in_place(
    tmp_path: Path, make_sound: Make, babble: Callable[..., Sound], lag_ms: Callable[..., float]
) -> None:
    """Matroska stores the time of each packet, so the audio after the damage keeps its place."""
    plain = make_sound(tmp_path / "plain.flac", "flac", babble(4))
    hole = _shifted(plain, tmp_path / "hole.mkv", lambda at: None if 1.5 <= at < 2.5 else 0.0)
    whole, decoded = _all(plain), _all(hole)
    assert abs(len(whole) - len(decoded)) <= 800
    assert np.abs(decoded[25500:39000]).max() == 0
    assert abs(lag_ms(whole[42000:60000], decoded[42000:60000])) <= 1


def test_format_change_within_the_stream(
    tmp_path: Path, make_sound: Make, babble: Callable[..., Sound]
) -> None:
    """Two MP3 files one after the other, as some recorders make them."""
    first = make_sound(tmp_path / "1.mp3", "libmp3lame", babble(2, 44100), 44100)
    second = make_sound(tmp_path / "2.mp3", "libmp3lame", babble(2, 48000), 48000, channels=2)
    both = tmp_path / "both.mp3"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    assert len(_all(both)) == pytest.approx(4 * 16000, abs=3200)


def test_audio_of_a_video_that_starts_before_it(
    tmp_path: Path,
    make_video: Make,
    babble: Callable[..., Sound],
    lag_ms: Callable[..., float],
) -> None:
    voice = babble(4)
    for name in ("a.mp4", "a.mov", "a.mkv", "a.ts", "a.avi", "a.flv"):
        codec = "mpeg4" if name == "a.avi" else "libx264"
        path = make_video(tmp_path / name, codec, 100, sound=voice)
        decoded = _all(path)
        at = np.arange(len(decoded)) / 16000
        meant = np.interp(at, np.arange(len(voice)) / 44100, voice).astype(np.float32)
        # FLV, MPEG-TS and AVI do not store the encoder's 1024 priming samples.
        assert 0 <= lag_ms(meant, decoded) <= 24, name


def test_memory_does_not_grow_with_length(
    tmp_path: Path, make_sound: Make, babble: Callable[..., Sound]
) -> None:
    peaks = []
    for seconds in (30, 240):
        path = make_sound(tmp_path / f"{seconds}.flac", "flac", babble(seconds, 16000), 16000)
        tracemalloc.start()
        for block in audio_blocks(path, 16000, 5):
            assert len(block)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


def test_file_without_audio_is_refused(tmp_path: Path, make_video: Make) -> None:
    path = make_video(tmp_path / "silent.mp4", frames=3)
    with pytest.raises(BadInput) as caught:
        next(audio_blocks(path))
    assert caught.value.code == "audio_missing"


def test_long_pause_is_generated_in_blocks(
    tmp_path: Path, make_sound: Make, babble: Callable[..., Sound]
) -> None:
    plain = make_sound(tmp_path / "plain.wav", "pcm_u8", babble(2))
    paused = _shifted(plain, tmp_path / "p.mkv", lambda at: 0.0 if at < 1 else 8.25)
    decoded = _all(paused)
    assert len(decoded) == pytest.approx(10.25 * 16000, abs=800)
    assert np.abs(decoded[17000:145000]).max() < 0.01
    assert Fraction(len(decoded), 16000) > 10


class _LateStamps(AudioSource):
    """A file whose first packets have no time stamps."""

    def packets(self, watch: TruncationDetector | None = None) -> Iterator[av.Packet[AudioStream]]:
        for number, packet in enumerate(super().packets(watch)):
            if number < 20:
                packet.pts = packet.dts = None
            yield packet


def test_audio_before_the_first_time_stamp_does_not_shift_the_rest(
    tmp_path: Path, make_sound: Make
) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 96000).astype(np.float32)
    path = make_sound(tmp_path / "a.mka", "mp2", noise, 48000)
    with AudioSource(path) as plain, _LateStamps(path) as late:
        whole = sum(frame.samples for frame in plain.frames())
        assert sum(frame.samples for frame in late.frames()) == whole
