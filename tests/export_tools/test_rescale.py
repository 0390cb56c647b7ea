"""A rescaled clip keeps its timestamps and its sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from appliance.media.audio import audio_blocks
from appliance.media.probe import probe_audio, probe_presenter
from export_tools.rescale import write_rescaled
from tests import talking_face

pytestmark = pytest.mark.export


def test_rescaled_clip_keeps_frames_and_sound(tmp_path: Path) -> None:
    openings = talking_face.babble(40)
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    pictures = talking_face.talking(openings)
    talking_face.write_video(source, pictures, sound=talking_face.voice(openings))
    write_rescaled(source, 360, target, seconds=1.0)
    made, before = probe_presenter(target), probe_presenter(source)
    assert (made.width, made.height, made.frames) == (360, 360, 25)
    assert made.fps == before.fps and made.start_s == before.start_s
    assert probe_audio(target).start == probe_audio(source).start
    one, other = (np.concatenate(list(audio_blocks(path)))[:14_000] for path in (source, target))
    assert np.array_equal(one, other)
