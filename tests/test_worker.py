"""The worker: every job ends in the right place, and it never ends itself.

What becomes of a job is tried with attempts of known outcome; that the real attempt has these
outcomes, with real renderings in a real child process.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from appliance.attempt import Order, Step, Stopped, Watch, run_attempt
from appliance.config import Config
from appliance.errors import BadInput, Fault
from appliance.jobs.record import Job, NewJob
from appliance.jobs.rest import FIRST_S
from appliance.jobs.states import State
from appliance.jobs.store import JobStore, store_path
from appliance.render.render import render
from appliance.worker import Worker
from tests.render.conftest import frames_of, settings, write_wav
from tests.talking_face import babble, portrait, voice
from tests.tiny_wav2lip import write_wav2lip


class Clock:
    """A time that passes when told to."""

    time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return settings(jobs={"min_free_mb": 0}).model_copy(update={"root": tmp_path})


@pytest.fixture
def store(config: Config, clock: Clock) -> JobStore:
    return JobStore(store_path(config.root), max_idle_attempts=3, now=clock)


def tree(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def succeed(order: Order, watch: Watch) -> dict[str, Any]:
    """An attempt that makes something of the lecture."""
    order.output.write_bytes(b"video of " + order.lecture.read_bytes())
    return {"output": {}}


class Attempts:
    """Attempts with the outcomes that it is given, the last one ever after."""

    def __init__(self, *outcomes: Callable[[Order, Watch], dict[str, Any]] | Exception) -> None:
        self._outcomes = list(outcomes)
        self.orders: list[Order] = []

    def __call__(self, order: Order, watch: Watch) -> dict[str, Any]:
        self.orders.append(order)
        outcome = self._outcomes[0]
        if len(self._outcomes) > 1:
            del self._outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome(order, watch)


def worker_of(store: JobStore, config: Config, *outcomes: Any, **more: Any) -> Worker:
    return Worker(store, config, threading.Event(), attempt=Attempts(*outcomes), **more)


def drop(store: JobStore, config: Config, stem: str = "lesson") -> Job:
    """A job of two files in the inbox."""
    inbox = config.root / "inbox"
    inbox.mkdir(exist_ok=True)
    presenter, lecture = inbox / f"{stem}.mp4", inbox / f"{stem}.wav"
    presenter.write_bytes(b"presenter")
    lecture.write_bytes(stem.encode())
    return store.add(NewJob(stem, presenter, lecture, claims=(presenter, lecture)))


class TestOutcomes:
    def test_success_is_delivered_and_leaves_no_debris(
        self, store: JobStore, config: Config
    ) -> None:
        worker = worker_of(store, config, succeed)
        job = drop(store, config)
        assert worker.step() and not worker.step()
        assert store.get(job.id).state is State.DONE
        assert tree(config.root / "outbox") == ["lesson.mp4", "lesson.report.json"]
        assert tree(config.root / "inbox") == ["done/lesson.mp4", "done/lesson.wav"]
        assert os.listdir(config.root / "state" / "work") == []

    def test_bad_input_fails_at_once_and_the_next_job_is_done(
        self, store: JobStore, config: Config
    ) -> None:
        worker = worker_of(store, config, BadInput("no_face", name="bad.mp4"), succeed)
        bad, good = drop(store, config, "bad"), drop(store, config, "good")
        assert worker.step() and worker.step()
        assert store.get(bad.id).state is State.FAILED
        assert store.get(good.id).state is State.DONE
        assert "failed/bad.reason.txt" in tree(config.root / "inbox")

    @pytest.mark.parametrize(
        "fault",
        [
            Fault("encoder_failed", name="x", reason="y"),
            BadInput("file_unreadable", name="x", reason="stale handle"),
            RuntimeError("a mistake of ours"),
        ],
    )
    def test_a_fault_is_tried_again_later_and_fails_at_the_cap(
        self, store: JobStore, config: Config, clock: Clock, fault: Exception
    ) -> None:
        worker = worker_of(store, config, fault)
        job = drop(store, config)
        tries = 0
        for _ in range(6):
            tries += worker.step()
            assert not worker.step()  # not before its rest is over
            clock.time += FIRST_S * 10
        assert tries == 3
        ended = store.get(job.id)
        assert ended.state is State.FAILED and ended.reason is not None
        assert ended.reason.code == getattr(fault, "code", "work_failed")
        assert os.listdir(config.root / "state" / "work") == []

    def test_what_looks_cut_off_may_still_be_arriving(
        self, store: JobStore, config: Config, clock: Clock
    ) -> None:
        cut = BadInput("file_truncated", name="lesson.wav")
        worker = worker_of(store, config, cut, cut, now=clock)
        job = drop(store, config)
        assert job.lecture is not None
        dropped = job.lecture.stat().st_ctime
        clock.time = dropped + config.inbox.patience_s - 5
        assert worker.step()
        assert store.get(job.id).state is State.QUEUED
        clock.time += FIRST_S + 1
        assert worker.step()
        assert store.get(job.id).state is State.FAILED

    def test_a_source_that_changes_meanwhile_is_worked_on_again(
        self, store: JobStore, config: Config, clock: Clock
    ) -> None:
        def overtaken(order: Order, watch: Watch) -> dict[str, Any]:
            report = succeed(order, watch)
            order.lecture.write_bytes(b"the whole lecture")
            return report

        worker = worker_of(store, config, overtaken, succeed)
        job = drop(store, config)
        assert worker.step()
        reason = store.get(job.id).reason
        assert reason is not None and reason.code == "source_changed"
        assert tree(config.root / "outbox") == []
        clock.time += FIRST_S + 1
        assert worker.step()
        video = config.root / "outbox" / "lesson.mp4"
        assert video.read_bytes() == b"video of the whole lecture"

    def test_a_full_disk_is_waited_out_however_long(
        self, store: JobStore, config: Config, clock: Clock
    ) -> None:
        full = Fault("disk_full", name="x.mp4")
        worker = worker_of(store, config, *[full] * 8, succeed)
        job = drop(store, config)
        for _ in range(9):
            assert worker.step()
            clock.time += FIRST_S * 10
        assert store.get(job.id).state is State.DONE

    def test_a_faulty_option_fails_its_job_only(self, store: JobStore, config: Config) -> None:
        worker = worker_of(store, config, succeed)
        wrong = NewJob("x", Path("p"), Path("l"), {"video": {"crf": "high"}})
        job = store.add(wrong).id
        assert worker.step()
        reason = store.get(job).reason
        assert reason is not None and reason.code == "job_options"

    def test_options_reach_the_rendering(self, store: JobStore, config: Config) -> None:
        attempts = Attempts(BadInput("cancelled"))
        worker = Worker(store, config, threading.Event(), attempt=attempts)
        store.add(NewJob("x", Path("p"), Path("l"), {"face": {"index": 2}}))
        worker.step()
        assert attempts.orders[0].config.face.index == 2
        assert attempts.orders[0].config.video == config.video

    def test_a_kill_after_the_rendering_does_not_render_again(
        self, store: JobStore, config: Config, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        worker = worker_of(store, config, succeed, RuntimeError("rendered twice"))
        job = drop(store, config)

        def power_cut(number: int) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(store, "finish", power_cut)
            worker.step()
        worker.recover()
        assert worker.step()
        assert store.get(job.id).state is State.DONE
        assert tree(config.root / "outbox") == ["lesson.mp4", "lesson.report.json"]

    def test_a_queue_that_cannot_be_written_is_waited_out(
        self, store: JobStore, config: Config, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stop = threading.Event()
        real, left = store.hand_back, [1]

        def full(*arguments: Any, **more: Any) -> State:
            if left:
                left.pop()
                raise Fault("disk_full", name="lectern.sqlite3")
            return real(*arguments, **more)

        def last(order: Order, watch: Watch) -> dict[str, Any]:
            stop.set()
            return succeed(order, watch)

        monkeypatch.setattr(store, "hand_back", full)
        attempts = Attempts(Fault("disk_full", name="x"), last)
        job = drop(store, config)
        Worker(store, config, stop, attempt=attempts).run(0)
        assert store.get(job.id).state is State.DONE

    def test_a_folder_that_is_deleted_comes_back(self, store: JobStore, config: Config) -> None:
        worker = worker_of(store, config, succeed)
        job = drop(store, config)
        (config.root / "outbox").rmdir()
        assert worker.step()
        assert store.get(job.id).state is State.DONE


class TestRequests:
    @pytest.mark.parametrize(
        ("ask", "state", "kept"),
        [("pause", State.PAUSED, True), ("cancel", State.CANCELLED, False)],
    )
    def test_what_is_asked_is_obeyed_after_the_chunk(
        self, store: JobStore, config: Config, ask: str, state: State, kept: bool
    ) -> None:
        job = drop(store, config)

        def asked(order: Order, watch: Watch) -> dict[str, Any]:
            assert not watch(Step("render", 0, 75))
            getattr(store, ask)(job.id)
            assert watch(Step("render", 25, 75, saved=True))
            raise Stopped

        worker = worker_of(store, config, asked, succeed)
        assert worker.step()
        found = store.get(job.id)
        assert (found.state, found.done, found.total) == (state, 25, 75)
        assert (config.root / "state" / "work" / f"{job.id:06d}").exists() is kept
        assert not worker.step()

    def test_a_polite_end_queues_the_job_and_counts_nothing(
        self, store: JobStore, config: Config
    ) -> None:
        stop = threading.Event()

        def interrupted(order: Order, watch: Watch) -> dict[str, Any]:
            stop.set()
            assert watch(None)
            raise Stopped

        job = drop(store, config)
        Worker(store, config, stop, attempt=Attempts(interrupted)).run(0)
        found = store.get(job.id)
        assert (found.state, found.idle_attempts) == (State.QUEUED, 0)


class TestRoom:
    def test_without_room_nothing_is_started_until_there_is(
        self, store: JobStore, config: Config
    ) -> None:
        free = [100.0]
        jobs = config.jobs.model_copy(update={"min_free_mb": 200})
        tight = config.model_copy(update={"jobs": jobs})
        worker = worker_of(store, tight, succeed, find_free=lambda path: free[0])
        job = drop(store, config)
        assert not worker.step() and not worker.step()
        (hold,) = store.holds()
        assert "100 MB" in hold.text() and "200 MB" in hold.text()
        free[0] = 300.0
        assert worker.step()
        assert store.holds() == [] and store.get(job.id).state is State.DONE

    def test_folders_of_no_job_are_removed_at_start(self, store: JobStore, config: Config) -> None:
        worker = worker_of(store, config, succeed)
        (config.root / "state" / "work" / "000099").mkdir()
        job = drop(store, config)
        store.claim()
        (config.root / "state" / "work" / f"{job.id:06d}").mkdir()
        worker.recover()
        assert os.listdir(config.root / "state" / "work") == [f"{job.id:06d}"]
        assert store.get(job.id).state is State.QUEUED

    def test_old_work_is_swept(self, store: JobStore, config: Config, clock: Clock) -> None:
        keep = config.jobs.model_copy(update={"keep_days": 1.0, "keep_unfetched": False})
        worker = worker_of(store, config.model_copy(update={"jobs": keep}), succeed, now=clock)
        drop(store, config)
        worker.step()
        assert tree(config.root / "outbox") != []
        clock.time += 2 * 86_400
        worker.step()
        assert tree(config.root / "outbox") == tree(config.root / "inbox") == []
        assert store.jobs() == []


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A photo, and three seconds of speech."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("material")
    Image.fromarray(portrait()).save(folder / "wang.png")
    return folder / "wang.png", write_wav(folder / "talk.wav", voice(babble(75)))


@pytest.mark.slow
class TestRealAttempt:
    def test_a_stop_a_kill_and_a_rest_leave_no_trace_in_the_video(
        self,
        store: JobStore,
        config: Config,
        material: tuple[Path, Path],
        tmp_path: Path,
    ) -> None:
        model = write_wav2lip(tmp_path / "tiny.onnx")
        more: dict[str, dict[str, Any]] = {
            "lips": {"model": str(model)},
            "render": {"chunk_s": 1.0},
        }
        job = store.add(NewJob("talk", *material, options=more)).id
        stop = threading.Event()
        asked: list[str] = []

        def stop_at_a_chunk(order: Order, watch: Watch) -> dict[str, Any]:
            def see(step: Step | None) -> bool:
                if step is not None and step.saved and step.done:
                    asked.append(step.stage)
                    stop.set()
                return watch(step)

            return run_attempt(order, see)

        Worker(store, config, stop, attempt=stop_at_a_chunk).run(0)
        assert asked and store.get(job).state is State.QUEUED
        stop.clear()
        worker = Worker(store, config, stop)
        assert worker.step()
        assert store.get(job).state is State.DONE
        report = json.loads((tmp_path / "outbox" / "talk.report.json").read_text())
        assert report["kept_chunks"] == len(asked)
        render(*material, tmp_path / "whole.mp4", settings(**more))
        np.testing.assert_array_equal(
            frames_of(tmp_path / "outbox" / "talk.mp4"), frames_of(tmp_path / "whole.mp4")
        )

    def test_a_rendering_that_dies_is_a_fault_and_bad_input_is_named(
        self, material: tuple[Path, Path], config: Config, tmp_path: Path
    ) -> None:
        def order(lecture: Path) -> Order:
            return Order(tmp_path, material[0], lecture, tmp_path / "x.mp4", config)

        with pytest.raises(BadInput) as bad:
            run_attempt(order(tmp_path / os.fsdecode(b"\xff.wav")), lambda step: False)
        assert bad.value.code == "file_missing"

        def kill(step: Step | None) -> bool:
            if step is not None:
                _child().kill()
            return False

        with pytest.raises(Fault) as fault:
            run_attempt(order(material[1]), kill)
        assert fault.value.code == "work_failed" and "SIGKILL" in str(fault.value)

        with pytest.raises(Fault) as silent:
            run_attempt(order(material[1]), lambda step: bool(step and _suspend()), stall_s=1)
        assert "no sign of life" in str(silent.value)
        with pytest.raises(ProcessLookupError):
            _child()


def _child() -> psutil.Process:
    """The attempt's process."""
    found = [c for c in psutil.Process().children() if "appliance.attempt" in c.cmdline()]
    if not found:
        raise ProcessLookupError
    return found[0]


def _suspend() -> bool:
    _child().suspend()
    return False
