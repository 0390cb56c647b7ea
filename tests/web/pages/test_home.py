"""The home page: content and actions by role, and the headline."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from flask import Flask

from appliance.config import Config
from appliance.files.thumbnail_cache import ThumbnailCache
from appliance.jobs.backup import QUEUE, RESTORATION_SHOWN_S, DatabaseBackups
from appliance.jobs.daemon_status import DaemonStatusStore
from appliance.jobs.models import NewJob, Reason
from appliance.jobs.states import JobState
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore
from appliance.telemetry.store import TelemetryStore, telemetry_path
from tests.web.conftest import Clock, SignIn, add, reading
from web.services.thumbnails import job_thumbnail


@pytest.fixture(autouse=True)
def _daemon_up(config: Config, clock: Clock) -> None:
    with DaemonStatusStore(store_path(config.root), now=clock) as record:
        record.record_start("1.0", 7)


class TestHeadline:
    def test_idle_device_is_ready(self, sign_in: SignIn) -> None:
        page = sign_in("teacher").get("/").text
        assert 'class="headline good"' in page
        assert "Ready" in page

    def test_running_job_is_shown_first(self, sign_in: SignIn, store: WorkerStore) -> None:
        job = add(store, "Photosynthesis", "teacher")
        store.claim()
        store.update_progress(job, "render", 450, 1000)
        page = sign_in("viewer").get("/").text
        assert "45 %" in page and "450 of 1,000 frames" in page
        assert 'value="0.45"' in page

    def test_hold_is_explained(self, sign_in: SignIn, store: WorkerStore) -> None:
        add(store, "a")
        store.add_hold(Reason("low_disk_space", {"free": "812", "needed": "2048"}))
        page = sign_in("teacher").get("/").text
        assert 'class="headline warn"' in page
        assert "The disk has only 812 MB left" in page
        assert "Delete videos" in page

    def test_silent_daemon_is_shown_first(
        self, sign_in: SignIn, store: WorkerStore, clock: Clock
    ) -> None:
        add(store, "a")
        clock.time += 3600
        page = sign_in("teacher").get("/").text
        assert 'class="headline bad"' in page
        assert "Video processing has stopped" in page

    def test_damaged_queue_is_reported_on_the_page(self, sign_in: SignIn, config: Config) -> None:
        path = store_path(config.root)
        path.write_bytes(b"no database" * 1000)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        answer = sign_in("admin").get("/")
        assert answer.status_code == 200
        assert "The job queue cannot be read" in answer.text

    def test_failed_job_is_explained(self, sign_in: SignIn, store: WorkerStore) -> None:
        job = add(store, "Photosynthesis", "teacher")
        store.claim()
        store.fail(job, Reason("file_missing", {"name": "li.mp4"}))
        page = sign_in("teacher").get("/").text
        assert "The file li.mp4 does not exist." in page
        assert f"/jobs/{job}/retry" in page

    @pytest.mark.parametrize(
        ("temperature", "level", "words"),
        [(50, "good", ""), (74, "warn", "Near the limit")],
    )
    def test_temperature_level_depends_on_the_headroom(
        self,
        sign_in: SignIn,
        config: Config,
        clock: Clock,
        temperature: float,
        level: str,
        words: str,
    ) -> None:
        with TelemetryStore(telemetry_path(config.root)) as history:
            history.add(reading(clock.time, temperature))
        page = sign_in("viewer").get("/").text
        assert f'data-level="{level}" data-level-of="heat-level"' in page
        assert f"{temperature} °C" in page and words in page

    def test_page_is_translated(self, sign_in: SignIn, store: WorkerStore) -> None:
        add(store, "a")
        store.claim()
        page = sign_in("teacher").get("/", headers={"Accept-Language": "zh-CN"}).text
        assert "进行中" in page and 'lang="zh-CN"' in page
        assert "In progress" not in page


class TestChanges:
    def test_teacher_changes_own_jobs(self, sign_in: SignIn, store: WorkerStore) -> None:
        job = add(store, "a", "teacher")
        browser = sign_in("teacher")
        for action, state in (
            ("pause", JobState.PAUSED),
            ("resume", JobState.QUEUED),
            ("cancel", JobState.CANCELLED),
            ("retry", JobState.QUEUED),
        ):
            answer = browser.change(f"/jobs/{job}/{action}")
            assert (answer.status_code, answer.location) == (302, "/")
            assert store.get(job).state is state

    @pytest.mark.parametrize("who", ["other", "viewer"])
    @pytest.mark.parametrize(
        "action", ["pause", "resume", "cancel", "retry", "up", "down", "first"]
    )
    def test_others_cannot_change_a_job(
        self, sign_in: SignIn, store: WorkerStore, who: str, action: str
    ) -> None:
        job = add(store, "a", "teacher")
        before = store.get(job)
        status = 403 if who == "viewer" else 404  # other users' jobs are unknown
        assert sign_in(who).change(f"/jobs/{job}/{action}").status_code == status
        assert store.get(job) == before

    def test_only_administrators_change_inbox_jobs(
        self, sign_in: SignIn, store: WorkerStore
    ) -> None:
        job = add(store, "a")
        assert sign_in("teacher").change(f"/jobs/{job}/cancel").status_code == 404
        assert sign_in("admin").change(f"/jobs/{job}/cancel").status_code == 302
        assert store.get(job).state is JobState.CANCELLED

    def test_administrator_moves_a_job_first(self, sign_in: SignIn, store: WorkerStore) -> None:
        jobs = [add(store, name) for name in "abc"]
        assert sign_in("admin").change(f"/jobs/{jobs[2]}/first").status_code == 302
        assert [job.stem for job in store.order.jobs()] == ["c", "a", "b"]

    def test_impossible_action_is_explained(self, sign_in: SignIn, store: WorkerStore) -> None:
        job = add(store, "a")
        browser = sign_in("admin")
        headers = {"HX-Request": "true", "X-CSRF-Token": browser.token()}
        answer = browser.post(f"/jobs/{job}/resume", headers=headers)
        assert answer.status_code == 409
        assert answer.json and answer.json["code"] == "job_wrong_state"
        assert browser.post(f"/jobs/{job}/explode", headers=headers).status_code == 404
        assert browser.post("/jobs/99/cancel", headers=headers).status_code == 404
        assert browser.post(f"/jobs/{job}/cancel", headers=headers).status_code == 204


class TestVisibility:
    @pytest.fixture
    def busy(self, store: WorkerStore) -> int:
        """One job in each state, all of the other teacher."""
        for name in ("Secret failure", "Secret success", "Secret work"):
            job = add(store, name, "other")
            store.claim()
            if name.endswith("failure"):
                store.fail(job, Reason("file_missing", {"name": "secret.mp4"}))
            elif name.endswith("success"):
                store.finish(job)
        add(store, "Secret plan", "other")
        return job

    def test_teacher_sees_only_the_number_of_other_jobs(
        self, sign_in: SignIn, busy: int, config: Config
    ) -> None:
        folder = config.root / "state" / "work" / f"{busy:06d}"
        folder.mkdir(parents=True)
        (folder / "presenter.jpg").write_bytes(b"\xff\xd8\xff secret face")
        teacher = sign_in("teacher")
        page = teacher.get("/").text + teacher.get("/live/now").text
        assert "ecret" not in page and "Another user" in page
        assert teacher.get(f"/jobs/{busy}/thumbnail").status_code == 404
        assert sign_in("other").get(f"/jobs/{busy}/thumbnail").content_type == "image/jpeg"

    @pytest.mark.parametrize("who", ["other", "viewer", "admin"])
    def test_owner_viewer_and_administrator_see_the_job(
        self, sign_in: SignIn, busy: int, who: str
    ) -> None:
        page = sign_in(who).get("/").text
        for name in ("Secret failure", "Secret success", "Secret work", "Secret plan"):
            assert name in page

    def test_failed_job_can_be_deleted(
        self, sign_in: SignIn, busy: int, store: WorkerStore
    ) -> None:
        failed = store.jobs([JobState.FAILED])[0]
        store.mark_archived(failed.id)
        other = sign_in("other")
        assert f'id="delete-{failed.id}"' in other.get("/").text
        assert other.change(f"/results/{failed.id}/delete").status_code == 302
        assert "Secret failure" not in other.get("/").text


class TestNames:
    EVIL = "<img src=x onerror=alert(1)>\"'{{7*7}}"

    def test_names_are_escaped(self, sign_in: SignIn, store: WorkerStore) -> None:
        job = add(store, self.EVIL, "teacher")
        store.claim()
        store.fail(job, Reason("file_missing", {"name": self.EVIL}))
        add(store, self.EVIL, "teacher")
        page = sign_in("teacher").get("/").text
        assert "<img src=x" not in page
        assert "&lt;img src=x onerror=alert(1)&gt;&#34;&#39;{{7*7}}" in page

    def test_undecodable_name_is_shown(self, sign_in: SignIn, store: WorkerStore) -> None:
        add(store, os.fsdecode(b"caf\xe9\n\x1b[31m"))
        assert "caf\ufffd" in sign_in("viewer").get("/").text


def test_unknown_reasons_do_not_break_the_page(sign_in: SignIn, store: WorkerStore) -> None:
    """One reason with an unknown code, and one whose text has more placeholders."""
    for code in ("of_the_future", "file_missing"):
        job = add(store, code, "teacher")
        store.claim()
        store.fail(job, Reason(code))
    teacher = sign_in("teacher")
    page = teacher.get("/").text
    assert "of_the_future" in page and "The file … does not exist." in page
    found = teacher.get("/api/v1/jobs").get_json()["jobs"]
    assert {job["reason"]["text"] for job in found} == {
        "of_the_future",
        "The file … does not exist.",
    }
    assert teacher.get(f"/results/{job}").status_code == 200


class TestThumbnail:
    def test_finished_video_has_its_thumbnail(
        self, app: Flask, sign_in: SignIn, store: WorkerStore, tmp_path: Path
    ) -> None:
        job = add(store, "a")
        store.claim()
        picture = tmp_path / "a.jpg"
        picture.write_bytes(b"\xff\xd8\xff\xe0 picture")
        store.set_output_paths(job, tmp_path / "a.mp4", tmp_path / "a.mp4")
        store.files.add_result(job, picture)
        answer = sign_in("viewer").get(f"/jobs/{job}/thumbnail")
        assert (answer.content_type, answer.data) == ("image/jpeg", picture.read_bytes())

    def test_cached_thumbnail_is_preferred(
        self, config: Config, sign_in: SignIn, store: WorkerStore
    ) -> None:
        """Four full-size images would be larger than the rest of the page."""
        job = add(store, "a")
        store.claim()
        video, small = config.root / "a.mp4", config.root / "small.jpg"
        video.write_bytes(b"video")
        video.with_suffix(".jpg").write_bytes(b"\xff\xd8\xff large")
        small.write_bytes(b"\xff\xd8\xff small")
        store.set_output_paths(job, video, video)
        store.files.add_result(job, video.with_suffix(".jpg"))
        assert sign_in("viewer").get(f"/jobs/{job}/thumbnail").data == b"\xff\xd8\xff large"
        ThumbnailCache(config.root).put(video, small)
        assert sign_in("viewer").get(f"/jobs/{job}/thumbnail").data == small.read_bytes()

    def test_placeholder_without_a_thumbnail(self, sign_in: SignIn, store: WorkerStore) -> None:
        answer = sign_in("viewer").get(f"/jobs/{add(store, 'a')}/thumbnail", follow_redirects=True)
        assert answer.content_type.startswith("image/svg+xml")

    def test_only_jpeg_files_are_sent(self, store: WorkerStore, tmp_path: Path) -> None:
        job = store.get(add(store, "a"))
        picture = tmp_path / "a.jpg"
        picture.write_text("<script>alert(1)</script>")
        store.files.add_result(job.id, picture)
        assert job_thumbnail(store, tmp_path, job) is None

    def test_presenter_thumbnail_is_used_before_the_first_frame(
        self, sign_in: SignIn, store: WorkerStore, config: Config, tmp_path: Path
    ) -> None:
        presenter, picture = tmp_path / "p.mp4", tmp_path / "p.jpg"
        presenter.write_bytes(b"video")
        picture.write_bytes(b"\xff\xd8\xff face")
        ThumbnailCache(config.root).put(presenter, picture)
        job = store.add(NewJob("Mine", presenter, Path("/a.wav"), owner="other")).id
        assert sign_in("other").get(f"/jobs/{job}/thumbnail").data == picture.read_bytes()


def test_restored_database_is_reported_on_home(
    sign_in: SignIn, store: WorkerStore, config: Config, clock: Clock
) -> None:
    clock.time = time.time()
    backups = DatabaseBackups(config.root / "state", QUEUE)
    backup = backups.create()
    assert backup is not None
    assert "was restored" not in sign_in("teacher").get("/").text
    backups.restore(backup, "database disk image is malformed")
    page = sign_in("teacher").get("/").text
    assert "lectern.sqlite3 was damaged (database disk image is malformed)" in page
    assert "was restored" not in sign_in("viewer").get("/").text
    clock.time += RESTORATION_SHOWN_S + 60
    assert "was restored" not in sign_in("teacher").get("/").text
