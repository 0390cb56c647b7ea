"""Three seconds of the real thing, before everything else."""

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
from tests.tasks.conftest import Material


@pytest.fixture
def errands(config: Config) -> TaskStore:
    return TaskStore(store_path(config.root))


def ask(errands: TaskStore, material: Material, **more: Any) -> int:
    params = {"presenter": str(material.face), "lecture": str(material.talk), "at_s": 1.0}
    return errands.submit("preview", {**params, **more})


class TestPreviewDesk:
    @pytest.mark.slow
    def test_a_preview_is_made_and_nothing_else_stays(
        self, errands: TaskStore, config: Config, material: Material
    ) -> None:
        folder = config.root / "errands"
        desk = PreviewMaker(errands, config, folder, threading.Event())
        assert not desk.has_pending()
        asked = ask(errands, material)
        beats: list[int] = []
        assert desk.has_pending()
        desk.make_next(lambda: beats.append(1))
        answer = errands.get(asked)
        assert answer.state == "done", answer.reason
        video = probe_presenter(Path(answer.result["video"]))
        assert video.frames == pytest.approx(3 * video.fps, abs=1)
        assert beats and not desk.has_pending()
        assert "work" not in os.listdir(folder / str(asked))

    @pytest.mark.parametrize(
        ("outcome", "code"),
        [
            (BadInput("no_face", name="face.png"), "no_face"),
            (StopRequested(), "task_interrupted"),
            (OSError("gone"), "task_failed"),
        ],
    )
    def test_what_goes_wrong_is_the_answer(
        self, errands: TaskStore, config: Config, material: Material, outcome: Exception, code: str
    ) -> None:
        def fail(order: RenderRequest, watch: ProgressCallback) -> dict[str, Any]:
            raise outcome

        desk = PreviewMaker(
            errands,
            config,
            config.root,
            threading.Event(),
            attempt=fail,
            run_in_child=lambda *a, **k: "x",
        )
        asked = ask(errands, material)
        desk.make_next(lambda: None)
        reason = errands.get(asked).reason
        assert reason is not None and reason.code == code
        desk.make_next(lambda: None)  # none is left

    def test_its_options_are_heard_and_its_score_is_not_asked_for(
        self, errands: TaskStore, config: Config, material: Material
    ) -> None:
        orders: list[RenderRequest] = []

        def note(order: RenderRequest, watch: ProgressCallback) -> dict[str, Any]:
            orders.append(order)
            assert watch(None)  # the daemon is to end
            return {}

        stop = threading.Event()
        stop.set()
        desk = PreviewMaker(
            errands,
            config,
            config.root,
            stop,
            attempt=note,
            run_in_child=lambda *a, **k: "piece.wav",
        )
        ask(errands, material, options={"face": {"index": 2}, "score": {"enabled": True}})
        desk.make_next(lambda: None)
        (order,) = orders
        assert order.config.face.index == 2 and not order.config.score.enabled
        assert (order.presenter, order.lecture) == (material.face, Path("piece.wav"))
