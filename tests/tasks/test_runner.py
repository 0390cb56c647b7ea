"""Errands are answered beside the work, and a broken one breaks nothing else."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from appliance.config import Config
from appliance.errors import BadInput, Fault
from appliance.jobs.models import NewJob
from appliance.jobs.store import store_path
from appliance.jobs.tasks import RETENTION_S, TaskStore
from appliance.jobs.worker_store import WorkerStore
from appliance.tasks.estimates import estimate_s, seconds_per_pixel
from appliance.tasks.helper_client import call_helper
from appliance.tasks.runner import TaskRunner, task_handlers
from tests.tasks.conftest import Material


@pytest.fixture
def errands(config: Config) -> TaskStore:
    return TaskStore(store_path(config.root))


def real_desk(
    errands: TaskStore, config: Config, free_mb: float = 1e6
) -> tuple[TaskRunner, list[str]]:
    """With the daemon's own carriers, and what it was told to do."""
    told: list[str] = []
    kinds = task_handlers(
        config,
        lambda: WorkerStore(store_path(config.root)),
        lambda: free_mb,
        lambda: told.append("restart"),
    )
    return TaskRunner(errands, config.root / "errands", kinds, threading.Event()), told


class TestDesk:
    def test_a_preflight_tells_of_the_box_too(
        self, errands: TaskStore, config: Config, material: Material
    ) -> None:
        desk, _ = real_desk(errands, config, free_mb=0.001)
        params = {"presenter": str(material.face), "lecture": str(material.talk), "options": {}}
        asked = errands.submit("preflight", params, "li")
        assert desk.run_next() and not desk.run_next()
        answer = errands.get(asked)
        assert answer.state == "done" and answer.result["face_found"] is True
        assert answer.result["estimated_s"] is None  # this box has made nothing yet
        assert [w["code"] for w in answer.result["warnings"]] == ["job_needs_disk_space"]
        assert Path(answer.result["thumbnail"]).is_file()

    def test_bad_material_is_a_reason_and_not_the_end(
        self, errands: TaskStore, config: Config, material: Material
    ) -> None:
        desk, told = real_desk(errands, config)
        gone = errands.submit("preflight", {"presenter": "/nowhere.mp4", "lecture": None})
        odd = errands.submit("preflight", {})
        again = errands.submit("restart_worker", {})
        while desk.run_next():
            pass
        reasons = [errands.get(number).reason for number in (gone, odd)]
        assert [r and r.code for r in reasons] == ["file_missing", "task_failed"]
        assert errands.get(again).state == "done" and told == ["restart"]

    def test_options_that_cannot_be_are_refused(
        self, errands: TaskStore, config: Config, material: Material
    ) -> None:
        desk, _ = real_desk(errands, config)
        params = {"presenter": str(material.face), "options": {"video": {"crf": "high"}}}
        asked = errands.submit("preflight", params)
        assert desk.run_next()
        reason = errands.get(asked).reason
        assert reason is not None and reason.code == "job_options_invalid"

    def test_old_answers_go_with_their_files(self, config: Config) -> None:
        now = [1_000_000.0]
        errands = TaskStore(store_path(config.root), now=lambda: now[0])
        stop = threading.Event()

        def draw(params: Mapping[str, Any], folder: Path) -> dict[str, Any]:
            folder.mkdir(parents=True)
            (folder / "thumbnail.jpg").touch()
            stop.set()
            return {}

        folder = config.root / "errands"
        first = errands.submit("draw", {})
        TaskRunner(errands, folder, {"draw": draw}, stop).run(0)
        assert (folder / str(first) / "thumbnail.jpg").is_file()
        stop.clear()
        now[0] += RETENTION_S + 1
        errands.submit("draw", {})
        TaskRunner(errands, folder, {"draw": draw}, stop).run(0)
        assert not (folder / str(first)).exists()

    @pytest.mark.slow
    def test_the_doctor_is_called(self, errands: TaskStore, config: Config) -> None:
        desk, _ = real_desk(errands, config)
        asked = errands.submit("doctor", {})
        assert desk.run_next()
        answer = errands.get(asked)
        assert answer.state == "done" and answer.result["lines"]


class TestHelper:
    def answering(self, path: Path, answer: bytes, heard: list[bytes]) -> threading.Thread:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            with listener, listener.accept()[0] as line:
                while block := line.recv(4096):
                    heard.append(block)
                line.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        return thread

    @pytest.mark.parametrize(
        ("ended", "limit_s", "code"),
        [(True, 60.0, "task_interrupted"), (False, 0.0, "helper_failed")],
    )
    def test_it_is_not_waited_for_for_ever(
        self, tmp_path: Path, ended: bool, limit_s: float, code: str
    ) -> None:
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(str(tmp_path / "h"))
            silent.listen()
            with pytest.raises(Fault) as fault:
                call_helper(
                    "usb_list",
                    {},
                    path=tmp_path / "h",
                    timeout_s=limit_s,
                    is_cancelled=lambda: ended,
                )
        assert fault.value.code == code

    def test_it_is_asked_and_answers(self, tmp_path: Path) -> None:
        heard: list[bytes] = []
        thread = self.answering(tmp_path / "h", b'{"result": {"drives": []}}', heard)
        assert call_helper("usb_list", {"deep": True}, path=tmp_path / "h") == {"drives": []}
        thread.join()
        assert json.loads(b"".join(heard)) == {"action": "usb_list", "deep": True}

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            (b"", "helper_failed"),
            (b"[]", "helper_failed"),
            (b'{"error": "from_the_future"}', "helper_failed"),
            (b'{"error": "file_missing", "details": {"name": "a.mp4"}}', "helper_failed"),
            (
                b'{"error": "file_missing", "type": "BadInput", "details": {"name": "a.mp4"}}',
                "file_missing",
            ),
        ],
    )
    def test_what_went_wrong_is_said(self, tmp_path: Path, answer: bytes, code: str) -> None:
        thread = self.answering(tmp_path / "h", answer, [])
        with pytest.raises((BadInput, Fault)) as error:
            call_helper("usb_list", {}, path=tmp_path / "h")
        thread.join()
        assert error.value.code == code

    def test_where_none_is_installed_that_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(Fault) as error:
            call_helper("usb_list", {}, path=tmp_path / "none")
        assert error.value.code == "helper_missing"


class TestPace:
    def test_it_is_the_middle_of_what_was_made(self, config: Config) -> None:
        store = WorkerStore(store_path(config.root))
        for number, wall_s in enumerate([10.0, 20.0, 90.0]):
            store.add(NewJob("x", Path("p"), Path("l")))
            job = store.claim()
            assert job is not None
            report = config.root / f"{number}.json"
            made = {"frames": 100, "width": 10, "height": 10}
            report.write_text(json.dumps({"wall_s": wall_s, "output": made}))
            store.set_output_paths(job.id, Path("x.mp4"), report)
            store.finish(job.id)
        pace = seconds_per_pixel(store.jobs())
        look = {"lecture_s": 8.0, "fps": 25.0, "width": 10, "height": 10}
        assert estimate_s(look, pace) == 40
        (config.root / "0.json").unlink()
        (config.root / "1.json").write_text("torn {")
        assert estimate_s(look, seconds_per_pixel(store.jobs())) == 180
        assert estimate_s({**look, "lecture_s": None}, pace) is None
