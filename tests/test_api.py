"""The public Python API ``lectern``, used as a program outside the project would use it."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import lectern
from appliance.demo import portrait

HEAVY = ("av", "cv2", "numpy", "onnxruntime", "ai_edge_litert", "pydantic", "torch")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A photo and a recording of 1.2 s."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("api")
    photo, lecture = folder / "presenter.png", folder / "lecture.wav"
    Image.fromarray(portrait()).save(photo)
    times = np.arange(int(1.2 * 16_000)) / 16_000
    tone = 8000 * np.sin(2 * np.pi * 150 * times) * (np.sin(2 * np.pi * 4 * times) > 0)
    with wave.open(str(lecture), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(tone.astype("<i2").tobytes())
    return photo, lecture


def run_python(code: str, *arguments: str, folder: Path) -> str:
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_importing_it_loads_no_codec_and_no_inference_library(tmp_path: Path) -> None:
    code = f"import sys, lectern; print(*set({HEAVY!r}) & set(sys.modules))"
    assert run_python(code, folder=tmp_path).strip() == ""


def test_every_public_name_exists_and_no_other_is_offered() -> None:
    for name in lectern.__all__:
        assert getattr(lectern, name) is not None
    assert set(dir(lectern)) == set(lectern.__all__)
    with pytest.raises(AttributeError, match="no attribute 'unknown'"):
        lectern.unknown  # noqa: B018


def test_the_version_is_that_of_the_installed_package() -> None:
    assert lectern.__version__ == version("lectern")


def test_it_is_marked_as_typed(project: Path) -> None:
    assert (project / "lectern" / "py.typed").is_file()


def test_a_script_renders_and_measures_a_video(tmp_path: Path, files: tuple[Path, Path]) -> None:
    code = """
import json, sys
from lectern import load_config, render, score_video, __version__

photo, lecture = sys.argv[1:]
stages = []
report = render(photo, lecture, "out.mp4", load_config(),
                on_progress=lambda progress: stages.append(progress.stage))
score = score_video("out.mp4", source=photo, brief=True)
print(json.dumps({"report": report, "stages": stages, "grade": score.verdict.grade}))
"""
    out = json.loads(run_python(code, *map(str, files), folder=tmp_path))
    assert out["report"]["output"]["frames"] == 30
    assert abs(out["report"]["output"]["duration_s"] - 1.2) < 0.05
    assert out["report"]["version"] == lectern.__version__
    assert "render" in out["stages"]
    assert out["grade"] in {"good", "check", "poor", "not_measured"}
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_bad_input_is_an_exception_with_a_code_and_a_sentence_in_both_languages(
    tmp_path: Path, files: tuple[Path, Path]
) -> None:
    with pytest.raises(lectern.BadInput) as caught:
        lectern.render(tmp_path / "missing.mp4", files[1], tmp_path / "out.mp4")
    assert caught.value.code == "file_missing"
    assert "missing.mp4" in caught.value.text("en")
    assert "missing.mp4" in caught.value.text("zh")
    assert isinstance(caught.value, lectern.LecternError)
    assert list(tmp_path.iterdir()) == []


def test_an_exception_of_the_progress_callback_stops_the_rendering(
    tmp_path: Path, files: tuple[Path, Path]
) -> None:
    def stop(progress: lectern.Progress) -> None:
        if progress.stage == "render":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lectern.render(*files, tmp_path / "out.mp4", on_progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_uses_it_passes_a_strict_type_check(project: Path, tmp_path: Path) -> None:
    script = tmp_path / "user.py"
    script.write_text(
        "from pathlib import Path\n"
        "from lectern import Config, Progress, Score, load_config, render, score_video\n\n"
        "def show(progress: Progress) -> None:\n"
        "    print(progress.stage, progress.done / max(progress.total, 1))\n\n"
        "config: Config = load_config()\n"
        "report = render('a.mp4', Path('b.wav'), 'c.mp4', config, on_progress=show)\n"
        "frames: int = report['output']['frames']\n"
        "score: Score = score_video('c.mp4')\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", str(script)],
        capture_output=True, text=True, check=False, cwd=project,
        env={"MYPYPATH": str(project), "PATH": "/usr/bin"},
    )  # fmt: skip
    errors = [line for line in run.stdout.splitlines() if line.startswith(str(script))]
    assert not errors, run.stdout
