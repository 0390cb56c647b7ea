"""A long lecture stops for other users' jobs, and previews leave time for jobs."""

from __future__ import annotations

from typing import Any

from appliance.attempt.protocol import (
    ProgressCallback,
    ProgressUpdate,
    RenderRequest,
    StopRequested,
)
from appliance.config import Config
from appliance.daemon.job_run import SLICE_S
from appliance.daemon.worker import PREVIEW_PAUSE_S, PREVIEWS_IN_A_ROW
from appliance.jobs.models import NewJob
from appliance.jobs.states import JobState
from appliance.jobs.worker_store import WorkerStore
from tests.daemon.world import Clock, Previews, make_worker, succeed

CHUNK_S = 60.0


class LongLecture:
    """Attempts that save a chunk a minute until they are stopped or ``chunks`` are finished."""

    def __init__(self, clock: Clock, chunks: int) -> None:
        self.clock, self.chunks = clock, chunks
        self.done: dict[str, int] = {}

    def __call__(self, request: RenderRequest, on_progress: ProgressCallback) -> dict[str, Any]:
        name = request.lecture.stem
        wanted = self.chunks if name == "long" else 1
        while self.done.setdefault(name, 0) < wanted:
            self.clock.time += CHUNK_S
            self.done[name] += 1
            if on_progress(ProgressUpdate("render", self.done[name], wanted, saved=True)):
                raise StopRequested
        return succeed(request, on_progress)


def queue(store: WorkerStore, config: Config, stem: str, owner: str) -> int:
    folder = config.root / "files"
    folder.mkdir(exist_ok=True, parents=True)
    for suffix in (".mp4", ".wav"):
        (folder / f"{stem}{suffix}").write_bytes(b"x")
    new = NewJob(stem, folder / f"{stem}.mp4", folder / f"{stem}.wav", owner=owner)
    return store.add(new).id


def test_hundred_hours_of_one_user_do_not_delay_the_others_for_days(
    store: WorkerStore, config: Config, clock: Clock
) -> None:
    lecture = LongLecture(clock, chunks=100 * 60)
    worker = make_worker(store, config, lecture, now=clock, monotonic=clock)
    long = queue(store, config, "long", "wang")
    others = [queue(store, config, f"short{n}", f"user{n}") for n in range(5)]
    began = clock.time
    for _ in range(7):
        worker.run_next()
        assert lecture.done.get("long", 0) * CHUNK_S <= SLICE_S + CHUNK_S or all(
            store.get(job).state is JobState.DONE for job in others
        )
        if all(store.get(job).state is JobState.DONE for job in others):
            break
    assert {store.get(job).state for job in others} == {JobState.DONE}
    assert max(store.get(job).finished or 0 for job in others) - began < 2 * SLICE_S
    while store.get(long).state is not JobState.DONE:
        assert worker.run_next()
    job = store.get(long)
    assert lecture.done["long"] == 100 * 60  # no chunk was rendered twice
    assert job.attempts == 2 and job.attempts_without_progress <= 1


def test_long_lecture_is_not_interrupted_while_nobody_waits(
    store: WorkerStore, config: Config, clock: Clock
) -> None:
    worker = make_worker(store, config, LongLecture(clock, 300), now=clock, monotonic=clock)
    long = queue(store, config, "long", "wang")
    queue(store, config, "short", "wang")
    assert worker.run_next() and store.get(long).state is JobState.DONE
    assert store.get(long).attempts == 1


def test_endless_previews_leave_time_for_jobs(
    store: WorkerStore, config: Config, clock: Clock
) -> None:
    previews = Previews()
    worker = make_worker(store, config, succeed, now=clock, monotonic=clock, previews=previews)
    jobs = [queue(store, config, f"job{n}", "li") for n in range(3)]
    for _ in range(PREVIEWS_IN_A_ROW + 1):
        previews.requested = previews.made + 1  # another one is requested at once
        worker.run_next()
    assert previews.made == PREVIEWS_IN_A_ROW and store.get(jobs[0]).state is JobState.DONE
    worker.run_next()
    assert store.get(jobs[1]).state is JobState.DONE
    clock.time += PREVIEW_PAUSE_S
    worker.run_next()
    assert previews.made == PREVIEWS_IN_A_ROW + 1
