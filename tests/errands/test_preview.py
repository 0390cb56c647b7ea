"""Three seconds of the real thing, before everything else."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from appliance.attempt.order import Order, Stopped, Watch
from appliance.config import Config
from appliance.errands.preview import PreviewDesk
from appliance.errors import BadInput
from appliance.jobs.errands import Errands
from appliance.jobs.store import store_path
from appliance.media.probe import probe_presenter
from tests.errands.conftest import Material


@pytest.fixture
def errands(config: Config) -> Errands:
    return Errands(store_path(config.root))


def ask(errands: Errands, material: Material, **more: Any) -> int:
    params = {"presenter": str(material.face), "lecture": str(material.talk), "at_s": 1.0}
    return errands.ask("preview", {**params, **more})


class TestPreviewDesk:
    @pytest.mark.slow
    def test_a_preview_is_made_and_nothing_else_stays(
        self, errands: Errands, config: Config, material: Material
    ) -> None:
        folder = config.root / "errands"
        desk = PreviewDesk(errands, config, folder, threading.Event())
        assert not desk.waiting()
        asked = ask(errands, material)
        beats: list[int] = []
        assert desk.waiting()
        desk.make_one(lambda: beats.append(1))
        answer = errands.get(asked)
        assert answer.state == "done", answer.reason
        video = probe_presenter(Path(answer.result["video"]))
        assert video.frames == pytest.approx(3 * video.fps, abs=1)
        assert beats and not desk.waiting()
        assert "work" not in os.listdir(folder / str(asked))

    @pytest.mark.parametrize(
        ("outcome", "code"),
        [
            (BadInput("no_face", name="face.png"), "no_face"),
            (Stopped(), "errand_interrupted"),
            (OSError("gone"), "errand_failed"),
        ],
    )
    def test_what_goes_wrong_is_the_answer(
        self, errands: Errands, config: Config, material: Material, outcome: Exception, code: str
    ) -> None:
        def fail(order: Order, watch: Watch) -> dict[str, Any]:
            raise outcome

        desk = PreviewDesk(
            errands, config, config.root, threading.Event(), attempt=fail, look=lambda *a, **k: "x"
        )
        asked = ask(errands, material)
        desk.make_one(lambda: None)
        reason = errands.get(asked).reason
        assert reason is not None and reason.code == code
        desk.make_one(lambda: None)  # none is left

    def test_its_options_are_heard_and_its_score_is_not_asked_for(
        self, errands: Errands, config: Config, material: Material
    ) -> None:
        orders: list[Order] = []

        def note(order: Order, watch: Watch) -> dict[str, Any]:
            orders.append(order)
            assert watch(None)  # the daemon is to end
            return {}

        stop = threading.Event()
        stop.set()
        desk = PreviewDesk(
            errands, config, config.root, stop, attempt=note, look=lambda *a, **k: "piece.wav"
        )
        ask(errands, material, options={"face": {"index": 2}, "score": {"enabled": True}})
        desk.make_one(lambda: None)
        (order,) = orders
        assert order.config.face.index == 2 and not order.config.score.enabled
        assert (order.presenter, order.lecture) == (material.face, Path("piece.wav"))
