"""Transcripts and unused files of a job, and files that were taken away."""

from __future__ import annotations

from pathlib import Path

from appliance.attempt.protocol import RenderRequest
from appliance.config import Config
from appliance.daemon.companions import find_companions
from appliance.jobs.models import Job, NewJob
from appliance.jobs.states import JobState
from appliance.jobs.worker_store import WorkerStore
from tests.daemon.world import drop, make_worker, succeed


def add_job(store: WorkerStore, folder: Path, *names: str) -> Job:
    folder.mkdir(parents=True, exist_ok=True)
    paths = tuple(folder / name for name in names)
    for path in paths:
        path.write_bytes(b"x")
    return store.add(NewJob("a", paths[0], paths[1], claims=paths))


def test_subtitles_precede_a_transcript(store: WorkerStore, config: Config) -> None:
    inbox = config.root / "inbox"
    job = add_job(store, inbox, "a.mp4", "a.wav", "a.txt", "A.srt", "a.mov")
    found = find_companions(store, job, inbox)
    assert found.transcript == inbox / "A.srt"
    assert found.unused == ("a.mov", "a.txt")


def test_folder_shares_its_transcripts(store: WorkerStore, config: Config) -> None:
    inbox = config.root / "inbox"
    add_job(store, inbox / "w", "li.mp4", "1.wav", "1.txt", "wang.mp4")
    (inbox / "w" / "2.wav").write_bytes(b"x")
    paths = inbox / "w" / "wang.mp4", inbox / "w" / "1.wav"
    second = store.add(NewJob("b", *paths))
    assert find_companions(store, second, inbox) == (None, ())  # it owns no file
    (inbox / "w" / "2.txt").write_bytes(b"x")
    third = store.add(NewJob("c", paths[0], inbox / "w" / "2.wav", claims=(inbox / "w" / "2.wav",)))
    assert find_companions(store, third, inbox) == (inbox / "w" / "2.txt", ())


def test_text_lecture_has_no_transcript(store: WorkerStore, config: Config) -> None:
    job = add_job(store, config.root / "inbox", "a.mp4", "a.txt", "a.srt")
    assert find_companions(store, job, config.root / "inbox") == (None, ("a.srt",))


def test_request_carries_them_to_the_attempt(tmp_path: Path) -> None:
    folder, presenter, lecture, output = (tmp_path / name for name in "abcd")
    transcript = tmp_path / "é\n.srt"
    request = RenderRequest(folder, presenter, lecture, output, Config(), transcript, ("x.mov",))
    assert RenderRequest.from_json(request.to_json()) == request


def test_file_that_was_taken_away_is_named(store: WorkerStore, config: Config) -> None:
    job = drop(store, config)
    assert job.lecture is not None
    job.lecture.unlink()
    make_worker(store, config, succeed).run_next()
    failed = store.get(job.id)
    assert failed.state is JobState.FAILED and failed.reason is not None
    assert failed.reason.code == "source_removed"
    assert failed.reason.params["name"] == job.lecture.name
