"""Subtitles in the finished file and as SRT file."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.media.mux import mux
from appliance.media.picture import Picture, VideoFormat
from appliance.media.probe import probe_audio
from appliance.media.subtitles import Cue, Subtitles, read_subtitles, write_srt
from appliance.media.x264 import X264Writer

CUES = (
    Cue(0.0, 1.25, "Light is fast."),
    Cue(1.25, 2.0, "它从太阳到地球\n需要八分钟。"),
    Cue(2.5, 3.999, "An emoji: 🎓 <b>& more</b>"),
)


@pytest.fixture
def video(
    tmp_path: Path,
    make_sound: Callable[..., Path],
    babble: Callable[..., NDArray[np.float32]],
    draw: Callable[..., Picture],
) -> Path:
    sound = probe_audio(make_sound(tmp_path / "a.mp3", "libmp3lame", babble(4.0)))
    segment = tmp_path / "0.mp4"
    with X264Writer(segment, VideoFormat(128, 96, Fraction(25))) as writer:
        for n in range(100):
            writer.write(draw(n, 128, 96))
    mux(
        [segment], sound, tmp_path / "out.mp4", fps=Fraction(25), frames=100, metadata={},
        subtitles=Subtitles(CUES, "zh"),
    )  # fmt: skip
    return tmp_path / "out.mp4"


def test_track_contains_every_cue_at_its_time(video: Path) -> None:
    back = read_subtitles(video)
    assert [cue.text for cue in back] == [cue.text for cue in CUES]
    for cue, wanted in zip(back, CUES, strict=True):
        assert (cue.start, cue.end) == pytest.approx((wanted.start, wanted.end), abs=0.001)


def test_track_has_its_language_and_does_not_extend_the_video(video: Path) -> None:
    with av.open(str(video)) as container:
        assert [s.type for s in container.streams] == ["video", "audio", "subtitle"]
        track = container.streams.subtitles[0]
        assert track.codec_context.name == "mov_text" and track.language == "zho"
        texts = [
            getattr(entry, "dialogue", b"").decode()
            for packet in container.demux(track)
            if packet.size
            for entry in track.decode(packet)  # as a player does
        ]
        assert container.duration is not None and container.duration / av.time_base < 4.08
    spoken = [text for text in texts if text]
    assert spoken[0] == "Light is fast."
    assert "🎓" in spoken[2]


def test_video_without_a_track_has_no_cues(tmp_path: Path, video: Path) -> None:
    assert read_subtitles(tmp_path / "0.mp4") == ()


def test_srt_file_is_written(tmp_path: Path) -> None:
    write_srt(tmp_path / "a.srt", [CUES[1], Cue(3599.9996, 3661.5, "late")])
    assert (tmp_path / "a.srt").read_text(encoding="utf-8") == (
        "1\n00:00:01,250 --> 00:00:02,000\n它从太阳到地球\n需要八分钟。\n\n"
        "2\n01:00:00,000 --> 01:01:01,500\nlate\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["a.srt"]
