"""Whose videos a person sees, through every door of the panel."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from appliance.config import Config, PanelConfig
from appliance.files.thumbnail_cache import ThumbnailCache
from appliance.jobs.models import Job, NewJob, Reason
from appliance.jobs.states import JobState
from appliance.jobs.worker_store import WorkerStore
from tests.web.conftest import Browser, SignIn

LOOKS = (
    "/results/{job}",
    "/jobs/{job}/thumbnail",
    "/api/v1/jobs/{job}",
    "/api/v1/jobs/{job}/video",
    "/api/v1/jobs/{job}/video?download=true",
    "/api/v1/jobs/{job}/thumbnail",
    "/api/v1/jobs/{job}/presenter-thumbnail",
    "/api/v1/jobs/{job}/subtitles",
    "/api/v1/jobs/{job}/captions",
    "/api/v1/jobs/{job}/report",
    "/api/v1/jobs/{job}/verdict",
    "/api/v1/jobs/archive?job={job}",
)
CHANGES = (
    ("POST", "/jobs/{job}/cancel"),
    ("POST", "/jobs/{job}/pause"),
    ("POST", "/jobs/{job}/resume"),
    ("POST", "/jobs/{job}/retry"),
    ("POST", "/jobs/{job}/first"),
    ("POST", "/jobs/{job}/nonsense"),
    ("POST", "/results/{job}/delete"),
    ("POST", "/results/{job}/retry"),
    ("POST", "/results/delete"),
    ("POST", "/api/v1/jobs/{job}/cancel"),
    ("POST", "/api/v1/jobs/{job}/pause"),
    ("POST", "/api/v1/jobs/{job}/resume"),
    ("POST", "/api/v1/jobs/{job}/retry"),
    ("PATCH", "/api/v1/jobs/{job}"),
    ("DELETE", "/api/v1/jobs/{job}"),
    ("POST", "/api/v1/jobs/delete"),
)
LISTS = ("/", "/live/now", "/results", "/results?show=failed", "/results?words=secret",
         "/api/v1/jobs", "/api/v1/jobs?words=secret", "/api/v1/device")  # fmt: skip


@pytest.fixture
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Config:
    settings = {"inbox_visible_to": getattr(request, "param", "admins")}
    return Config(root=tmp_path / "box", panel=PanelConfig.model_validate(settings))


def add(store: WorkerStore, name: str, owner: str) -> int:
    return store.add(NewJob(name, Path("/secret.mp4"), Path("/secret.wav"), owner=owner)).id


def make(store: WorkerStore, config: Config, owner: str, name: str = "Secret") -> Job:
    """A finished job of ``owner`` with everything that there can be of one."""
    outbox = config.root / "outbox"
    outbox.mkdir(parents=True, exist_ok=True)
    presenter = config.root / f"{name}.mp4"
    presenter.write_bytes(b"secret presenter")
    job = store.add(NewJob(name, presenter, Path("/secret.wav"), owner=owner))
    store.claim()
    output = outbox / f"{name}.mp4"
    output.write_bytes(b"secret video")
    output.with_suffix(".jpg").write_bytes(b"\xff\xd8\xff secret picture")
    output.with_suffix(".srt").write_text("1\n00:00:01,500 --> 00:00:02,000\nsecret words\n")
    report = outbox / f"{name}.report.json"
    report.write_text(json.dumps({"output": {"duration_s": 1.0}, "secret": "report"}))
    ThumbnailCache(config.root).put(presenter, output.with_suffix(".jpg"))
    store.set_output_paths(job.id, output, report)
    for path in (output, output.with_suffix(".jpg")):
        store.files.add_result(job.id, path)
    store.finish(job.id)
    store.mark_archived(job.id)
    return store.get(job.id)


def look(browser: Browser, address: str, job: Job) -> TestResponse:
    return browser.get(address.format(job=job.id), buffered=True)


def change(browser: Browser, method: str, address: str, job: Job) -> TestResponse:
    headers = {"X-CSRF-Token": browser.token()}
    address = address.format(job=job.id)
    if method == "PATCH":
        return browser.patch(address, json={"priority": 5}, headers=headers)
    if address == "/api/v1/jobs/delete":
        return browser.post(address, json={"jobs": [job.id]}, headers=headers)
    if address == "/results/delete":
        return browser.post(address, data={"job": str(job.id)}, headers=headers)
    return browser.open(address, method=method, headers=headers)


def test_no_door_is_missing_here(app: Flask) -> None:
    """Whatever takes a job's number stands in one of the lists."""
    listed = {address.partition("?")[0] for address in LOOKS} | {to for _, to in CHANGES}
    rules = [rule.rule for rule in app.url_map.iter_rules()]
    about_jobs = [rule for rule in rules if re.search("/(jobs|results)/.*<", rule)]
    assert len(about_jobs) > 15
    missing = [
        rule
        for rule in about_jobs
        if not any(re.fullmatch(re.sub("<[^>]+>", "[^/]+", rule), address) for address in listed)
    ]
    assert missing == []


@pytest.mark.parametrize("owner", ["other", "", "Teacher", "téacher"])
class TestAnotherPersonsJob:
    def test_it_is_as_unknown_as_none(
        self, sign_in: SignIn, store: WorkerStore, config: Config, owner: str
    ) -> None:
        job = make(store, config, owner)
        teacher, viewer = sign_in("teacher"), sign_in("viewer")
        for address in LOOKS:
            answer = look(teacher, address, job)
            assert answer.status_code == 404 and b"ecret" not in answer.data, address
            assert look(viewer, address, job).status_code == 200, address
        assert store.get(job.id) == job
        assert all(look(sign_in("admin"), address, job).status_code == 200 for address in LOOKS)

    def test_it_cannot_be_changed(
        self, sign_in: SignIn, store: WorkerStore, config: Config, owner: str
    ) -> None:
        job = make(store, config, owner)
        teacher, viewer = sign_in("teacher"), sign_in("viewer")
        for method, address in CHANGES:
            answer = change(teacher, method, address, job)
            assert answer.status_code == 404 and b"ecret" not in answer.data, address
            assert change(viewer, method, address, job).status_code == 403, address
        assert store.get(job.id) == job and job.output is not None and job.output.is_file()

    def test_no_list_tells_of_it(
        self, sign_in: SignIn, store: WorkerStore, config: Config, owner: str
    ) -> None:
        fill(store, config, owner)
        teacher, viewer = sign_in("teacher"), sign_in("viewer")
        for address in LISTS:
            told = teacher.get(address).text.replace("words=secret", "")
            told = told.replace('value="secret"', "").replace("results for “secret”", "")
            assert "ecret" not in told and os.fspath(config.root) not in told, address
            if "device" not in address:
                assert "ecret" in viewer.get(address).text, address


def fill(store: WorkerStore, config: Config, owner: str) -> None:
    """A box with a job of ``owner`` in every state."""
    for at, name in enumerate(("Secret failure", "Secret work")):
        job = add(store, name, owner)
        store.set_priority(job, 9 - at)
        assert store.claim()
        if name.endswith("failure"):
            store.fail(job, Reason("file_missing", {"name": "secret.mp4"}))
    work = config.root / "state" / "work" / f"{job:06d}"
    work.mkdir(parents=True)
    (work / "presenter.jpg").write_bytes(b"\xff\xd8\xff secret face")
    rests = add(store, "Secret rest", owner)
    store.set_priority(rests, 5)
    claimed = store.claim()
    assert claimed and claimed.id == rests
    store.requeue(rests, Reason("source_changed", {"name": "secret.mp4"}))
    make(store, config, owner)
    add(store, "Secret plan", owner)
    store.pause(add(store, "Secret pause", owner))
    store.add(NewJob("Secret half", None, Path("/b.wav"), owner=owner))
    assert {job.state for job in store.jobs()} == set(JobState) - {JobState.CANCELLED}


@pytest.mark.parametrize("config", ["teachers"], indirect=True)
class TestInboxShownToTeachers:
    def test_they_see_it(self, sign_in: SignIn, store: WorkerStore, config: Config) -> None:
        shared, others = make(store, config, ""), make(store, config, "other", "Another")
        teacher = sign_in("teacher")
        for address in LOOKS:
            assert look(teacher, address, shared).status_code == 200, address
            assert look(teacher, address, others).status_code == 404, address

    def test_they_change_nothing_of_it(
        self, sign_in: SignIn, store: WorkerStore, config: Config
    ) -> None:
        job, teacher = make(store, config, ""), sign_in("teacher")
        before = store.get(job.id)
        for method, address in CHANGES:
            assert change(teacher, method, address, job).status_code == 403, address
        assert store.get(job.id) == before

    def test_they_find_it(self, sign_in: SignIn, store: WorkerStore, config: Config) -> None:
        make(store, config, "", "Secret share")
        make(store, config, "other", "Hidden")
        teacher = sign_in("teacher")
        for address in LISTS:
            told = teacher.get(address).text
            assert "Hidden" not in told
            if "device" not in address and "failed" not in address:
                assert "Secret share" in told, address


class TestQueue:
    def test_a_teacher_learns_how_much_comes_before_theirs(
        self, sign_in: SignIn, store: WorkerStore
    ) -> None:
        for name, owner in (
            ("a", "other"), ("b", ""), ("Mine", "teacher"), ("c", "other"), ("Too", "teacher"),
            ("d", "other"), ("e", ""),
        ):  # fmt: skip
            add(store, name, owner)
        page = sign_in("teacher").get("/").text
        assert "ahead of yours: 2<" in page and "ahead of yours: 1<" in page
        assert "videos: 2<" in page
        assert '<span class="turn" aria-hidden="true">3</span>' in page
        assert "ahead of yours" not in sign_in("admin").get("/").text

    def test_who_has_one_video_in_the_queue_has_nothing_to_order(
        self, sign_in: SignIn, store: WorkerStore
    ) -> None:
        job = add(store, "Mine", "teacher")
        add(store, "Theirs", "other")
        teacher = sign_in("teacher")
        assert f'id="pause-{job}"' in (page := teacher.get("/").text) and "up-" not in page
        assert f'id="up-{job}"' in sign_in("admin").get("/").text
        second = add(store, "Mine too", "teacher")
        assert f'id="up-{second}"' in teacher.get("/").text

    def test_everybody_has_their_own_last_results_however_many_others_have(
        self, sign_in: SignIn, store: WorkerStore, config: Config
    ) -> None:
        make(store, config, "teacher", "Mine")
        failed = add(store, "My failure", "teacher")
        store.claim()
        store.fail(failed, Reason("file_missing", {"name": "a.mp4"}))
        for number in range(9):
            if number > 3:
                make(store, config, "other", f"Theirs {number}")
            lost = add(store, f"Lost {number}", "other")
            store.claim()
            store.fail(lost, Reason("file_missing", {"name": "a.mp4"}))
        page = sign_in("teacher").get("/").text
        assert "Mine" in page and "My failure" in page
        everybody = sign_in("admin").get("/").text
        assert everybody.count("Theirs") < 20 and "Theirs 8" in everybody


def test_of_what_is_deleted_no_picture_stays(
    sign_in: SignIn, store: WorkerStore, config: Config
) -> None:
    """But that of a presenter whose file stays."""
    job = make(store, config, "teacher")
    assert job.output is not None and job.presenter is not None
    ThumbnailCache(config.root).put(job.output, job.output.with_suffix(".jpg"))
    kept = config.root / "cache" / "thumbnails"
    assert len(list(kept.iterdir())) == 2
    assert sign_in("teacher").change(f"/results/{job.id}/delete").status_code == 302
    assert list(kept.iterdir()) == [ThumbnailCache(config.root).get(job.presenter)]


class TestTaking:
    @pytest.mark.parametrize("address", ["/api/v1/jobs/{job}/video?download=true",
                                         "/api/v1/jobs/archive?job={job}"])  # fmt: skip
    def test_who_only_looks_takes_nothing(
        self, sign_in: SignIn, store: WorkerStore, config: Config, address: str
    ) -> None:
        """For what counts as taken may be pruned."""
        job = make(store, config, "teacher")
        assert b"secret video" in look(sign_in("viewer"), address, job).data
        assert store.get(job.id).downloaded is None
        assert b"secret video" in look(sign_in("teacher"), address, job).data
        assert store.get(job.id).downloaded is not None
