"""Detection of a missing end of a long file, to a few seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from appliance.errors import BadInput
from appliance.media.probe import probe_audio

SECONDS, LOST, RATE = 300, 5, 16_000  # less than 2 %


def faststart(path: Path, target: Path) -> Path:
    """Copy a file with its index before its data, as web sites and phones write it."""
    with (
        av.open(str(path)) as source,
        av.open(str(target), "w", container_options={"movflags": "+faststart"}) as out,
    ):
        track = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = track
                out.mux(packet)
    return target


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.wav", "pcm_s16le"), ("a.mp3", "libmp3lame"), ("a.flac", "flac"), ("a.m4a", "aac")],
)
def test_missing_end_of_a_long_recording_is_detected(
    tmp_path: Path, make_sound: Callable[..., Path], name: str, codec: str
) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, SECONDS * RATE).astype(np.float32)
    path = make_sound(tmp_path / name, codec, noise, RATE)
    if codec == "aac":
        path = faststart(path, tmp_path / "fast.m4a")
    assert probe_audio(path).duration_s == pytest.approx(SECONDS, abs=0.2)
    content = path.read_bytes()
    path.write_bytes(content[: round(len(content) * (1 - LOST / SECONDS))])
    with pytest.raises(BadInput) as raised:
        probe_audio(path)
    assert raised.value.code == "file_truncated"
