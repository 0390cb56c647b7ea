"""``lectern jobs`` as a user calls it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Protocol

import pytest

from appliance.cli import main
from appliance.jobs.models import NewJob, Reason
from appliance.jobs.states import JobState
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore
from tests.render.conftest import write_wav
from tests.talking_face import babble, portrait, voice, write_video


class RunJobs(Protocol):
    def __call__(self, *words: object, status: int = 0) -> str: ...


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "box.yaml").write_text("root: .\n")
    write_video(tmp_path / "wang.mp4", [portrait()] * 5)
    write_wav(tmp_path / "lesson 03.wav", voice(babble(50)))
    return tmp_path


@pytest.fixture
def run_jobs(
    root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> RunJobs:
    """Return a function that runs ``lectern jobs WORDS`` and returns its output or its error."""
    monkeypatch.chdir(root)

    def run(*words: object, status: int = 0) -> str:
        arguments = ["jobs", *map(str, words), "--config", str(root / "box.yaml")]
        assert main(arguments) == status
        out, err = capfd.readouterr()
        assert not (out if status else err)
        return err if status else out

    return run


@pytest.fixture
def store(root: Path) -> WorkerStore:
    return WorkerStore(store_path(root))


def test_add_queues_absolute_paths_with_the_name_of_the_lecture(
    run_jobs: RunJobs, store: WorkerStore
) -> None:
    number = int(run_jobs("add", "wang.mp4", "lesson 03.wav", "--priority", 3, "--face", 0))
    job = store.get(number)
    assert job.presenter == Path("wang.mp4").resolve()
    assert job.lecture == Path("lesson 03.wav").resolve()
    assert (job.stem, job.priority, job.state) == ("lesson 03", 3, JobState.QUEUED)
    assert job.options == {"face": {"index": 0}}
    assert store.files.source_paths() == set()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["missing.mp4", "lesson 03.wav"], "file_missing"),
        (["wang.mp4", "."], "file_is_folder"),
        (["wang.mp4", "lesson 03.wav", "--face", "99"], "job_options_invalid"),
        (["lesson 03.wav", "lesson 03.wav"], "video_missing"),
        (["wang.mp4", "lesson 03.wav", "--face", "3"], "face_number_out_of_range"),
        (["wang.mp4", "lesson 03.wav", "--face", "-1"], "job_options_invalid"),
    ],
)
def test_add_rejects_invalid_input(
    run_jobs: RunJobs, store: WorkerStore, words: list[str], code: str
) -> None:
    assert run_jobs("add", *words, status=2).startswith(f"lectern: {code}: ")
    assert store.jobs() == []


def test_list_shows_state_progress_name_and_reason(run_jobs: RunJobs, store: WorkerStore) -> None:
    assert run_jobs("list") == "There are no jobs.\n"
    half = store.add(NewJob("half\nway", Path("p"), Path("l"))).id
    store.claim()
    store.update_progress(half, "render", 50, 100)
    failed = store.add(NewJob(os.fsdecode(b"\xff"), Path("p"), Path("l"))).id
    store.fail(failed, Reason("no_face", {"name": "p.mp4"}))
    _, first, second = run_jobs("list").splitlines()
    assert re.fullmatch(rf" +{failed}  failed +� \(No face was found in p\.mp4\. Use .*\)", first)
    assert re.fullmatch(rf" +{half}  running +50%  half�way", second)
    assert [job["id"] for job in json.loads(run_jobs("list", "--open", "--json"))] == [half]


def test_list_shows_holds(run_jobs: RunJobs, store: WorkerStore) -> None:
    store.add_hold(Reason("disk_full", {"name": "a.mp4"}))
    assert run_jobs("list").startswith("On hold: The disk is full, so a.mp4 could not be written.")


def test_show_prints_the_details_of_a_job(run_jobs: RunJobs, store: WorkerStore) -> None:
    job = store.add(NewJob("lesson", Path("p.mp4"), Path("l.wav"))).id
    printed = dict(re.split(" +", line, maxsplit=1) for line in run_jobs("show", job).splitlines())
    assert printed["state"] == "queued" and printed["presenter"] == "p.mp4"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", printed["created"])
    assert json.loads(run_jobs("show", job, "--json"))["lecture"] == "l.wav"
    assert run_jobs("show", 99, status=2).startswith("lectern: job_unknown: ")


def test_pause_resume_cancel_and_retry(run_jobs: RunJobs, store: WorkerStore) -> None:
    one, two = (store.add(NewJob("lesson", Path("p"), Path("l"))).id for _ in range(2))
    assert run_jobs("pause", one, two) == f"Job {one}: paused.\nJob {two}: paused.\n"
    assert run_jobs("resume", one) == f"Job {one}: queued.\n"
    assert run_jobs("cancel", one) == f"Job {one}: cancelled.\n"
    assert run_jobs("retry", one) == f"Job {one}: queued.\n"
    assert run_jobs("retry", two, status=2).startswith("lectern: job_wrong_state: ")
    store.claim()
    assert run_jobs("cancel", one) == f"Job {one}: will stop after the current chunk.\n"
    assert store.get(one).state is JobState.RUNNING


def test_priority_changes_the_order(run_jobs: RunJobs, store: WorkerStore) -> None:
    _, two = (store.add(NewJob("lesson", Path("p"), Path("l"))).id for _ in range(2))
    run_jobs("priority", two, 5)
    job = store.claim()
    assert job is not None and job.id == two


def test_holds_are_shown_in_the_requested_language(
    run_jobs: RunJobs, store: WorkerStore, root: Path
) -> None:
    run_jobs("add", "wang.mp4", "lesson 03.wav")
    store.add_hold(Reason("quiet_hours", {"until": "2026-11-23 12:30"}))
    assert run_jobs("list", "--language", "en").startswith(
        "On hold: Quiet hours are in effect until 2026"
    )
    assert run_jobs("list", "--language", "zh").startswith(
        "暂停：现在是安静时段，到 2026-11-23 12:30"
    )
