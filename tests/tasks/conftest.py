"""A photo with a face, a photo without one, a short recording and a text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from appliance.config import Config
from tests.render.conftest import settings, write_wav
from tests.talking_face import babble, portrait, voice
from tests.tiny_wav2lip import write_wav2lip


@dataclass(frozen=True)
class SampleFiles:
    """Files of a job: photos with and without a face, a recording, a text."""

    face: Path
    grey: Path
    talk: Path
    text: Path


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    folder = tmp_path_factory.mktemp("files")
    files = SampleFiles(*(folder / n for n in ("face.png", "grey.png", "talk.wav", "talk.txt")))
    Image.fromarray(portrait()).save(files.face)
    Image.new("RGB", (320, 240), (90, 90, 90)).save(files.grey)
    write_wav(files.talk, voice(babble(125)))
    files.text.write_text("Good morning. " * 20, encoding="utf-8")
    return files


@pytest.fixture
def config(tmp_path: Path) -> Config:
    model = write_wav2lip(tmp_path / "tiny.onnx")
    config = settings(lips={"model": str(model)}, jobs={"min_free_disk_mb": 0})
    return config.model_copy(update={"root": tmp_path})
