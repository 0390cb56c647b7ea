"""What a report says about the sound of a lecture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from appliance.render.render import render
from tests.media.test_audio_tracks import tone, write_stereo, write_tracks
from tests.render.conftest import settings, write_wav
from tests.talking_face import babble, voice


@pytest.mark.parametrize("kind", ["quiet", "opposite", "tracks"])
def test_sound_is_found_and_the_user_is_told(
    photo: Path, tmp_path: Path, tiny_model: Path, kind: str
) -> None:
    spoken = voice(babble(75, seed=4))
    if kind == "quiet":
        lecture = write_wav(tmp_path / "a.wav", spoken * np.float32(0.004))
    elif kind == "opposite":
        lecture = write_stereo(tmp_path / "a.wav", np.stack([spoken, -spoken]))
    else:
        lecture = write_tracks(tmp_path / "a.mkv", [tone(3.0), spoken])
    config = settings(lips={"model": str(tiny_model)})
    report = render(photo, lecture, tmp_path / "out.mp4", config)
    codes = {
        "quiet": ["recording_quiet"],
        "opposite": ["channels_opposite"],
        "tracks": ["audio_track_chosen"],
    }
    assert [warning["code"] for warning in report["warnings"]] == codes[kind]
