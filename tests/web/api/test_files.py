"""Result files of a job: whole, in ranges, as an archive, and the verdict."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from appliance.config import Config
from appliance.jobs.models import Job, NewJob
from appliance.jobs.worker_store import WorkerStore
from tests.web.api.conftest import Programs
from tests.web.conftest import SignIn
from web.services.client_limits import DOWNLOADS_PER_ADDRESS
from web.services.downloads import BLOCK_BYTES

VIDEO = bytes(range(256)) * 40
REPORT = {
    "output": {"duration_s": 61.0},
    "score": {
        "verdict": {
            "grade": "check",
            "reasons": [{"code": "sync_weak", "grade": "check", "text": "x"}],
            "moments": [{"at_s": 3.0, "code": "mouth_blurred", "text": "x"}] * 7,
        }
    },
    "warnings": [{"code": "later", "text": "A warning of a later version.", "at_s": 1.5}],
}
Done = Callable[..., Job]


@pytest.fixture
def done(store: WorkerStore, config: Config) -> Done:
    """Return a factory of finished jobs with all results in the outbox."""

    def make(stem: str = "lesson", owner: str = "teacher", report: object = REPORT) -> Job:
        job = store.add(NewJob(stem, Path("a.mp4"), Path("a.wav"), owner=owner))
        store.claim()
        outbox = config.root / "outbox"
        outbox.mkdir(parents=True, exist_ok=True)
        output = outbox / f"{stem}.mp4"
        output.write_bytes(VIDEO)
        output.with_suffix(".jpg").write_bytes(b"\xff\xd8\xff")
        output.with_suffix(".srt").write_text("1\n00:00:01,500 --> 00:00:02,000\nHello, you\n")
        report_path = outbox / f"{stem}.report.json"
        report_path.write_text(report if isinstance(report, str) else json.dumps(report))
        store.set_output_paths(job.id, output, report_path)
        store.finish(job.id)
        store.mark_archived(job.id)
        return store.get(job.id)

    return make


def test_warnings_and_their_pictures_are_results(program: Programs, done: Done) -> None:
    job, teacher = done(), program("teacher")
    assert job.output is not None
    assert teacher.get(f"/jobs/{job.id}/warnings").status_code == 404
    job.output.with_suffix(".warnings.txt").write_text("0:01  谢谢", encoding="utf-8")
    job.output.with_suffix(".warnings.jpg").write_bytes(b"\xff\xd8\xff")
    assert "谢谢" in teacher.get(f"/jobs/{job.id}/warnings").text
    assert teacher.get(f"/jobs/{job.id}/warning-pictures").mimetype == "image/jpeg"
    files = teacher.get(f"/jobs/{job.id}").get_json()["files"]
    assert files[-2:] == ["warnings", "warning_pictures"]


class TestVideo:
    def test_range_requests(self, program: Programs, done: Done) -> None:
        job, teacher = done(), program("teacher")
        whole = teacher.get(f"/jobs/{job.id}/video")
        assert (whole.status_code, whole.data, whole.mimetype) == (200, VIDEO, "video/mp4")
        part = teacher.get(f"/jobs/{job.id}/video", headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.data) == (206, VIDEO[100:200])
        assert part.headers["Content-Range"] == f"bytes 100-199/{len(VIDEO)}"
        end = teacher.get(f"/jobs/{job.id}/video", headers={"Range": "bytes=-10"})
        assert end.data == VIDEO[-10:]
        beyond = teacher.get(f"/jobs/{job.id}/video", headers={"Range": "bytes=99999-"})
        assert beyond.status_code == 416

    def test_one_address_has_few_downloads_at_the_same_time(
        self, sign_in: SignIn, done: Done
    ) -> None:
        job, viewer = done(), sign_in("viewer")
        address = f"/api/v1/jobs/{job.id}/video"

        def ask(path: str, client: str = "10.0.0.1") -> TestResponse:
            return viewer.get(path, buffered=False, environ_base={"REMOTE_ADDR": client})

        running = [ask(address) for _ in range(DOWNLOADS_PER_ADDRESS - 1)]
        running.append(ask(f"/api/v1/jobs/archive?job={job.id}"))
        assert {response.status_code for response in running} == {200}
        refused = ask(address)
        assert refused.status_code == 503
        assert refused.json and refused.json["code"] == "too_many_downloads"
        assert ask(f"/api/v1/jobs/archive?job={job.id}").status_code == 503
        running.append(ask(address, "10.0.0.2"))
        running.pop(0).close()
        running.append(ask(address))
        assert running[-2].status_code == running[-1].status_code == 200
        for response in running:
            response.close()

    def test_failed_and_unchanged_requests_are_no_downloads(
        self, sign_in: SignIn, done: Done
    ) -> None:
        job, viewer = done(), sign_in("viewer")
        address = f"/api/v1/jobs/{job.id}/video"
        client = {"REMOTE_ADDR": "10.0.0.1"}

        def ask(method: str, **headers: str) -> TestResponse:
            return viewer.open(
                address,
                method=method,
                headers={key.replace("_", "-"): value for key, value in headers.items()},
                environ_base=client,
                buffered=True,
            )

        etag = ask("HEAD").headers["ETag"]
        for _ in range(DOWNLOADS_PER_ADDRESS + 1):
            assert ask("GET", If_None_Match=etag).status_code == 304
            assert ask("GET", Range="bytes=99999999-").status_code == 416
            assert ask("HEAD").status_code == 200

    def test_only_downloads_mark_the_video(
        self, program: Programs, done: Done, store: WorkerStore
    ) -> None:
        job, teacher = done("课 1"), program("teacher")
        teacher.get(f"/jobs/{job.id}/video")
        assert store.get(job.id).downloaded is None
        taken = teacher.get(f"/jobs/{job.id}/video?download=true")
        assert "attachment" in taken.headers["Content-Disposition"]
        assert "%E8%AF%BE%201.mp4" in taken.headers["Content-Disposition"]
        assert store.get(job.id).downloaded is not None

    def test_only_complete_downloads_count(
        self, sign_in: SignIn, done: Done, store: WorkerStore
    ) -> None:
        job, teacher = done(), sign_in("teacher")
        assert job.output is not None
        data = os.urandom(2 * BLOCK_BYTES + 7)
        job.output.write_bytes(data)
        address = f"/api/v1/jobs/{job.id}/video?download=true"
        broken = teacher.get(address, buffered=False)
        blocks = iter(broken.response)
        assert next(blocks) == data[:BLOCK_BYTES]
        broken.close()
        with teacher.get(address, headers={"Range": f"bytes=0-{BLOCK_BYTES}"}) as part:
            assert part.data == data[: BLOCK_BYTES + 1]
        with teacher.head(address) as head:
            assert head.content_length == len(data)
        unchanged = {"If-None-Match": head.headers["ETag"]}
        with teacher.get(address, headers=unchanged) as known:
            assert known.status_code == 304
        assert store.get(job.id).downloaded is None
        with teacher.get(address, headers={"Range": f"bytes={BLOCK_BYTES}-"}) as rest:
            assert (rest.status_code, rest.data) == (206, data[BLOCK_BYTES:])
        assert store.get(job.id).downloaded is not None

    def test_shrinking_video_breaks_the_download(
        self, sign_in: SignIn, done: Done, store: WorkerStore
    ) -> None:
        job = done()
        assert job.output is not None
        job.output.write_bytes(os.urandom(2 * BLOCK_BYTES))
        answer = sign_in("teacher").get(
            f"/api/v1/jobs/{job.id}/video?download=true", buffered=False
        )
        os.truncate(job.output, BLOCK_BYTES)
        with pytest.raises(OSError, match="shorter"):
            list(answer.response)
        assert store.get(job.id).downloaded is None

    @pytest.mark.parametrize("kind", ["video", "thumbnail", "subtitles", "report", "captions"])
    def test_access_by_role(self, program: Programs, done: Done, kind: str) -> None:
        job = done()
        status = {
            name: program(name).get(f"/jobs/{job.id}/{kind}").status_code
            for name in ("teacher", "other", "viewer", "admin", "")
        }
        assert status == {"teacher": 200, "other": 404, "viewer": 200, "admin": 200, "": 401}

    def test_missing_result_file(self, program: Programs, done: Done) -> None:
        job = done()
        assert job.output is not None
        job.output.unlink()
        answer = program("teacher").get(f"/jobs/{job.id}/video")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "result_file_missing")
        assert "video" not in program("teacher").get(f"/jobs/{job.id}").get_json()["files"]

    def test_symlink_in_the_outbox_is_not_followed(
        self, program: Programs, done: Done, tmp_path: Path
    ) -> None:
        job = done()
        assert job.output is not None
        (tmp_path / "secret").write_text("secret")
        job.output.unlink()
        os.symlink(tmp_path / "secret", job.output)
        assert program("teacher").get(f"/jobs/{job.id}/video").status_code == 404


def test_subtitles_as_webvtt(program: Programs, done: Done) -> None:
    job = done()
    answer = program("teacher").get(f"/jobs/{job.id}/captions")
    assert answer.mimetype == "text/vtt"
    assert answer.text == "WEBVTT\n\n1\n00:00:01.500 --> 00:00:02.000\nHello, you\n"


class TestArchive:
    def test_archive_with_sidecars(self, program: Programs, done: Done, store: WorkerStore) -> None:
        jobs, teacher = [done("a"), done("b")], program("teacher")
        query = "&".join(f"job={job.id}" for job in jobs)
        answer = teacher.get(f"/jobs/archive?{query}")
        with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
            assert archive.namelist() == ["a.mp4", "b.mp4"]
            assert archive.read("b.mp4") == VIDEO
        assert all(store.get(job.id).downloaded for job in jobs)
        more = teacher.get(f"/jobs/archive?{query}&include_sidecars=true")
        with zipfile.ZipFile(io.BytesIO(more.data)) as archive:
            assert set(archive.namelist()) >= {"a.srt", "a.report.json", "b.mp4"}

    def test_archive_with_another_users_job(
        self, program: Programs, done: Done, store: WorkerStore
    ) -> None:
        mine, theirs = done("a"), done("b", owner="other")
        answer = program("teacher").get(f"/jobs/archive?job={mine.id}&job={theirs.id}")
        assert answer.status_code == 404
        assert store.get(mine.id).downloaded is None

    @pytest.mark.parametrize(
        "query", ["", "job=0", "job=x", "job=" + "9" * 30, "job=1&include_sidecars=maybe"]
    )
    def test_invalid_queries(self, program: Programs, query: str) -> None:
        assert program("teacher").get(f"/jobs/archive?{query}").status_code == 400


class TestVerdict:
    def test_verdict_is_localized_with_five_moments(self, program: Programs, done: Done) -> None:
        job, teacher = done(), program("teacher")
        answer = teacher.get(f"/jobs/{job.id}/verdict").get_json()
        assert answer["grade"] == "check"
        assert answer["reasons"][0]["text"] == "The mouth does not match the speech well."
        assert len(answer["moments"]) == 5
        assert answer["warnings"][0]["text"] == "A warning of a later version."
        chinese = {"Accept-Language": "zh-CN"}
        answer = teacher.get(f"/jobs/{job.id}/verdict", headers=chinese).get_json()
        assert answer["reasons"][0]["text"] == "嘴部动作与语音不太吻合。"

    @pytest.mark.parametrize(
        "report",
        [
            "",
            "[]",
            "{",
            '{"score": 3}',
            '{"score": {"verdict": {"grade": "splendid", "moments": [1, {"at_s": "x"}]}}}',
            "[" * 100_000,
        ],
    )
    def test_report_without_a_verdict(self, program: Programs, done: Done, report: str) -> None:
        job, teacher = done(report=report), program("teacher")
        answer = teacher.get(f"/jobs/{job.id}/verdict").get_json()
        assert answer["grade"] == "not_measured"
        assert (answer["reasons"], answer["moments"], answer["warnings"]) == ([], [], [])

    def test_video_without_a_score_says_that_it_was_not_measured(
        self, program: Programs, done: Done
    ) -> None:
        job, teacher = done(report={"score": {}}), program("teacher")
        answer = teacher.get(f"/jobs/{job.id}/verdict").get_json()
        assert answer["grade"] == "not_measured"
        assert [item["code"] for item in answer["unmeasured"]] == ["score_missing"]

    def test_reason_has_its_stretch_and_its_picture(self, program: Programs, done: Done) -> None:
        reason = {"code": "lips_pale", "grade": "poor", "text": "x", "start_s": 2, "stop_s": 7.5}
        wrong = {**reason, "grade": "good", "start_s": -1, "stop_s": "x", "picture": 99}
        verdict = {"grade": "poor", "reasons": [{**reason, "picture": 1}, wrong]}
        job, teacher = done(report={"score": {"verdict": verdict}}), program("teacher")
        first, second = teacher.get(f"/jobs/{job.id}/verdict").get_json()["reasons"]
        assert (first["start_s"], first["stop_s"], first["picture"]) == (2, 7.5, 1)
        assert (second["grade"], second["start_s"], second["stop_s"]) == ("check", None, None)
        assert second["picture"] is None
        assert job.output is not None
        path = job.output.with_suffix(".check-1.jpg")
        assert teacher.get(f"/jobs/{job.id}/pictures/1").status_code == 404
        path.write_bytes(b"\xff\xd8\xffpicture")
        answer = teacher.get(f"/jobs/{job.id}/pictures/1")
        assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
        assert answer.data == b"\xff\xd8\xffpicture"
        assert teacher.get(f"/jobs/{job.id}/pictures/6").status_code == 404
        assert program("other").get(f"/jobs/{job.id}/pictures/1").status_code == 404

    def test_a_warning_with_a_count_is_localized(self, program: Programs, done: Done) -> None:
        warning = {"code": "more_gaps", "text": "English", "at_s": 9.0}
        report = {**REPORT, "warnings": [{**warning, "count": 7}, warning]}
        job, teacher = done(report=report), program("teacher")
        chinese = {"Accept-Language": "zh-CN"}
        found = teacher.get(f"/jobs/{job.id}/verdict", headers=chinese).get_json()["warnings"]
        assert [each["text"] for each in found] == ["还有 7 处类似的片段。", "English"]
