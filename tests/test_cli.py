"""The command line: exit codes, one line for each error, and no files left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from appliance.cli import main
from tests.render.conftest import write_wav
from tests.talking_face import babble, portrait, talking, voice, write_video

LOSSLESS = "video:\n  preset: ultrafast\nscore:\n  enabled: false\n"


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.fromarray(portrait()).save(path)
    return path


@pytest.fixture(scope="module")
def lecture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("lecture") / "lecture.wav", voice(babble(25)))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", talking(babble(50)))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "quick.yaml"
    path.write_text(LOSSLESS)
    return path


def _missing(folder: Path, clip: Path) -> Path:
    return folder / "missing.mp4"


def _empty(folder: Path, clip: Path) -> Path:
    (folder / "empty.mp4").touch()
    return folder / "empty.mp4"


def _renamed_text(folder: Path, clip: Path) -> Path:
    (folder / "notes.mp4").write_text("These are my notes for Monday.\n" * 100)
    return folder / "notes.mp4"


def _truncated(folder: Path, clip: Path) -> Path:
    content = clip.read_bytes()
    (folder / "half.mp4").write_bytes(content[: len(content) // 2])
    return folder / "half.mp4"


def _faceless_video(folder: Path, clip: Path) -> Path:
    grey = np.full((96, 128, 3), 120, np.uint8)
    return write_video(folder / "wall.mp4", [grey] * 10)


def _faceless_photo(folder: Path, clip: Path) -> Path:
    Image.new("RGB", (200, 150), "grey").save(folder / "wall.jpg")
    return folder / "wall.jpg"


def _tiny_photo(folder: Path, clip: Path) -> Path:
    Image.new("RGB", (20, 20), "grey").save(folder / "tiny.png")
    return folder / "tiny.png"


BAD_PRESENTERS: list[tuple[str, Callable[[Path, Path], Path]]] = [
    ("file_missing", _missing),
    ("file_empty", _empty),
    ("not_media", _renamed_text),
    ("file_truncated", _truncated),
    ("no_face", _faceless_video),
    ("no_face", _faceless_photo),
    ("picture_too_small", _tiny_photo),
]


@pytest.mark.parametrize(("code", "make"), BAD_PRESENTERS, ids=lambda x: getattr(x, "__name__", x))
def test_bad_presenter_is_rejected_in_one_line(
    code: str,
    make: Callable[[Path, Path], Path],
    clip: Path,
    lecture: Path,
    config: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    presenter = make(tmp_path, clip)
    before = sorted(os.listdir(tmp_path))
    out = tmp_path / "out.mp4"
    arguments = ["render", str(presenter), str(lecture), "-o", str(out), "--config", str(config)]
    assert main(arguments) == 2
    (line,) = [x for x in capfd.readouterr().err.splitlines() if x.startswith("lectern: ")]
    assert line.startswith(f"lectern: {code}: ")
    assert presenter.name in line
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize(
    ("code", "samples"),
    [("audio_too_short", 1600), ("file_missing", -1), ("file_empty", 0)],
)
def test_bad_lecture_is_rejected(
    code: str,
    samples: int,
    photo: Path,
    config: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    lecture = tmp_path / "lecture.wav"
    if samples == 0:
        lecture.touch()
    elif samples > 0:
        write_wav(lecture, np.zeros(samples, np.float32))
    out = tmp_path / "out.mp4"
    arguments = ["render", str(photo), str(lecture), "-o", str(out), "--config", str(config)]
    assert main(arguments) == 2
    assert f"lectern: {code}: " in capfd.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("name", ["two words.png", 'it\'s "quoted".png', "王老师.png", "a\nb.png"])
def test_unusual_file_names_are_accepted(
    name: str, photo: Path, lecture: Path, config: Path, tmp_path: Path
) -> None:
    presenter = tmp_path / name
    presenter.write_bytes(photo.read_bytes())
    out = presenter.with_suffix(".mp4")
    arguments = ["render", str(presenter), str(lecture), "-o", str(out), "--config", str(config)]
    assert main(arguments) == 0
    assert out.stat().st_size > 1000


def test_warnings_have_an_exit_status_of_their_own(
    photo: Path, config: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text, out = tmp_path / "lesson.txt", tmp_path / "out.mp4"
    text.write_text("Well done 🎉.")
    arguments = ["render", str(photo), str(text), "-o", str(out), "--config", str(config)]
    assert main(arguments) == 3
    assert out.is_file()
    assert "lectern: 0.0 s: No voice on this device can read “🎉”" in capfd.readouterr().err


def test_newline_in_a_name_is_escaped(
    config: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", str(tmp_path / "a\nb.mp4")]) == 2
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_report_and_score_are_written(
    clip: Path, lecture: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, report = tmp_path / "out.mp4", tmp_path / "report.json"
    assert main(["render", str(clip), str(lecture), "-o", str(out), "--report", str(report)]) == 0
    assert capfd.readouterr().out.strip() == str(out)
    content = json.loads(report.read_text())
    wanted = "version input output plan wall_s realtime_factor stages_s peak_rss_mb provider"
    assert {*wanted.split(), "model", "face", "warnings", "score"} <= set(content)
    assert content["output"]["frames"] == 25
    assert content["score"]


def test_text_lecture_yields_subtitles_and_is_named_in_the_report(
    photo: Path, config: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "lesson.txt"
    text.write_text("Light is fast.")
    paths = [tmp_path / name for name in ("out.mp4", "report.json", "lesson.srt")]
    flags = (
        str(x) for pair in zip(["-o", "--report", "--subtitles"], paths, strict=True) for x in pair
    )
    assert main(["render", str(photo), str(text), *flags, "--config", str(config)]) == 0
    assert paths[2].read_text().splitlines()[0::2] == ["1", "Light is fast."]
    assert json.loads(paths[1].read_text())["input"]["lecture"] == str(text)


@pytest.mark.parametrize("flag", ["--report", "--subtitles"])
def test_unwritable_output_is_reported_before_rendering(
    flag: str, photo: Path, lecture: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.mp4"
    arguments = ["render", str(photo), str(lecture), "-o", str(out)]
    for path, code in ((tmp_path, "output_is_folder"), (out / "x", "output_unwritable")):
        assert main([*arguments, flag, str(path)]) == 2
        assert f"lectern: {code}: " in capfd.readouterr().err
    assert os.listdir(tmp_path) == []


def test_plan_is_printed(clip: Path, lecture: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(clip), str(lecture), "--memory", "900"]) == 0
    printed = capfd.readouterr().out
    assert re.search(r"^frames\s+25$", printed, re.MULTILINE)
    assert re.search(r"^budget_mb\s+900$", printed, re.MULTILINE)


def test_plan_synthesizes_a_text_to_get_its_duration(
    clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "light.txt"
    text.write_text("Light is fast.")
    assert main(["plan", str(clip), str(text)]) == 0
    frames = re.search(r"^frames\s+(\d+)$", capfd.readouterr().out, re.MULTILINE)
    assert frames is not None and 20 < int(frames[1]) < 100


def test_check_config_lists_all_problems(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("video:\n  crf: 99\n  colour: red\n")
    assert main(["check-config", str(path)]) == 2
    assert len(capfd.readouterr().out.splitlines()) == 2


def test_unencodable_characters_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("讲: 1\n", encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "appliance.cli", "check-config", str(path)],
        capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (2, b"")
    assert b"\\u8bb2" in run.stdout


def test_version(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["--version"])
    assert re.fullmatch(r"Lectern \d+\.\d+\.\d+\n", capfd.readouterr().out)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_command_leaves_no_files(
    number: signal.Signals, clip: Path, tmp_path: Path
) -> None:
    lecture = write_wav(tmp_path / "long.wav", voice(babble(1500)))
    out = tmp_path / "out" / "lecture.mp4"
    out.parent.mkdir()
    command = [sys.executable, "-m", "appliance.cli", "render", str(clip), str(lecture)]
    command += ["-o", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("rendering"):
                break
        time.sleep(0.3)
        process.send_signal(number)
        rest = process.stderr.read()
        assert process.wait(30) == 130
    assert "lectern: cancelled: " in rest and "Traceback" not in rest
    assert os.listdir(out.parent) == []
