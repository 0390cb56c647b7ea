"""No user can take the queue, the tasks or the disk from the others; counts are exact."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from appliance.config import Config
from appliance.jobs.models import NewJob
from appliance.jobs.worker_store import WorkerStore
from tests.web.api.conftest import Program, Programs
from tests.web.api.test_jobs import pair
from tests.web.conftest import SignIn
from web.services.job_creation import MAX_QUEUED
from web.services.snapshot import MAX_SHOWN
from web.services.tasks import MAX_PREVIEWS


def fill(store: WorkerStore, owner: str, count: int) -> None:
    store.add_all([NewJob("x", Path("/p"), Path("/l"), owner=owner)] * count)


def test_one_user_cannot_fill_the_queue(program: Programs, store: WorkerStore) -> None:
    teacher = program("teacher")
    fill(store, "teacher", MAX_QUEUED - 1)
    assert teacher.post("/jobs", pair(teacher)).status_code == 200
    answer = teacher.post("/jobs", pair(teacher))
    assert (answer.status_code, answer.get_json()["code"]) == (429, "too_many_queued_jobs")
    assert str(MAX_QUEUED) in answer.get_json()["text"]
    assert program("other").post("/jobs", pair(program("other"))).status_code == 200
    store.cancel(1)
    assert teacher.post("/jobs", pair(teacher)).status_code == 200


def test_files_of_waiting_jobs_count_towards_the_quota(
    config: Config, program: Programs, store: WorkerStore
) -> None:
    lecture = config.root / "hundred-hours.wav"
    with lecture.open("wb") as file:  # takes no space on the disk
        file.truncate(round(config.uploads.user_quota_gb * 1e9) - 10)
    store.add(NewJob("x", Path("/p"), lecture, claims=(lecture,), owner="teacher"))
    teacher, other = program("teacher"), program("other")
    answer = teacher.post("/jobs", pair(teacher))
    assert (answer.status_code, answer.get_json()["code"]) == (413, "queue_quota_exceeded")
    assert f"{config.uploads.user_quota_gb:g} GB" in answer.get_json()["text"]
    assert not any((config.root / "state" / "job_files").rglob("*.mp4"))
    assert other.post("/jobs", pair(other)).status_code == 200


def test_one_user_cannot_request_previews_without_end(program: Programs) -> None:
    teacher, other = program("teacher"), program("other")

    def preview(who: Program) -> int:
        files = {"presenter": who.upload("wang.mp4"), "lecture": who.upload("1.txt", b"words")}
        body = {name: {"upload": number} for name, number in files.items()}
        return who.post("/previews", body).status_code

    assert [preview(teacher) for _ in range(MAX_PREVIEWS + 1)] == [202] * MAX_PREVIEWS + [429]
    assert preview(other) == 202


@pytest.mark.parametrize(("who", "status"), [("teacher", 403), ("admin", 200)])
def test_only_administrators_place_jobs_before_those_of_others(
    program: Programs, store: WorkerStore, who: str, status: int
) -> None:
    fill(store, "teacher", 1)
    change = program(who)
    assert change.ask("PATCH", "/jobs/1", json={"priority": -5}).status_code == 200
    assert change.ask("PATCH", "/jobs/1", json={"priority": 0}).status_code == 200
    assert change.ask("PATCH", "/jobs/1", json={"priority": 1}).status_code == status
    assert store.get(1).priority == (status == 200)


def test_counts_are_exact_however_long_the_queue_is(
    app: Flask, program: Programs, sign_in: SignIn, store: WorkerStore
) -> None:
    fill(store, "teacher", 2 * MAX_SHOWN + 57)
    for number in range(1, MAX_SHOWN + 8):
        store.pause(number)
    queued, paused = MAX_SHOWN + 50, MAX_SHOWN + 7
    device = program("viewer").get("/device").get_json()
    assert (device["queued"], device["paused"], device["waiting"]) == (queued, paused, 0)
    metrics = app.test_client().get("/metrics").text
    assert f'lectern_jobs{{state="queued"}} {queued}.0' in metrics
    assert f'lectern_jobs{{state="paused"}} {paused}.0' in metrics
    page = sign_in("admin").get("/").text
    assert "Further videos in the queue: 50" in page
