"""The daemon as a process: started, killed, started again and stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from appliance.jobs.backup import QUEUE, DatabaseBackups, read_restoration
from appliance.jobs.daemon_status import DaemonStatusStore
from appliance.jobs.models import NewJob
from appliance.jobs.states import JobState
from appliance.jobs.store import JobStore, store_path
from appliance.jobs.tasks import TaskStore
from appliance.logs.read import last_lines
from appliance.logs.write import log_path
from appliance.render.render import render
from tests.render.conftest import frames_of, settings, write_wav
from tests.talking_face import babble, portrait, voice
from tests.tiny_wav2lip import write_wav2lip

pytestmark = pytest.mark.slow

CONFIG = """\
root: .
video: {crf: 0, badge: false, preset: ultrafast}
render: {chunk_s: 1}
lips: {model: MODEL}
score: {enabled: false}
jobs: {min_free_disk_mb: 0}
inbox: {poll_interval_s: 0.2, settle_s: 0.5, incomplete_timeout_s: 1}
"""

Start = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root folder with quick settings, a presenter and three seconds of speech."""
    model = write_wav2lip(tmp_path / "tiny.onnx")
    (tmp_path / "device.yaml").write_text(CONFIG.replace("MODEL", str(model)))
    Image.fromarray(portrait()).save(tmp_path / "wang.png")
    write_wav(tmp_path / "talk.wav", voice(babble(75)))
    return tmp_path


@pytest.fixture
def start(root: Path, project: Path) -> Iterator[Start]:
    """Start the daemon; processes that still run at the end are killed."""
    running: list[subprocess.Popen[str]] = []

    def start_daemon() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "appliance.cli", "serve", "--config"]
        command.append(str(root / "device.yaml"))
        process = subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, text=True)
        running.append(process)
        return process

    yield start_daemon
    for process in running:
        process.kill()
        process.communicate()


def wait_for(condition: Callable[[], bool], limit_s: float = 90) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "the condition did not become true"
        time.sleep(0.05)


def segments(root: Path) -> int:
    return len(list((root / "state" / "work").glob("*/chunks/*/results/*.json")))


def codecs_in(pid: int) -> set[str]:
    """Return which libraries that parse untrusted files a process has loaded."""
    loaded = Path(f"/proc/{pid}/maps").read_text()
    return {name for name in ("libavcodec", "numpy", "cv2", "onnxruntime") if name in loaded}


def test_killed_daemon_resumes_and_stops_on_request(root: Path, start: Start) -> None:
    store = JobStore(store_path(root))
    job = store.add(NewJob("talk", root / "wang.png", root / "talk.wav")).id
    daemon = start()
    wait_for(lambda: segments(root) >= 1)
    daemon.kill()
    daemon.wait()
    assert store.get(job).state is JobState.RUNNING
    daemon = start()
    wait_for(lambda: store.get(job).state is JobState.DONE)
    assert store.get(job).attempts == 2
    second = start()
    assert "already_running" in second.communicate(timeout=60)[1]
    assert second.returncode == 1
    daemon.send_signal(signal.SIGTERM)
    errors = daemon.communicate(timeout=30)[1]
    assert daemon.returncode == 0 and "Traceback" not in errors
    assert sorted(os.listdir(root / "outbox")) == ["talk.jpg", "talk.mp4", "talk.report.json"]
    assert os.listdir(root / "state" / "work") == []
    config = settings(lips={"model": str(root / "tiny.onnx")})
    render(root / "wang.png", root / "talk.wav", root / "whole.mp4", config)
    np.testing.assert_array_equal(
        frames_of(root / "outbox" / "talk.mp4"), frames_of(root / "whole.mp4")
    )


def test_dropped_files_are_rendered_or_rejected_with_a_reason(root: Path, start: Start) -> None:
    inbox = root / "inbox"
    inbox.mkdir()
    for name in ("lesson 三.png", "bad.png", "alone.png"):
        (inbox / name).write_bytes((root / "wang.png").read_bytes())
    (inbox / "lesson 三.wav").write_bytes((root / "talk.wav").read_bytes())
    (inbox / "bad.wav").write_bytes(b"this is no sound at all" * 100)
    (inbox / "slides.pdf").write_bytes(b"%PDF")
    daemon = start()
    store = JobStore(store_path(root))
    states = [JobState.DONE, JobState.FAILED, JobState.FAILED, JobState.WAITING]

    def all_ended() -> bool:
        return sorted(job.state for job in store.jobs()) == states and not store.unarchived()

    wait_for(all_ended)
    daemon.send_signal(signal.SIGIO)  # sent by the kernel when a lease is broken
    time.sleep(0.5)
    assert daemon.poll() is None
    assert codecs_in(daemon.pid) == set()
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(30) == 0
    assert sorted(os.listdir(root / "outbox")) == [
        "lesson 三.jpg", "lesson 三.mp4", "lesson 三.report.json",
    ]  # fmt: skip
    assert sorted(os.listdir(inbox)) == ["alone.png", "done", "failed"]
    assert sorted(os.listdir(inbox / "done")) == ["lesson 三.png", "lesson 三.wav"]
    assert sorted(os.listdir(inbox / "failed")) == [
        "bad.png", "bad.reason.txt", "bad.wav", "slides.pdf", "slides.reason.txt",
    ]  # fmt: skip
    assert "not_media" in (inbox / "failed" / "bad.reason.txt").read_text(encoding="utf-8")


def test_tasks_run_beside_a_job_and_previews_before_it(root: Path, start: Start) -> None:
    write_wav(root / "long.wav", voice(babble(800)))  # still rendered at the last task
    store = JobStore(store_path(root))
    job = store.add(NewJob("long", root / "wang.png", root / "long.wav")).id
    daemon = start()
    wait_for(lambda: segments(root) >= 1)
    params = {"presenter": str(root / "wang.png"), "lecture": str(root / "talk.wav")}
    with TaskStore(store_path(root)) as tasks, DaemonStatusStore(store_path(root)) as status:

        def is_finished(number: int) -> bool:
            return tasks.get(number).state in ("done", "failed")

        preflight = tasks.submit("preflight", params)
        wait_for(lambda: is_finished(preflight))
        assert tasks.get(preflight).result["face_found"] is True
        assert store.get(job).state is JobState.RUNNING and store.get(job).attempts == 1
        preview = tasks.submit("preview", params)
        wait_for(lambda: is_finished(preview))
        assert Path(tasks.get(preview).result["video"]).is_file()
        wait_for(lambda: store.get(job).state is JobState.RUNNING)
        before = status.read()
        assert before is not None and before.is_running(time.time())
        restart = tasks.submit("restart_worker", {})
        wait_for(lambda: (now := status.read()) is not None and now.started > before.started)
        assert tasks.get(restart).state == "done" and daemon.poll() is None
        wait_for(lambda: store.get(job).state is JobState.DONE)
        now = status.read()
        assert now is not None and now.pid == daemon.pid and now.provider == "cpu"
    assert store.get(job).attempts == 3 and store.get(job).attempts_without_progress == 0
    kept = json.loads((root / "outbox" / "long.report.json").read_text())["reused_chunks"]
    assert kept >= 2  # neither the preview nor the restart discarded finished chunks
    with TaskStore(store_path(root)) as tasks:
        long = tasks.submit("doctor", {})
        wait_for(lambda: tasks.get(long).state == "running")
        daemon.send_signal(signal.SIGTERM)  # does not wait for the task
        assert daemon.wait(60) == 0
        reason = tasks.get(long).reason
        assert reason is not None and reason.code == "task_interrupted"
    lines = last_lines(log_path(root), 100, lambda line: line.matches(job, "info"))
    assert any("is done: long.mp4" in line.message for line in lines)


def test_databases_are_backed_up_and_a_damaged_queue_is_restored(root: Path, start: Start) -> None:
    with JobStore(store_path(root)) as store:
        store.add(NewJob("later", root / "wang.png", None))
    state = root / "state"
    backups = DatabaseBackups(state, QUEUE)
    daemon = start()
    wait_for(lambda: bool(backups.list()))
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(60) == 0
    for path in state.glob("lectern.sqlite3*"):
        path.unlink() if path.name != "lectern.sqlite3" else path.write_bytes(b"")
    daemon = start()
    wait_for(lambda: read_restoration(state) is not None)
    wait_for(lambda: bool(DaemonStatusStore(store_path(root)).read()))
    with JobStore(store_path(root)) as store:
        assert [job.stem for job in store.jobs()] == ["later"]
    daemon.send_signal(signal.SIGTERM)
    _, errors = daemon.communicate(timeout=60)
    assert daemon.returncode == 0 and "was restored from the backup" in errors
