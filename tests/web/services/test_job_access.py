"""Access to jobs by role and owner, over every route of the panel."""

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

READS = (
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
    "/api/v1/jobs/{job}/pictures/1",
    "/api/v1/jobs/{job}/warnings",
    "/api/v1/jobs/{job}/warning-pictures",
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
    """Return a finished job of ``owner`` with every kind of result."""
    outbox = config.root / "outbox"
    outbox.mkdir(parents=True, exist_ok=True)
    presenter = config.root / f"{name}.mp4"
    presenter.write_bytes(b"secret presenter")
    job = store.add(NewJob(name, presenter, Path("/secret.wav"), owner=owner))
    store.claim()
    output = outbox / f"{name}.mp4"
    output.write_bytes(b"secret video")
    output.with_suffix(".jpg").write_bytes(b"\xff\xd8\xff secret picture")
    output.with_suffix(".check-1.jpg").write_bytes(b"\xff\xd8\xff secret picture")
    output.with_suffix(".warnings.jpg").write_bytes(b"\xff\xd8\xff secret picture")
    output.with_suffix(".warnings.txt").write_text("secret warning\n")
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


def read(browser: Browser, address: str, job: Job) -> TestResponse:
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


def test_every_job_route_is_covered(app: Flask) -> None:
    """Every route with a job's number is in one of the lists."""
    listed = {address.partition("?")[0] for address in READS} | {to for _, to in CHANGES}
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
class TestOtherUsersJob:
    def test_job_is_reported_as_unknown(
        self, sign_in: SignIn, store: WorkerStore, config: Config, owner: str
    ) -> None:
        job = make(store, config, owner)
        teacher, viewer = sign_in("teacher"), sign_in("viewer")
        for address in READS:
            answer = read(teacher, address, job)
            assert answer.status_code == 404 and b"ecret" not in answer.data, address
            assert read(viewer, address, job).status_code == 200, address
        assert store.get(job.id) == job
        assert all(read(sign_in("admin"), address, job).status_code == 200 for address in READS)

    def test_job_cannot_be_changed(
        self, sign_in: SignIn, store: WorkerStore, config: Config, owner: str
    ) -> None:
        job = make(store, config, owner)
        teacher, viewer = sign_in("teacher"), sign_in("viewer")
        for method, address in CHANGES:
            answer = change(teacher, method, address, job)
            assert answer.status_code == 404 and b"ecret" not in answer.data, address
            assert change(viewer, method, address, job).status_code == 403, address
        assert store.get(job.id) == job and job.output is not None and job.output.is_file()

    def test_lists_do_not_contain_the_job(
        self, sign_in: SignIn, store: WorkerStore, config: Config, owner: str
    ) -> None:
        fill(store, config, owner)
        teacher, viewer = sign_in("teacher"), sign_in("viewer")
        for address in LISTS:
            text = teacher.get(address).text.replace("words=secret", "")
            text = text.replace('value="secret"', "").replace("results for “secret”", "")
            assert "ecret" not in text and os.fspath(config.root) not in text, address
            if "device" not in address:
                assert "ecret" in viewer.get(address).text, address


def fill(store: WorkerStore, config: Config, owner: str) -> None:
    """Add a job of ``owner`` in every state."""
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
class TestInboxVisibleToTeachers:
    def test_inbox_jobs_are_visible(
        self, sign_in: SignIn, store: WorkerStore, config: Config
    ) -> None:
        shared, others = make(store, config, ""), make(store, config, "other", "Another")
        teacher = sign_in("teacher")
        for address in READS:
            assert read(teacher, address, shared).status_code == 200, address
            assert read(teacher, address, others).status_code == 404, address

    def test_teachers_cannot_change_inbox_jobs(
        self, sign_in: SignIn, store: WorkerStore, config: Config
    ) -> None:
        job, teacher = make(store, config, ""), sign_in("teacher")
        before = store.get(job.id)
        for method, address in CHANGES:
            assert change(teacher, method, address, job).status_code == 403, address
        assert store.get(job.id) == before

    def test_inbox_jobs_are_in_lists(
        self, sign_in: SignIn, store: WorkerStore, config: Config
    ) -> None:
        make(store, config, "", "Secret share")
        make(store, config, "other", "Hidden")
        teacher = sign_in("teacher")
        for address in LISTS:
            text = teacher.get(address).text
            assert "Hidden" not in text
            if "device" not in address and "failed" not in address:
                assert "Secret share" in text, address


class TestQueue:
    def test_number_of_jobs_ahead_is_shown(self, sign_in: SignIn, store: WorkerStore) -> None:
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

    def test_single_own_job_cannot_be_reordered(self, sign_in: SignIn, store: WorkerStore) -> None:
        job = add(store, "Mine", "teacher")
        add(store, "Theirs", "other")
        teacher = sign_in("teacher")
        assert f'id="pause-{job}"' in (page := teacher.get("/").text) and "up-" not in page
        assert f'id="up-{job}"' in sign_in("admin").get("/").text
        second = add(store, "Mine too", "teacher")
        assert f'id="up-{second}"' in teacher.get("/").text

    def test_own_latest_results_are_shown_despite_many_others(
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


def test_thumbnails_of_deleted_jobs_are_deleted(
    sign_in: SignIn, store: WorkerStore, config: Config
) -> None:
    """Except that of a presenter whose file is kept."""
    job = make(store, config, "teacher")
    assert job.output is not None and job.presenter is not None
    ThumbnailCache(config.root).put(job.output, job.output.with_suffix(".jpg"))
    kept = config.root / "cache" / "thumbnails"
    assert len(list(kept.iterdir())) == 2
    assert sign_in("teacher").change(f"/results/{job.id}/delete").status_code == 302
    assert list(kept.iterdir()) == [ThumbnailCache(config.root).get(job.presenter)]


class TestDownloadMark:
    @pytest.mark.parametrize("address", ["/api/v1/jobs/{job}/video?download=true",
                                         "/api/v1/jobs/archive?job={job}"])  # fmt: skip
    def test_viewers_download_does_not_mark_the_video(
        self, sign_in: SignIn, store: WorkerStore, config: Config, address: str
    ) -> None:
        """Videos marked as downloaded may be deleted by retention."""
        job = make(store, config, "teacher")
        assert b"secret video" in read(sign_in("viewer"), address, job).data
        assert store.get(job.id).downloaded is None
        assert b"secret video" in read(sign_in("teacher"), address, job).data
        assert store.get(job.id).downloaded is not None
