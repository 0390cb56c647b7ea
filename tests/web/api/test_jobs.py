"""Jobs over the API: created from uploads, visible to the right users, changed and deleted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from appliance.config import Config
from appliance.jobs.models import Job, NewJob
from appliance.jobs.states import JobRequest, JobState
from appliance.jobs.worker_store import WorkerStore
from tests.web.api.conftest import Program, Programs


def pair(teacher: Program, **more: object) -> dict[str, Any]:
    """Return the request for one job of two new uploads."""
    return {
        "presenters": [{"upload": teacher.upload("wang.mp4", b"picture")}],
        "lectures": [{"upload": teacher.upload("lesson.txt", b"words")}],
        **more,
    }


def ended(store: WorkerStore, config: Config, owner: str, state: JobState = JobState.DONE) -> Job:
    """Return a job that has ended, with its results delivered and its files archived."""
    job = store.add(NewJob("lesson", Path("a.mp4"), Path("a.wav"), owner=owner))
    claimed = store.claim()
    assert claimed is not None and claimed.id == job.id
    outbox = config.root / "outbox"
    outbox.mkdir(parents=True, exist_ok=True)
    if state is JobState.DONE:
        output, report = outbox / f"l{job.id}.mp4", outbox / f"l{job.id}.report.json"
        output.write_bytes(b"video")
        report.write_text("{}")
        store.set_output_paths(job.id, output, report)
        for path in (output, report):
            store.files.add_result(job.id, path)
        store.finish(job.id)
    else:
        store.cancel(job.id)
        store.apply_request(job.id, JobRequest.CANCEL)
    store.mark_archived(job.id)
    return store.get(job.id)


class TestCreation:
    def test_every_pair_becomes_a_job_with_its_own_files(
        self, program: Programs, store: WorkerStore, config: Config
    ) -> None:
        teacher = program("teacher")
        uploads = [teacher.upload(n, n.encode()) for n in ("wang.mp4", "li.jpg", "1.wav", "2.txt")]
        body = {
            "presenters": [{"upload": number} for number in uploads[:2]],
            "lectures": [{"upload": number} for number in uploads[2:]],
            "options": {"speed": 1.5, "face": 1},
        }
        answer = teacher.post("/jobs", body)
        assert answer.status_code == 200, answer.text
        made = answer.get_json()["jobs"]
        assert [job["name"] for job in made] == ["1 - wang", "1 - li", "2 - wang", "2 - li"]
        jobs = sorted(store.jobs(), key=lambda job: job.id)
        paths = [path for job in jobs for path in (job.presenter, job.lecture) if path]
        assert len(set(paths)) == 8
        assert all(path.read_bytes() == path.name.encode() for path in paths)
        assert all(path.is_relative_to(config.root / "state" / "job_files") for path in paths)
        assert {job.owner for job in jobs} == {"teacher"}
        assert jobs[0].options == {"speech": {"speed": 1.5}, "face": {"index": 1}}
        assert store.files.source_paths() == set(paths)
        assert teacher.get("/uploads").get_json() == {"uploads": []}

    def test_library_presenter_stays_in_the_library(
        self, program: Programs, store: WorkerStore, config: Config
    ) -> None:
        library = config.root / "presenters"
        library.mkdir(parents=True)
        (library / "Wang.mp4").write_bytes(b"picture")
        teacher = program("teacher")
        body = pair(teacher, presenters=[{"library": "wang"}])
        assert teacher.post("/jobs", body).status_code == 200
        (job,) = store.jobs()
        assert job.presenter == library / "Wang.mp4"
        assert job.presenter not in store.files.source_paths()

    def test_empty_folders_of_ended_jobs_are_removed(
        self, program: Programs, config: Config
    ) -> None:
        material = config.root / "state" / "job_files"
        for name in ("over/lecture", "young/lecture"):
            (material / name).mkdir(parents=True)
        (material / "kept" / "lecture").mkdir(parents=True)
        (material / "kept" / "lecture" / "a.wav").write_bytes(b"sound")
        for path in (material / "over" / "lecture", material / "kept" / "lecture"):
            os.utime(path, (0, 0))
        assert program("teacher").post("/jobs", pair(program("teacher"))).status_code == 200
        assert not (material / "over" / "lecture").exists()
        assert (material / "young" / "lecture").exists()
        assert (material / "kept" / "lecture" / "a.wav").exists()

    @pytest.mark.parametrize(
        ("change", "status", "code"),
        [
            ({"presenters": []}, 400, "bad_request"),
            ({"presenters": [{}]}, 400, "bad_request"),
            ({"lectures": [{"library": "wang"}]}, 400, "bad_request"),
            ({"presenters": [{"library": "../../etc"}]}, 404, "presenter_unknown"),
            ({"presenters": [{"library": "x\u0000"}]}, 404, "presenter_unknown"),
            ({"lectures": [{"upload": "0" * 32}]}, 404, "upload_unknown"),
            ({"lectures": [{"upload": "../../x"}]}, 400, "bad_request"),
            ({"options": {"speed": 9}}, 400, "bad_request"),
            ({"options": {"root": "/etc"}}, 400, "bad_request"),
            ({"owner": "admin"}, 400, "bad_request"),
        ],
    )
    def test_jobs_that_cannot_be_created(
        self,
        program: Programs,
        store: WorkerStore,
        change: dict[str, object],
        status: int,
        code: str,
    ) -> None:
        teacher = program("teacher")
        answer = teacher.post("/jobs", {**pair(teacher), **change})
        assert (answer.status_code, answer.get_json()["code"]) == (status, code)
        assert store.jobs() == []

    @pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'"' + b"x" * 300_000 + b'"'])
    def test_invalid_requests(self, program: Programs, data: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        answer = program("teacher").ask("POST", "/jobs", data=data, headers=headers)
        assert answer.status_code in (400, 413)

    def test_incomplete_foreign_or_wrong_uploads(
        self, program: Programs, store: WorkerStore
    ) -> None:
        teacher = program("teacher")
        begun, text = teacher.begin("half.mp4", 10), teacher.upload("a.txt")
        for number, code in ((begun, "upload_incomplete"), (text, "presenter_type_unsupported")):
            answer = teacher.post("/jobs", pair(teacher, presenters=[{"upload": number}]))
            assert answer.get_json()["code"] == code
        theirs = program("other").upload("b.mp4")
        answer = teacher.post("/jobs", pair(teacher, presenters=[{"upload": theirs}]))
        assert answer.get_json()["code"] == "upload_unknown"
        assert store.jobs() == []

    def test_too_many_jobs(self, program: Programs, store: WorkerStore) -> None:
        teacher = program("teacher")
        body = pair(teacher)
        body["presenters"] *= 11
        body["lectures"] *= 10
        assert teacher.post("/jobs", body).get_json()["code"] == "too_many_jobs"


class TestReading:
    def test_job_has_names_and_no_paths(
        self, program: Programs, store: WorkerStore, config: Config
    ) -> None:
        teacher = program("teacher")
        teacher.post("/jobs", pair(teacher))
        answer = teacher.get("/jobs")
        (job,) = answer.get_json()["jobs"]
        assert (job["presenter"], job["lecture"], job["state"]) == (
            "wang.mp4", "lesson.txt", "queued",
        )  # fmt: skip
        assert os.fspath(config.root) not in answer.text

    def test_visible_jobs_by_role(self, program: Programs, store: WorkerStore) -> None:
        for owner in ("teacher", "other", ""):
            store.add(NewJob("lesson", Path("a.mp4"), Path("a.wav"), owner=owner))
        seen = {
            name: [job["owner"] for job in program(name).get("/jobs").get_json()["jobs"]]
            for name in ("teacher", "other", "viewer", "admin")
        }
        assert seen["teacher"] == ["teacher"]
        assert seen["other"] == ["other"]
        assert seen["viewer"] == seen["admin"] == ["", "other", "teacher"]
        assert program("").get("/jobs").status_code == 401

    def test_search_and_pages(self, program: Programs, store: WorkerStore) -> None:
        for number in range(5):
            store.add(NewJob(f"Optik {number}", Path("a"), Path("b"), owner="teacher"))
        page = program("teacher").get("/jobs?words=optik&size=2&page=2&state=queued").get_json()
        assert (page["total"], page["pages"], len(page["jobs"])) == (5, 3, 2)
        assert program("teacher").get("/jobs?state=done").get_json()["total"] == 0

    @pytest.mark.parametrize(
        "query", ["page=0", "page=x", "size=1000", "state=flying", "colour=red", "page=9999999999"]
    )
    def test_invalid_filters(self, program: Programs, query: str) -> None:
        answer = program("teacher").get(f"/jobs?{query}")
        assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_request")


class TestChanges:
    def test_pause_resume_cancel_retry(self, program: Programs, store: WorkerStore) -> None:
        teacher = program("teacher")
        teacher.post("/jobs", pair(teacher))
        (job,) = store.jobs()
        for action, state in [
            ("pause", "paused"),
            ("resume", "queued"),
            ("cancel", "cancelled"),
            ("retry", "queued"),
        ]:
            answer = teacher.post(f"/jobs/{job.id}/{action}")
            assert (answer.status_code, answer.get_json()["state"]) == (200, state)
        again = teacher.post(f"/jobs/{job.id}/retry")
        assert (again.status_code, again.get_json()["code"]) == (409, "job_wrong_state")
        changed = teacher.ask("PATCH", f"/jobs/{job.id}", json={"priority": -7})
        assert changed.get_json()["priority"] == -7

    @pytest.mark.parametrize(
        ("name", "status"), [("other", 404), ("viewer", 403), ("", 403), ("admin", 200)]
    )
    def test_editable_jobs_by_role(
        self, program: Programs, store: WorkerStore, name: str, status: int
    ) -> None:
        job = store.add(NewJob("lesson", Path("a.mp4"), Path("a.wav"), owner="teacher"))
        assert program(name).post(f"/jobs/{job.id}/cancel").status_code == status
        expected = JobState.CANCELLED if status == 200 else JobState.QUEUED
        assert store.get(job.id).state is expected

    @pytest.mark.parametrize("number", ["0", "-1", "99", "2147483648", "1e3", "9" * 40, "%00"])
    def test_invalid_numbers(self, program: Programs, number: str) -> None:
        assert program("admin").get(f"/jobs/{number}").status_code == 404
        assert program("admin").post(f"/jobs/{number}/cancel").status_code == 404


class TestDeletion:
    def test_job_is_deleted_with_its_files(
        self, program: Programs, store: WorkerStore, config: Config
    ) -> None:
        job = ended(store, config, "teacher")
        assert program("teacher").delete(f"/jobs/{job.id}").status_code == 204
        assert store.jobs() == []
        assert list((config.root / "outbox").iterdir()) == []

    def test_several_jobs_are_deleted_together_or_not_at_all(
        self, program: Programs, store: WorkerStore, config: Config
    ) -> None:
        mine = [ended(store, config, "teacher").id for _ in range(2)]
        theirs = ended(store, config, "other").id
        answer = program("teacher").post("/jobs/delete", {"jobs": [*mine, theirs]})
        assert answer.status_code == 404
        assert len(store.jobs()) == 3
        assert program("teacher").post("/jobs/delete", {"jobs": mine}).status_code == 204
        assert [job.id for job in store.jobs()] == [theirs]

    def test_error_of_the_disk_deletes_nothing(
        self, program: Programs, store: WorkerStore, config: Config
    ) -> None:
        jobs = [ended(store, config, "teacher") for _ in range(3)]
        outbox = config.root / "outbox"
        broken = outbox / "file" / "lesson.srt"
        broken.parent.write_text("not a folder")
        store.files.add_result(jobs[1].id, broken)
        before = {path.name: path.read_bytes() for path in outbox.iterdir()}
        teacher = program("teacher")
        numbers = [job.id for job in jobs]
        answer = teacher.post("/jobs/delete", {"jobs": numbers})
        assert answer.get_json()["code"] == "output_unwritable"
        assert {path.name: path.read_bytes() for path in outbox.iterdir()} == before
        assert {job.id for job in store.jobs()} == set(numbers)
        broken.parent.unlink()
        assert teacher.post("/jobs/delete", {"jobs": numbers}).status_code == 204
        assert list(outbox.iterdir()) == []

    def test_running_or_moving_jobs_are_not_deleted(
        self, program: Programs, store: WorkerStore
    ) -> None:
        teacher = program("teacher")
        teacher.post("/jobs", pair(teacher))
        (job,) = store.jobs()
        assert teacher.delete(f"/jobs/{job.id}").get_json()["code"] == "job_wrong_state"
        store.cancel(job.id)
        assert teacher.delete(f"/jobs/{job.id}").get_json()["code"] == "job_not_archived"
        store.mark_archived(job.id)
        assert job.presenter is not None and job.presenter.is_file()
        store.files.finish_move(job.presenter, job.presenter)
        assert teacher.delete(f"/jobs/{job.id}").status_code == 204
        assert not job.presenter.exists()


def test_failed_batch_queues_nothing_and_keeps_the_uploads(
    program: Programs, store: WorkerStore, config: Config
) -> None:
    teacher = program("teacher")
    presenters = [{"upload": teacher.upload(f"{name}.mp4")} for name in ("wang", "zhou")]
    lecture = {"upload": teacher.upload("cells.wav")}
    (gone,) = (config.root / "state" / "uploads").glob("*/zhou.mp4")
    gone.unlink()
    body = {"presenters": presenters, "lectures": [lecture]}
    assert teacher.post("/jobs", body).status_code == 500
    assert store.jobs(set(JobState)) == []
    assert list((config.root / "state" / "job_files").iterdir()) == []
    assert len(teacher.get("/uploads").get_json()["uploads"]) == 3
