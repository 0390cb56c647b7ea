"""The task runner, the client of the USB helper, and estimates."""

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
from appliance.jobs.task_params import TASK_PARAMS, DriveParams
from appliance.jobs.tasks import RETENTION_S, TaskStore
from appliance.jobs.worker_store import WorkerStore
from appliance.tasks.estimates import estimate_s, seconds_per_pixel
from appliance.tasks.helper_client import call_helper
from appliance.tasks.runner import TaskRunner, task_handlers
from tests.tasks.conftest import SampleFiles


@pytest.fixture
def tasks(config: Config) -> TaskStore:
    return TaskStore(store_path(config.root))


def make_runner(
    tasks: TaskStore, config: Config, free_mb: float = 1e6
) -> tuple[TaskRunner, list[str]]:
    """Return a runner with the daemon's handlers, and the list of requested restarts."""
    restarts: list[str] = []
    kinds = task_handlers(
        config,
        lambda: WorkerStore(store_path(config.root)),
        lambda: free_mb,
        lambda: restarts.append("restart"),
    )
    return TaskRunner(tasks, config.root / "tasks", kinds, threading.Event()), restarts


class TestTaskRunner:
    def test_preflight_includes_facts_about_the_device(
        self, tasks: TaskStore, config: Config, files: SampleFiles
    ) -> None:
        runner, _ = make_runner(tasks, config, free_mb=0.001)
        params = {"presenter": str(files.face), "lecture": str(files.talk), "options": {}}
        number = tasks.submit("preflight", params, "li")
        assert runner.run_next() and not runner.run_next()
        task = tasks.get(number)
        assert task.state == "done" and task.result["face_found"] is True
        assert task.result["estimated_s"] is None  # no job is finished yet
        assert [w["code"] for w in task.result["warnings"]] == ["job_needs_disk_space"]
        assert Path(task.result["thumbnail"]).is_file()

    def test_failed_task_does_not_stop_the_runner(
        self, tasks: TaskStore, config: Config, files: SampleFiles
    ) -> None:
        runner, restarts = make_runner(tasks, config)
        missing = tasks.submit("preflight", {"presenter": "/nowhere.mp4", "lecture": None})
        odd = tasks.submit("preflight", {})
        again = tasks.submit("restart_worker", {})
        while runner.run_next():
            pass
        reasons = [tasks.get(number).reason for number in (missing, odd)]
        assert [r and r.code for r in reasons] == ["file_missing", "task_params_invalid"]
        assert tasks.get(again).state == "done" and restarts == ["restart"]

    def test_invalid_options_are_rejected(
        self, tasks: TaskStore, config: Config, files: SampleFiles
    ) -> None:
        runner, _ = make_runner(tasks, config)
        params = {"presenter": str(files.face), "options": {"video": {"crf": "high"}}}
        number = tasks.submit("preflight", params)
        assert runner.run_next()
        reason = tasks.get(number).reason
        assert reason is not None and reason.code == "job_options_invalid"

    @pytest.mark.parametrize("kind", TASK_PARAMS)
    @pytest.mark.parametrize("smuggled", ["ask", "action", "kind", "path"])
    def test_smuggled_parameter_never_reaches_a_handler(
        self, tasks: TaskStore, config: Config, kind: str, smuggled: str
    ) -> None:
        executed: list[Mapping[str, Any]] = []

        def execute(params: Mapping[str, Any], folder: Path) -> dict[str, Any]:
            executed.append(params)
            return {}

        params = {"device": "sda1"} if TASK_PARAMS[kind] is DriveParams else {}
        number = tasks.submit(kind, {**params, smuggled: "power_off"})
        TaskRunner(tasks, config.root / "tasks", {kind: execute}, threading.Event()).run_next()
        reason = tasks.get(number).reason
        assert reason is not None and reason.code == "task_params_invalid" and not executed

    def test_expired_tasks_are_deleted_with_their_files(self, config: Config) -> None:
        now = [1_000_000.0]
        tasks = TaskStore(store_path(config.root), now=lambda: now[0], since_boot=lambda: now[0])
        stop = threading.Event()

        def draw(params: Mapping[str, Any], folder: Path) -> dict[str, Any]:
            folder.mkdir(parents=True)
            (folder / "thumbnail.jpg").touch()
            stop.set()
            return {}

        folder = config.root / "tasks"
        first = tasks.submit("doctor", {})
        TaskRunner(tasks, folder, {"doctor": draw}, stop).run(0)
        assert (folder / str(first) / "thumbnail.jpg").is_file()
        stop.clear()
        now[0] += RETENTION_S + 1
        tasks.submit("doctor", {})
        TaskRunner(tasks, folder, {"doctor": draw}, stop).run(0)
        assert not (folder / str(first)).exists()

    @pytest.mark.slow
    def test_doctor_returns_its_findings(self, tasks: TaskStore, config: Config) -> None:
        runner, _ = make_runner(tasks, config)
        number = tasks.submit("doctor", {})
        assert runner.run_next()
        task = tasks.get(number)
        assert task.state == "done" and task.result["lines"]


class TestHelperClient:
    def serve_reply(self, path: Path, reply: bytes, received: list[bytes]) -> threading.Thread:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            with listener, listener.accept()[0] as line:
                while block := line.recv(4096):
                    received.append(block)
                line.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        return thread

    @pytest.mark.parametrize(
        ("cancelled", "timeout_s", "code"),
        [(True, 60.0, "task_interrupted"), (False, 0.0, "helper_failed")],
    )
    def test_waiting_ends_on_cancellation_and_timeout(
        self, tmp_path: Path, cancelled: bool, timeout_s: float, code: str
    ) -> None:
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(str(tmp_path / "h"))
            silent.listen()
            with pytest.raises(Fault) as fault:
                call_helper(
                    "usb_list",
                    {},
                    path=tmp_path / "h",
                    timeout_s=timeout_s,
                    is_cancelled=lambda: cancelled,
                )
        assert fault.value.code == code

    def test_request_and_result_are_transmitted(self, tmp_path: Path) -> None:
        received: list[bytes] = []
        thread = self.serve_reply(tmp_path / "h", b'{"result": {"drives": []}}', received)
        assert call_helper("usb_list", {}, path=tmp_path / "h") == {"drives": []}
        thread.join()
        assert json.loads(b"".join(received)) == {"action": "usb_list"}

    @pytest.mark.parametrize(
        ("reply", "code"),
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
    def test_errors_are_raised(self, tmp_path: Path, reply: bytes, code: str) -> None:
        thread = self.serve_reply(tmp_path / "h", reply, [])
        with pytest.raises((BadInput, Fault)) as error:
            call_helper("usb_list", {}, path=tmp_path / "h")
        thread.join()
        assert error.value.code == code

    @pytest.mark.parametrize("smuggled", ["ask", "action", "device", "kind"])
    def test_smuggled_argument_is_not_sent(self, tmp_path: Path, smuggled: str) -> None:
        with pytest.raises(BadInput, match="helper_request_unknown"):
            call_helper("usb_list", {smuggled: "power_off"}, path=tmp_path / "none")

    def test_missing_helper_is_reported(self, tmp_path: Path) -> None:
        with pytest.raises(Fault) as error:
            call_helper("usb_list", {}, path=tmp_path / "none")
        assert error.value.code == "helper_missing"


class TestEstimates:
    def test_estimate_uses_the_median_of_finished_jobs(self, config: Config) -> None:
        store = WorkerStore(store_path(config.root))
        for number, wall_s in enumerate([10.0, 20.0, 90.0]):
            store.add(NewJob("x", Path("p"), Path("l")))
            job = store.claim()
            assert job is not None
            report = config.root / f"{number}.json"
            output = {"frames": 100, "width": 10, "height": 10}
            report.write_text(json.dumps({"wall_s": wall_s, "output": output}))
            store.set_output_paths(job.id, Path("x.mp4"), report)
            store.finish(job.id)
        per_pixel = seconds_per_pixel(store.jobs())
        preflight_result = {"lecture_s": 8.0, "fps": 25.0, "width": 10, "height": 10}
        assert estimate_s(preflight_result, per_pixel) == 40
        (config.root / "0.json").unlink()
        (config.root / "1.json").write_text("torn {")
        assert estimate_s(preflight_result, seconds_per_pixel(store.jobs())) == 180
        assert estimate_s({**preflight_result, "lecture_s": None}, per_pixel) is None
