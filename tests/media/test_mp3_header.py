"""MP3 files that were cut off, joined, or say nothing about their length."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.errors import BadInput
from appliance.media.mp3_header import missing_mp3_share
from appliance.media.probe import probe_audio

_COVER = b"ID3\x03\x00\x00\x00\x00\x08\x00" + bytes(1024)  # a tag of 1024 bytes, sizes in 7 bits


@pytest.fixture
def mp3(tmp_path: Path, make_sound: Callable[..., Path], babble: Callable[..., object]) -> Path:
    return make_sound(tmp_path / "a.mp3", "libmp3lame", babble(8.0))


def test_whole_and_cut_files(mp3: Path) -> None:
    content = mp3.read_bytes()
    assert missing_mp3_share(mp3) == 0
    mp3.write_bytes(_COVER + content)
    assert missing_mp3_share(mp3) == 0
    mp3.write_bytes(content[: len(content) // 2])
    assert missing_mp3_share(mp3) == pytest.approx(0.5, abs=0.05)
    with pytest.raises(BadInput) as caught:
        probe_audio(mp3)
    assert caught.value.code == "file_truncated"


def test_joined_files_with_a_cover_play_to_their_end(mp3: Path, tmp_path: Path) -> None:
    content = mp3.read_bytes()
    large = _COVER[:6] + b"\x00\x06\x00\x00" + bytes(6 << 14)  # a picture of 98 kB
    joined = tmp_path / "joined.mp3"
    joined.write_bytes(content + large + content)
    assert probe_audio(joined).duration_s == pytest.approx(16, abs=0.3)


def test_bytes_that_are_no_mp3(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    noise: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 255, 5000).astype(np.uint8)
    path.write_bytes(noise.tobytes())
    assert missing_mp3_share(path) == 0
