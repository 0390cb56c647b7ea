"""Probing of files, and the errors of unusable ones."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from appliance.errors import BadInput
from appliance.media.decode import FrameReader
from appliance.media.picture import ColorSpec, Picture
from appliance.media.probe import probe_audio, probe_presenter

Make = Callable[..., Path]
Babble = Callable[..., NDArray[np.float32]]

ODD_NAMES = ["with space.mp4", 'it\'s "so".mp4', "讲课.mp4", "two\nlines.mp4", "-i.mp4"]
ODD_NAMES += ["a:b.mp4", "100%d.mp4", "no suffix", "wrong.mp3", "file:x.mp4"]


def refusal(probe: Callable[..., Any], path: Path, **options: Any) -> str:
    """Return the error code; check that the text is one line that names the file."""
    with pytest.raises(BadInput) as caught:
        probe(path, **options)
    for language in ("en", "zh"):
        text = caught.value.text(language)
        assert text and "\n" not in text and "Traceback" not in text
        assert path.name.replace("\n", "�") in text
    return caught.value.code


def test_video_is_described(tmp_path: Path, make_video: Make) -> None:
    path = make_video(
        tmp_path / "a.mp4",
        frames=50,
        fps=Fraction(30000, 1001),
        sar=Fraction(4, 3),
        color_range=1,
        colorspace=1,
        color_primaries=1,
        color_trc=13,
    )
    info = probe_presenter(path)
    assert (info.kind, info.codec, info.width, info.height) == ("video", "h264", 128, 96)
    assert (info.fps, info.frames, info.sar) == (Fraction(30000, 1001), 50, Fraction(4, 3))
    assert info.duration_s == pytest.approx(50 * 1001 / 30000)
    assert info.color == ColorSpec(False, 1, 1, 13)
    assert (info.orientation.rotation, info.interlaced, info.is_still) == (0, False, False)


@pytest.mark.parametrize("sar", [Fraction(255), Fraction(1, 9)])
def test_impossible_pixel_aspect_becomes_square(
    tmp_path: Path, make_video: Make, sar: Fraction
) -> None:
    assert probe_presenter(make_video(tmp_path / "a.mp4", frames=3, sar=sar)).sar == 1


def test_presenter_info_can_be_pickled(tmp_path: Path, make_video: Make) -> None:
    info = probe_presenter(make_video(tmp_path / "a.mp4", frames=5, turned=(90, False)))
    assert pickle.loads(pickle.dumps(info)) == info


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_file_name_is_accepted(tmp_path: Path, make_video: Make, name: str) -> None:
    made = make_video(tmp_path / "plain.mp4", frames=3)
    path = made.rename(tmp_path / name)
    info = probe_presenter(path)
    with FrameReader(info) as reader:
        assert len(list(reader.read(0, 3))) == 3


def test_file_name_that_is_not_utf8_is_accepted(tmp_path: Path, make_video: Make) -> None:
    made = make_video(tmp_path / "plain.mp4", frames=3)
    path = made.rename(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp4")))
    assert probe_presenter(path).frames == 3


def test_video_of_one_frame_is_still(tmp_path: Path, make_video: Make) -> None:
    info = probe_presenter(make_video(tmp_path / "one.mp4", frames=1))
    assert (info.kind, info.frames, info.is_still) == ("video", 1, True)
    assert info.fps == 25


@pytest.mark.parametrize(("fps", "expected"), [(Fraction(120), 60), (Fraction(1, 2), 25)])
def test_unusual_rates_are_limited(
    tmp_path: Path, make_video: Make, fps: Fraction, expected: int
) -> None:
    info = probe_presenter(make_video(tmp_path / "a.mp4", frames=24, fps=fps))
    assert info.fps == expected
    assert info.duration_s == pytest.approx(float(24 / fps), abs=1 / expected)
    with FrameReader(info) as reader:
        assert len(list(reader.read(0, info.frames))) == info.frames


def test_configured_rate_limit_is_applied(tmp_path: Path, make_video: Make) -> None:
    path = make_video(tmp_path / "a.mp4", frames=60, fps=Fraction(60))
    assert probe_presenter(path, max_fps=30).frames == 30


def test_cover_art_is_not_a_video(
    tmp_path: Path, make_video: Make, make_sound: Make, babble: Babble
) -> None:
    cover = tmp_path / "cover.png"
    Image.new("RGB", (300, 300)).save(cover)
    song = make_sound(tmp_path / "song.mp3", "libmp3lame", babble(1))
    path = tmp_path / "tagged.mp3"
    with av.open(str(cover)) as art, av.open(str(song)) as plain, av.open(str(path), "w") as out:
        track = out.add_stream_from_template(plain.streams.audio[0])
        picture = out.add_stream_from_template(art.streams.video[0], opaque=True)
        picture.disposition = av.stream.Disposition.attached_pic
        for source, stream in ((art, picture), (plain, track)):
            for packet in source.demux(0):
                if packet.size:
                    packet.stream = stream
                    out.mux(packet)
    with av.open(str(path)) as tagged:
        assert tagged.streams.video, "the test needs a cover"
    assert refusal(probe_presenter, path) == "video_missing"
    assert probe_audio(path).codec == "mp3"


def test_other_files_are_refused(tmp_path: Path, make_video: Make) -> None:
    text = tmp_path / "essay.mp4"
    text.write_text("Once upon a time\n" * 500)
    noise = tmp_path / "noise.mov"
    noise.write_bytes(np.random.default_rng(0).bytes(50_000))
    empty = tmp_path / "empty.mp4"
    empty.touch()
    silent = make_video(tmp_path / "silent.mp4", frames=3)
    for probe in (probe_presenter, probe_audio):
        assert refusal(probe, text) == "not_media"
        assert refusal(probe, noise) == "not_media"
        assert refusal(probe, empty) == "file_empty"
        assert refusal(probe, tmp_path) == "file_is_folder"
        assert refusal(probe, tmp_path / "nothing.mp4") == "file_missing"
        assert refusal(probe, text / "below.mp4") == "file_missing"
        assert refusal(probe, tmp_path / ("n" * 300)) == "file_unreadable"
    assert refusal(probe_audio, silent) == "audio_missing"


@pytest.mark.parametrize(
    "text",
    ["#EXTM3U\n#EXTINF:9,\n{name}\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile {name}\n"],
)
def test_playlist_does_not_open_other_files(tmp_path: Path, make_video: Make, text: str) -> None:
    other = make_video(tmp_path / "other.ts", frames=10)
    path = tmp_path / "list.mp4"
    path.write_text(text.format(name=other.name))
    assert refusal(probe_presenter, path) == "not_media"


FASTSTART = {"movflags": "faststart"}


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("front.mp4", "libx264", FASTSTART),
        ("back.mp4", "libx264", {}),
        ("front.mov", "libx264", FASTSTART),
        ("cut.mkv", "libx264", {}),
        ("cut.avi", "mpeg4", {}),
        ("cut.webm", "libvpx", {}),
        ("cut.flv", "libx264", {}),
    ],
)
def test_truncated_video_is_refused(
    tmp_path: Path, make_video: Make, name: str, codec: str, options: dict[str, str]
) -> None:
    path = make_video(
        tmp_path / name,
        codec,
        150,
        options={"g": "25", "deadline": "realtime", "cpu-used": "8"} if codec == "libvpx" else {},
        container_options=options,
    )
    assert probe_presenter(path).frames == 150
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    assert refusal(probe_presenter, path) == "file_truncated"


@pytest.mark.parametrize("name", ["cut.ts", "cut.mpg"])
def test_stream_without_declared_length_is_accepted(
    tmp_path: Path, make_video: Make, name: str, number: Callable[[Picture], int]
) -> None:
    codec = "libx264" if name.endswith("ts") else "mpeg2video"
    path = make_video(tmp_path / name, codec, 150, options={"g": "25", "b": "1M"})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    info = probe_presenter(path)
    with FrameReader(info) as reader:
        shown = [number(picture) for picture in reader.read(0, info.frames)]
    assert 50 < len(shown) < 100
    assert shown[:50] == list(range(50))


def test_sizes_outside_the_limits_are_refused(tmp_path: Path, make_video: Make) -> None:
    def flat(width: int, height: int) -> Callable[[int], av.VideoFrame]:
        return lambda index: Picture.blank(width, height).to_av(index, Fraction(1, 25))

    def made(width: int, height: int) -> Path:
        return make_video(
            tmp_path / f"{width}x{height}.mp4",
            frames=1,
            size=(width, height),
            options={"preset": "ultrafast"},
            picture=flat(width, height),
        )

    assert refusal(probe_presenter, made(62, 128)) == "picture_too_small"
    for size, reduced in [((4096, 2160), (3840, 2024)), ((3840, 2400), (3456, 2160))]:
        info = probe_presenter(made(*size))
        assert (info.width, info.height) == reduced and info.reduced_from == size
    for width, height in [(3840, 2160), (2160, 3840), (64, 64)]:
        info = probe_presenter(made(width, height))
        assert (info.width, info.height) == (width, height)
    full = made(1920, 1080)
    assert refusal(probe_presenter, full, max_stored_sides=(1280, 720)) == "picture_too_large"


SOUNDS = [
    ("a.wav", "pcm_s16le", 44100, None, "pcm_s16le", False),
    ("a.mp3", "libmp3lame", 44100, None, "mp3", True),
    ("low.mp3", "libmp3lame", 8000, None, "mp3", False),
    ("a.m4a", "aac", 44100, "ipod", "aac", True),
    ("a.aac", "aac", 48000, "adts", "aac", True),
    ("a.flac", "flac", 44100, None, "flac", False),
    ("a.ogg", "vorbis", 44100, None, "vorbis", False),
    ("a.opus", "libopus", 48000, "ogg", "opus", False),
]


@pytest.mark.parametrize(
    ("name", "encoder", "rate", "container", "codec", "copyable"),
    SOUNDS,
    ids=[sound[0] for sound in SOUNDS],
)
def test_audio_is_described(
    tmp_path: Path,
    make_sound: Make,
    babble: Babble,
    name: str,
    encoder: str,
    rate: int,
    container: str | None,
    codec: str,
    copyable: bool,
) -> None:
    channels = 2 if encoder == "vorbis" else 1
    path = make_sound(
        tmp_path / name,
        encoder,
        babble(2.345, rate),
        rate,
        channels=channels,
        container_format=container,
    )
    info = probe_audio(path)
    assert (info.codec, info.rate, info.channels) == (codec, rate, channels)
    assert info.copyable is copyable
    # Raw AAC does not mark its padding: a frame before and the rest of the last one.
    assert info.duration_s == pytest.approx(2.345, abs=0.05 if name == "a.aac" else 0.012)


def test_audio_of_a_video_is_described(tmp_path: Path, make_video: Make, babble: Babble) -> None:
    path = make_video(tmp_path / "talk.mp4", frames=50, sound=babble(2))
    info = probe_audio(path)
    assert (info.codec, info.rate, info.channels, info.copyable) == ("aac", 44100, 1, True)
    assert info.duration_s == pytest.approx(2, abs=0.025)
    assert probe_presenter(path).frames == 50


def test_too_short_audio_is_refused(tmp_path: Path, make_sound: Make, babble: Babble) -> None:
    path = make_sound(tmp_path / "click.wav", "pcm_s16le", babble(0.19))
    assert refusal(probe_audio, path) == "audio_too_short"
    assert probe_audio(make_sound(tmp_path / "word.wav", "pcm_s16le", babble(0.21))).codec


@pytest.mark.parametrize(
    ("name", "encoder", "container"),
    [
        ("cut.wav", "pcm_s16le", None),
        ("cut.mp3", "libmp3lame", None),
        ("cut.m4a", "aac", "ipod"),
        ("cut.flac", "flac", None),
    ],
)
def test_truncated_audio_is_refused(
    tmp_path: Path,
    make_sound: Make,
    babble: Babble,
    name: str,
    encoder: str,
    container: str | None,
) -> None:
    path = make_sound(tmp_path / name, encoder, babble(6), container_format=container)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    assert refusal(probe_audio, path) == "file_truncated"


def test_wav_from_a_pipe_without_length_is_accepted(
    tmp_path: Path, make_sound: Make, babble: Babble
) -> None:
    path = make_sound(tmp_path / "piped.wav", "pcm_s16le", babble(3))
    content = bytearray(path.read_bytes())
    content[4:8] = b"\xff\xff\xff\xff"
    data = content.index(b"data")
    content[data + 4 : data + 8] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert probe_audio(path).duration_s == pytest.approx(3, abs=0.01)


def test_tags_in_an_unknown_encoding_are_ignored(tmp_path: Path, make_video: Make) -> None:
    path = make_video(tmp_path / "a.mkv", frames=5)
    with av.open(str(path)) as source, av.open(str(tmp_path / "b.mkv"), "w") as out:
        out.metadata["title"] = "XXXXXXXX"
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    tagged = tmp_path / "b.mkv"
    tagged.write_bytes(tagged.read_bytes().replace(b"XXXXXXXX", b"\xe9\xff\xfe\x80XXXX"))
    assert probe_presenter(tagged).frames == 5
