"""Making previews."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from appliance.attempt.protocol import ProgressCallback, RenderRequest, StopRequested
from appliance.config import Config
from appliance.errors import BadInput
from appliance.jobs.store import store_path
from appliance.jobs.tasks import TaskStore
from appliance.media.probe import probe_presenter
from appliance.tasks.preview import PreviewMaker
from tests.tasks.conftest import SampleFiles


@pytest.fixture
def tasks(config: Config) -> TaskStore:
    return TaskStore(store_path(config.root))


def submit_preview(tasks: TaskStore, files: SampleFiles, **more: Any) -> int:
    params = {"presenter": str(files.face), "lecture": str(files.talk), "at_s": 1.0}
    return tasks.submit("preview", {**params, **more})


class TestPreviewMaker:
    @pytest.mark.slow
    def test_preview_is_rendered_and_its_work_folder_deleted(
        self, tasks: TaskStore, config: Config, files: SampleFiles
    ) -> None:
        folder = config.root / "tasks"
        maker = PreviewMaker(tasks, config, folder, threading.Event())
        assert not maker.has_pending()
        number = submit_preview(tasks, files)
        heartbeats: list[int] = []
        assert maker.has_pending()
        maker.make_next(lambda: heartbeats.append(1))
        task = tasks.get(number)
        assert task.state == "done", task.reason
        video = probe_presenter(Path(task.result["video"]))
        assert video.frames == pytest.approx(3 * video.fps, abs=1)
        assert heartbeats and not maker.has_pending()
        assert "work" not in os.listdir(folder / str(number))

    @pytest.mark.parametrize(
        ("outcome", "code"),
        [
            (BadInput("no_face", name="face.png"), "no_face"),
            (StopRequested(), "task_interrupted"),
            (OSError("gone"), "task_failed"),
        ],
    )
    def test_error_is_stored_as_the_reason(
        self, tasks: TaskStore, config: Config, files: SampleFiles, outcome: Exception, code: str
    ) -> None:
        def fail(request: RenderRequest, on_progress: ProgressCallback) -> dict[str, Any]:
            raise outcome

        maker = PreviewMaker(
            tasks,
            config,
            config.root,
            threading.Event(),
            attempt=fail,
            run_in_child=lambda *a, **k: "x",
        )
        number = submit_preview(tasks, files)
        maker.make_next(lambda: None)
        reason = tasks.get(number).reason
        assert reason is not None and reason.code == code
        maker.make_next(lambda: None)  # none is left

    def test_options_are_applied_without_scoring(
        self, tasks: TaskStore, config: Config, files: SampleFiles
    ) -> None:
        requests: list[RenderRequest] = []

        def record_request(request: RenderRequest, on_progress: ProgressCallback) -> dict[str, Any]:
            requests.append(request)
            assert on_progress(None)  # the daemon is stopping
            return {}

        stop = threading.Event()
        stop.set()
        maker = PreviewMaker(
            tasks,
            config,
            config.root,
            stop,
            attempt=record_request,
            run_in_child=lambda *a, **k: "piece.wav",
        )
        submit_preview(tasks, files, options={"face": {"index": 2}, "score": {"enabled": True}})
        maker.make_next(lambda: None)
        (request,) = requests
        assert request.config.face.index == 2 and not request.config.score.enabled
        assert (request.presenter, request.lecture) == (files.face, Path("piece.wav"))
