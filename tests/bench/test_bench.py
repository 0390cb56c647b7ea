"""The benchmark, with real processes and small clips."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from appliance.bench.compare import Comparison, compare
from appliance.bench.inputs import find_inputs
from appliance.bench.synthetic_clip import (
    RATE,
    camera_frames,
    synthetic_speech,
    write_lecture,
    write_presenter,
)
from appliance.bench.timing import Spread, Timing, time_process
from appliance.bench.transcode import transcode
from appliance.cli import main
from appliance.errors import BadInput, Fault
from appliance.media.probe import probe_audio, probe_presenter
from tests.render.conftest import settings
from tests.talking_face import Image, portrait

FPS, SECONDS = 10, 1.2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def clip(folder: Path) -> Path:
    pictures = camera_frames(lambda n: portrait(), 320, 240, FPS, SECONDS)
    return write_presenter(folder / "presenter.mp4", pictures, FPS)


@pytest.fixture(scope="module")
def lecture(folder: Path) -> Path:
    return write_lecture(folder / "lecture.m4a", synthetic_speech(2.0))


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray() for frame in container.decode(video=0)]


def test_presenter_clip_moves_and_has_noise(clip: Path) -> None:
    info = probe_presenter(clip)
    # A video of 10 frames a second is shown at 30.
    assert (info.width, info.height, info.frames, float(info.fps)) == (320, 240, 36, 30)
    first, second = (image[:240].astype(float) for image in frames(clip)[4:6])
    assert 0.5 < np.abs(first - second).mean() < 20


def test_transcode_keeps_the_pictures_and_the_sound(
    clip: Path, lecture: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    transcode(clip, lecture, out, 20, threads=1, preset="veryfast", crf=12)
    before, after = frames(clip), frames(out)
    assert len(after) == 20  # starts again after the end
    for n in (0, 5, 14):
        assert np.abs(after[n].astype(int) - before[n % 12]).mean() < 2
    assert probe_audio(out).duration_s == pytest.approx(probe_audio(lecture).duration_s, abs=0.07)


def test_process_is_timed() -> None:
    timing = time_process(["-c", "import time; time.sleep(0.3); sum(range(10 ** 6))"])
    assert timing.wall_s > 0.3
    assert timing.wall_s > timing.cpu_s > 0
    with pytest.raises(Fault, match="no such luck"):
        time_process(["-c", "raise SystemExit('no such luck')"])


def test_spread_is_median_minimum_and_maximum() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)
    assert str(Spread.of([1.0])) == "1.00 (1.00–1.00)"


def test_ratios_are_computed_within_a_round() -> None:
    slow, fast = Timing(4, 8), Timing(2, 4)
    both = Comparison(transcodes=[Timing(2, 4), Timing(1, 2)], uncached=[slow, fast])
    assert both.uncached_ratio == Spread(2.0, 2.0, 2.0)


@pytest.mark.slow
def test_comparison_of_real_renders(clip: Path, lecture: Path) -> None:
    messages: list[str] = []
    result = compare(clip, lecture, settings(), 1, on_progress=messages.append)
    facts = json.loads(json.dumps(result.as_dict()))
    assert messages == ["round 1 of 1"]
    assert facts["video"] == {"width": 320, "height": 240, "fps": 30}
    assert facts["frames"] == 60
    assert facts["uncached"]["median"] > 1 and facts["cached"]["median"] > 1
    assert {"decode", "face", "lips", "composite", "encode"} <= set(facts["ms_per_frame"])
    assert 0 < facts["first_frame_s"]["median"] < 60
    assert 100 < facts["peak_mb"] < 2000


def test_presenter_comes_from_the_library(clip: Path, tmp_path: Path) -> None:
    library = tmp_path / "presenters"
    with pytest.raises(BadInput, match="bench_presenter_missing"):
        find_inputs(tmp_path, library, 1, lambda: None)
    library.mkdir()
    (library / "notes.txt").write_text("no presenter")
    (library / "wang.mp4").write_bytes(clip.read_bytes())

    def fail_if_called() -> Image | None:
        raise AssertionError("the library has one")

    presenter, lecture = find_inputs(tmp_path, library, 1, fail_if_called)
    assert presenter == library / "wang.mp4"
    assert probe_audio(lecture).duration_s == pytest.approx(1, abs=0.1)


def test_photo_of_the_library_is_upright(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    photo = np.zeros((96, 128, 3), np.uint8)
    photo[:, :64] = 255
    exif = Pillow.Exif()
    exif[0x0112] = 6  # rotated: the left side of the camera is at the top
    Pillow.fromarray(photo).save(library / "phone.jpg", exif=exif)
    presenter, _ = find_inputs(tmp_path, library, 0.1, lambda: None)
    with av.open(str(presenter)) as container:
        luma = next(container.decode(video=0)).to_ndarray(format="gray")
    height, width = luma.shape
    middle = luma[:, width // 2 - 8 : width // 2 + 8].mean(axis=1)
    assert middle[height // 8] > 200 > 60 > middle[-height // 8]


def test_command_reports_missing_files(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", str(clip)]) == 2
    assert "bench_lecture_missing" in capsys.readouterr().err
    assert main(["bench", str(tmp_path / "none.mp4"), str(clip)]) == 2
    assert "file_missing" in capsys.readouterr().err


def test_synthetic_speech_has_syllables_and_pauses() -> None:
    sound = synthetic_speech(3.0)
    assert len(sound) == 3 * RATE
    level = np.abs(sound).reshape(-1, RATE // 50).max(axis=1)
    assert level.max() <= 1
    assert 0.3 < (level > 0.05).mean() < 0.7
