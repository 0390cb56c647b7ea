"""A short presenter, a longer lecture, and settings that lose nothing."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from appliance.config import Config
from tests.talking_face import babble, face_with_opening, talking, voice, write_video
from tests.tiny_wav2lip import write_wav2lip

FRAMES = 30  # of the presenter: shorter than the lecture, so that it runs forward and back
LECTURE_FRAMES = 75
SILENT_FROM = 50  # first frame of the lecture without speech


def write_wav(path: Path, sound: npt.NDArray[np.float32], rate: int = 16_000) -> Path:
    """Write ``sound`` as 16-bit mono WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="session")
def presenter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A talking face without sound, in which two frames show no face at all."""
    images = list(talking(babble(FRAMES, seed=3)))
    images[20] = images[21] = np.full_like(images[0], 90)
    return write_video(tmp_path_factory.mktemp("presenter") / "presenter.mp4", images)


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of the same face, smiling."""
    from PIL import Image

    path = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.fromarray(face_with_opening(0.1)).save(path)
    return path


@pytest.fixture(scope="session")
def lecture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds, the last of them silent."""
    openings = babble(LECTURE_FRAMES, seed=4)
    openings[SILENT_FROM:] = 0
    return write_wav(tmp_path_factory.mktemp("lecture") / "lecture.wav", voice(openings))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random network with Wav2Lip's interface."""
    return write_wav2lip(tmp_path_factory.mktemp("model") / "tiny.onnx")


def settings(root: Path | None = None, **sections: dict[str, Any]) -> Config:
    """Return settings for lossless video, by default without badge, score and cache."""
    values: dict[str, dict[str, Any]] = {
        "video": {"crf": 0, "badge": False, "preset": "ultrafast"},
        "score": {"enabled": False},
        "cache": {"max_presenters_mb": 0},
    }
    for name, section in sections.items():
        values[name] = {**values.get(name, {}), **section}
    return Config.model_validate(values if root is None else {"root": root, **values})


def frames_of(path: Path) -> npt.NDArray[np.uint8]:
    """Return all frames of a video as (T, 3/2 · H, W) 4:2:0 bytes."""
    with av.open(str(path)) as container:
        return np.stack([f.to_ndarray(format="yuv420p") for f in container.decode(video=0)])
