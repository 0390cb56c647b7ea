"""Resuming a render after any interruption: no work is repeated and the result is the same."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from appliance.config import Config
from appliance.errors import Fault
from appliance.render import checkpoint
from appliance.render.progress import Progress
from appliance.render.render import render_in
from appliance.render.report import RenderReport
from appliance.render.workspace import Workspace
from tests.render.conftest import LECTURE_FRAMES, frames_of, settings, write_wav

CHUNKS = 3


class Stop(Exception):
    """Raised to end an attempt."""


@pytest.fixture(scope="module")
def config(tiny_model: Path) -> Config:
    return settings(lips={"model": str(tiny_model)}, render={"chunk_s": 1.0})


@pytest.fixture(scope="module")
def undisturbed(
    presenter: Path, lecture: Path, config: Config, tmp_path_factory: pytest.TempPathFactory
) -> tuple[npt.NDArray[np.uint8], RenderReport]:
    """Frames and report of a render without an interruption."""
    folder = tmp_path_factory.mktemp("undisturbed")
    report = render_in(folder, presenter, lecture, folder / "out.mp4", config)
    assert report["plan"]["chunks"] == CHUNKS and report["reused_chunks"] == 0
    return frames_of(folder / "out.mp4"), report


def same(report: RenderReport, other: RenderReport) -> bool:
    """Return whether two reports say the same about the frames."""
    return all(
        report.get(key) == other.get(key) for key in ("face", "warnings", "model", "provider")
    )


def test_render_resumes_after_the_last_finished_chunk(
    presenter: Path,
    lecture: Path,
    config: Config,
    undisturbed: tuple[npt.NDArray[np.uint8], RenderReport],
    tmp_path: Path,
) -> None:
    out = tmp_path / "out.mp4"
    for limit in (1, 2):

        def stop(limit: int = limit) -> None:
            if len(list(tmp_path.glob("*/results/*.json"))) == limit:
                raise Stop

        with pytest.raises(Stop):
            render_in(tmp_path, presenter, lecture, out, config, after_chunk=stop)
        assert not out.exists()
    steps: list[Progress] = []
    finished: list[None] = []
    report = render_in(
        tmp_path,
        presenter,
        lecture,
        out,
        config,
        on_progress=steps.append,
        after_chunk=lambda: finished.append(None),
    )
    assert report["reused_chunks"] == 2 and len(finished) == 1
    np.testing.assert_array_equal(frames_of(out), undisturbed[0])
    assert same(report, undisturbed[1])
    # Nothing is analysed again, and the count starts with the finished chunks.
    assert list(dict.fromkeys(step.stage for step in steps)) == ["check", "render", "mux"]
    assert [s.done for s in steps if s.stage == "render"][:3] == [0, 25, 50]
    assert steps[-2].done == 0 and steps[-3].done == LECTURE_FRAMES


def test_missing_and_truncated_files_are_rendered_again(
    presenter: Path,
    lecture: Path,
    config: Config,
    undisturbed: tuple[npt.NDArray[np.uint8], RenderReport],
    tmp_path: Path,
) -> None:
    out = tmp_path / "out.mp4"
    render_in(tmp_path, presenter, lecture, out, config)
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    (folder / "segments" / "000000.mp4").unlink()
    (folder / "results" / "000002.json").write_bytes(b'{"start": 5')
    report = render_in(tmp_path, presenter, lecture, out, config)
    assert report["reused_chunks"] == 1
    np.testing.assert_array_equal(frames_of(out), undisturbed[0])
    assert same(report, undisturbed[1])
    (folder / "workspace.pickle").write_bytes((folder / "workspace.pickle").read_bytes()[:100])
    report = render_in(tmp_path, presenter, lecture, out, config)
    assert report["reused_chunks"] == 0
    np.testing.assert_array_equal(frames_of(out), undisturbed[0])


def test_damaged_segment_fails_once_and_is_rendered_again(
    photo: Path, lecture: Path, config: Config, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    render_in(tmp_path, photo, lecture, out, config)
    whole = frames_of(out)
    (segment,) = tmp_path.glob("*/segments/000001.mp4")
    segment.write_bytes(segment.read_bytes()[:1000])
    with pytest.raises(Fault) as fault:
        render_in(tmp_path, photo, lecture, out, config)
    assert fault.value.code == "segment_damaged"
    render_in(tmp_path, photo, lecture, out, config)
    np.testing.assert_array_equal(frames_of(out), whole)


def test_changed_lecture_with_the_same_name_starts_from_scratch(
    photo: Path, lecture: Path, config: Config, tmp_path: Path
) -> None:
    speech = tmp_path / "lecture.wav"
    speech.write_bytes(lecture.read_bytes())
    work, out = tmp_path / "work", tmp_path / "out.mp4"
    work.mkdir()
    render_in(work, photo, speech, out, config)
    write_wav(speech, np.zeros(16_000 * 2, np.float32))
    report = render_in(work, photo, speech, out, config)
    assert report["reused_chunks"] == 0 and report["output"]["frames"] == 50
    frames = frames_of(out)
    assert (frames == frames[0]).all()
    assert len(list(work.iterdir())) == 1  # the old lecture's folder was removed
    changed = config.model_copy(update={"video": config.video.model_copy(update={"badge": True})})
    assert render_in(work, photo, speech, out, changed)["reused_chunks"] == 0
    assert (frames_of(out) != frames).any()


RENDER = """
import json, os, signal, sys
from pathlib import Path
from appliance.config import Config
from appliance.render.render import render_in
from appliance.render.report import RenderReport
from appliance.render.workspace import Workspace
folder, presenter, lecture = map(Path, sys.argv[1:4])
at = int(sys.argv[5])
def on_progress(step):
    if step.stage == "render" and step.done >= at:
        os.kill(os.getpid(), signal.SIGKILL)
config = Config.model_validate_json(sys.argv[4])
render_in(folder, presenter, lecture, folder / "out.mp4", config, on_progress=on_progress)
"""


@pytest.mark.slow
def test_result_is_the_same_after_kills_within_chunks(
    presenter: Path,
    lecture: Path,
    config: Config,
    undisturbed: tuple[npt.NDArray[np.uint8], RenderReport],
    tmp_path: Path,
    project: Path,
) -> None:
    for at, finished in ((10, 0), (30, 1), (60, 2)):
        command = [sys.executable, "-c", RENDER, str(tmp_path), str(presenter), str(lecture)]
        command += [config.model_dump_json(), str(at)]
        run = subprocess.run(command, check=False, cwd=project)
        assert run.returncode == -signal.SIGKILL
        assert len(list(tmp_path.glob("*/results/*.json"))) == finished
    report = render_in(tmp_path, presenter, lecture, tmp_path / "out.mp4", config)
    assert report["reused_chunks"] == 2
    np.testing.assert_array_equal(frames_of(tmp_path / "out.mp4"), undisturbed[0])
    assert same(json.loads(json.dumps(report)), json.loads(json.dumps(undisturbed[1])))
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert sorted(os.listdir(folder / "segments")) == [f"{i:06d}.mp4" for i in range(CHUNKS)]


def test_finished_chunks_are_kept_when_memory_settings_change(
    presenter: Path,
    lecture: Path,
    config: Config,
    undisturbed: tuple[npt.NDArray[np.uint8], RenderReport],
    tmp_path: Path,
) -> None:
    def stop() -> None:
        raise Stop

    with pytest.raises(Stop):
        render_in(tmp_path, presenter, lecture, tmp_path / "out.mp4", config, after_chunk=stop)
    small = config.render.model_copy(update={"batch_size": 1, "queue_frames": 1})
    slow = config.lips.model_copy(update={"providers": ["cpu"]})
    less = config.model_copy(update={"render": small, "lips": slow})
    report = render_in(tmp_path, presenter, lecture, tmp_path / "out.mp4", less)
    assert report["reused_chunks"] == 1 and report["plan"]["batch"] == 1
    np.testing.assert_array_equal(frames_of(tmp_path / "out.mp4"), undisturbed[0])


def test_settings_that_do_not_change_the_key_exist() -> None:
    for section, names in checkpoint._MEMORY_SETTINGS.items():
        assert names <= vars(getattr(Config(), section)).keys()


def test_workspace_of_another_layout_is_refused_and_rendered_again(
    photo: Path, lecture: Path, config: Config, tmp_path: Path
) -> None:
    render_in(tmp_path, photo, lecture, tmp_path / "out.mp4", config)
    (path,) = tmp_path.glob("*/workspace.pickle")
    workspace = Workspace.load(path.parent)
    object.__setattr__(workspace, "voice", "of an older version")
    path.write_bytes(pickle.dumps(workspace))
    with pytest.raises(ValueError, match="the layout of another version of Lectern"):
        Workspace.load(path.parent)
    report = render_in(tmp_path, photo, lecture, tmp_path / "out.mp4", config)
    assert report["reused_chunks"] == 0
