"""What a job has made: whole, in parts, together; and what is said of it."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.config import Config
from appliance.jobs.models import Job, NewJob
from appliance.jobs.worker_store import WorkerStore
from tests.web.api.conftest import Programs
from tests.web.conftest import SignIn
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
    """Makes a job that is over, with all its results in the outbox."""

    def make(stem: str = "lesson", owner: str = "teacher", report: object = REPORT) -> Job:
        job = store.add(NewJob(stem, Path("a.mp4"), Path("a.wav"), owner=owner))
        store.claim()
        outbox = config.root / "outbox"
        outbox.mkdir(parents=True, exist_ok=True)
        output = outbox / f"{stem}.mp4"
        output.write_bytes(VIDEO)
        output.with_suffix(".jpg").write_bytes(b"\xff\xd8\xff")
        output.with_suffix(".srt").write_text("1\n00:00:01,500 --> 00:00:02,000\nHello, you\n")
        told = outbox / f"{stem}.report.json"
        told.write_text(report if isinstance(report, str) else json.dumps(report))
        store.set_output_paths(job.id, output, told)
        store.finish(job.id)
        store.mark_archived(job.id)
        return store.get(job.id)

    return make


class TestVideo:
    def test_in_parts_as_a_player_asks(self, program: Programs, done: Done) -> None:
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

    def test_taking_it_along_is_noted_watching_it_is_not(
        self, program: Programs, done: Done, store: WorkerStore
    ) -> None:
        job, teacher = done("课 1"), program("teacher")
        teacher.get(f"/jobs/{job.id}/video")
        assert store.get(job.id).downloaded is None
        taken = teacher.get(f"/jobs/{job.id}/video?download=true")
        assert "attachment" in taken.headers["Content-Disposition"]
        assert "%E8%AF%BE%201.mp4" in taken.headers["Content-Disposition"]
        assert store.get(job.id).downloaded is not None

    def test_a_download_that_breaks_off_is_not_taken_and_one_that_goes_on_is(
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

    def test_a_video_that_shrinks_meanwhile_is_seen_to_be_cut_off(
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
    def test_whose_it_is(self, program: Programs, done: Done, kind: str) -> None:
        job = done()
        status = {
            name: program(name).get(f"/jobs/{job.id}/{kind}").status_code
            for name in ("teacher", "other", "viewer", "admin", "")
        }
        assert status == {"teacher": 200, "other": 404, "viewer": 200, "admin": 200, "": 401}

    def test_what_somebody_moved_away(self, program: Programs, done: Done) -> None:
        job = done()
        assert job.output is not None
        job.output.unlink()
        answer = program("teacher").get(f"/jobs/{job.id}/video")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "result_file_missing")
        assert "video" not in program("teacher").get(f"/jobs/{job.id}").get_json()["files"]

    def test_a_link_in_the_outbox_leads_nowhere(
        self, program: Programs, done: Done, tmp_path: Path
    ) -> None:
        job = done()
        assert job.output is not None
        (tmp_path / "secret").write_text("secret")
        job.output.unlink()
        os.symlink(tmp_path / "secret", job.output)
        assert program("teacher").get(f"/jobs/{job.id}/video").status_code == 404


def test_subtitles_for_the_player(program: Programs, done: Done) -> None:
    job = done()
    answer = program("teacher").get(f"/jobs/{job.id}/captions")
    assert answer.mimetype == "text/vtt"
    assert answer.text == "WEBVTT\n\n1\n00:00:01.500 --> 00:00:02.000\nHello, you\n"


class TestArchive:
    def test_several_videos_and_what_belongs_to_them(
        self, program: Programs, done: Done, store: WorkerStore
    ) -> None:
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

    def test_not_with_somebody_elses(
        self, program: Programs, done: Done, store: WorkerStore
    ) -> None:
        mine, theirs = done("a"), done("b", owner="other")
        answer = program("teacher").get(f"/jobs/archive?job={mine.id}&job={theirs.id}")
        assert answer.status_code == 404
        assert store.get(mine.id).downloaded is None

    @pytest.mark.parametrize(
        "query", ["", "job=0", "job=x", "job=" + "9" * 30, "job=1&include_sidecars=maybe"]
    )
    def test_what_is_no_list(self, program: Programs, query: str) -> None:
        assert program("teacher").get(f"/jobs/archive?{query}").status_code == 400


class TestVerdict:
    def test_in_plain_words_and_five_moments(self, program: Programs, done: Done) -> None:
        job, teacher = done(), program("teacher")
        told = teacher.get(f"/jobs/{job.id}/verdict").get_json()
        assert told["grade"] == "check"
        assert told["reasons"][0]["text"] == "The mouth does not match the speech well."
        assert len(told["moments"]) == 5
        assert told["warnings"][0]["text"] == "A warning of a later version."
        chinese = {"Accept-Language": "zh-CN"}
        told = teacher.get(f"/jobs/{job.id}/verdict", headers=chinese).get_json()
        assert told["reasons"][0]["text"] == "嘴部动作与语音不太吻合。"

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
    def test_a_report_that_says_nothing(self, program: Programs, done: Done, report: str) -> None:
        job, teacher = done(report=report), program("teacher")
        told = teacher.get(f"/jobs/{job.id}/verdict")
        assert told.get_json() == {"grade": None, "reasons": [], "moments": [], "warnings": []}

    def test_a_warning_with_a_count_is_localized(self, program: Programs, done: Done) -> None:
        warning = {"code": "more_gaps", "text": "English", "at_s": 9.0}
        report = {**REPORT, "warnings": [{**warning, "count": 7}, warning]}
        job, teacher = done(report=report), program("teacher")
        chinese = {"Accept-Language": "zh-CN"}
        found = teacher.get(f"/jobs/{job.id}/verdict", headers=chinese).get_json()["warnings"]
        assert [each["text"] for each in found] == ["还有 7 处类似的片段。", "English"]
