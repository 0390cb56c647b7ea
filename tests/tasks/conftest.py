"""A photo of a face, one without, and a short recording."""

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
class Material:
    """Files of a teacher."""

    face: Path
    grey: Path
    talk: Path
    text: Path


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("material")
    made = Material(*(folder / n for n in ("face.png", "grey.png", "talk.wav", "talk.txt")))
    Image.fromarray(portrait()).save(made.face)
    Image.new("RGB", (320, 240), (90, 90, 90)).save(made.grey)
    write_wav(made.talk, voice(babble(125)))
    made.text.write_text("Good morning. " * 20, encoding="utf-8")
    return made


@pytest.fixture
def config(tmp_path: Path) -> Config:
    model = write_wav2lip(tmp_path / "tiny.onnx")
    made = settings(lips={"model": str(model)}, jobs={"min_free_disk_mb": 0})
    return made.model_copy(update={"root": tmp_path})
