"""Links and special files in the place of a regular file, against every reader of users' files.

Each reader must end at once, and must not reveal what a link leads to.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from appliance.attempt.parent import run_attempt
from appliance.config import Config
from appliance.daemon.delivery import deliver
from appliance.daemon.worker import Worker
from appliance.errors import BadInput
from appliance.files.names import find_presenter
from appliance.files.thumbnail_cache import ThumbnailCache
from appliance.helper.usb_copy import copy_file, export_results, find_media_files
from appliance.inbox.archive import archive_sources
from appliance.inbox.completeness import examine
from appliance.inbox.content import Content, content_of
from appliance.inbox.job_file import read_job_file
from appliance.inbox.partial_copies import (
    remove_failure_note,
    remove_partial_copies,
    write_failure_note,
)
from appliance.inbox.stability import is_open_for_writing
from appliance.jobs.models import Job, NewJob
from appliance.jobs.retry import can_retry
from appliance.jobs.states import JobState
from appliance.jobs.worker_store import WorkerStore
from appliance.media.animation import frame_times
from appliance.media.audio import audio_blocks
from appliance.media.container import check_file, open_media
from appliance.media.mp3_header import missing_mp3_share
from appliance.media.photo import load_photo
from appliance.media.probe import probe_audio, probe_presenter
from appliance.media.roles import has_picture, has_sound, is_still_photo
from appliance.media.subtitles import read_subtitles
from appliance.media.thumbnail import save_presenter_thumbnail, save_video_thumbnail
from appliance.speech.document import read_document
from appliance.speech.tracks import find_speech_track, has_opposite_channels
from appliance.speech.transcript import read_transcript
from appliance.tasks.estimates import seconds_per_pixel
from tests.daemon.special_files import KINDS, SECRET, in_time
from tests.daemon.world import make_worker, succeed
from tests.inbox.harness import InboxHarness
from tests.render.conftest import write_wav
from tests.talking_face import babble, portrait, voice
from web.services.job_access import result_file
from web.services.presenter_library import list_presenters
from web.services.report_texts import read_report
from web.services.zip_stream import Entry, stream_zip


def _export(path: Path) -> list[str]:
    target = path.parent / "results"
    target.mkdir()
    return export_results(path.parent, target)[0]


def _open_media(path: Path) -> None:
    open_media(path).close()


def _transcript(path: Path) -> object:
    return read_transcript(path, np.ones(100, np.float32))


def _zip(path: Path) -> bytes:
    return b"".join(stream_zip([Entry(path, "a")]))


def _cache(path: Path) -> object:
    cache = ThumbnailCache(path.parent)
    cache.put(path.parent / "whole", path)
    cache.put(path, path.parent / "whole")
    return cache.get(path) or cache.get(path.parent / "whole")


def _note(path: Path) -> None:
    note = path.parent / "failed" / f"{path.name}.reason.txt"
    note.parent.mkdir()
    path.rename(note)
    remove_failure_note(path.parent, path.name)
    if not note.is_dir():
        write_failure_note(path.parent, path.name)
        assert note.is_file() and not note.is_symlink()


def _partial(path: Path) -> None:
    path.rename(path.with_name(f".{path.name}.usb-part"))
    remove_partial_copies(path.parent)


def _job(path: Path) -> Job:
    return Job.from_row(cast(Any, _Row(output=os.fsencode(path), report=os.fsencode(path))))


def _failed_job(path: Path) -> Job:
    """Return a job that failed because its file was removed."""
    name = os.fsencode(path)
    row = _Row(state="failed", reason="source_removed", presenter=name, lecture=name)
    return Job.from_row(cast(Any, row))


class _Row(dict[str, Any]):
    """A row of the table of jobs, with nothing in the other columns."""

    def __missing__(self, column: str) -> Any:
        texts = {"state": "done", "options": "{}", "reason_params": "{}", "stem": b"a"}
        empty = {"presenter": b"", "lecture": b""}
        return texts.get(column, empty.get(column))


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "check": ("a.mp4", check_file),
    "libav": ("a.mp4", _open_media),
    "presenter": ("a.mp4", probe_presenter),
    "photo": ("a.png", load_photo),
    "photo probe": ("a.png", probe_presenter),
    "audio": ("a.wav", probe_audio),
    "samples": ("a.wav", lambda path: list(audio_blocks(path))),
    "subtitles": ("a.mp4", read_subtitles),
    "text": ("a.txt", read_document),
    "markdown": ("a.md", read_document),
    "word": ("a.docx", read_document),
    "subtitles of a recording": ("a.srt", _transcript),
    "transcript": ("a.txt", _transcript),
    "sound tracks": ("a.mkv", find_speech_track),
    "channels": ("a.wav", has_opposite_channels),
    "MP3 header": ("a.mp3", missing_mp3_share),
    "animation": ("a.webp", lambda path: len(frame_times(path)[0]) > 1),
    "image of an animation": ("a.webp", lambda path: load_photo(path, 1)),
    "role of a photo": ("a.png", is_still_photo),
    "role of a video": ("a.mp4", has_picture),
    "sound of a video": ("a.mp4", has_sound),
    "content": ("a.wav", lambda path: content_of(path, {}) is not Content.OTHER),
    "retry": ("a.wav", lambda path: can_retry(_failed_job(path))),
    "completeness": ("a.wav", lambda path: examine(path) == "1"),
    "presenter thumbnail": (
        "a.png", lambda path: save_presenter_thumbnail(path, path.with_suffix(".jpg"))),
    "video thumbnail": ("a.mp4", lambda path: save_video_thumbnail(path, path.with_suffix(".jpg"))),
    "thumbnail cache": ("a.jpg", _cache),
    "job file": ("job.yaml", lambda path: read_job_file(path)[1][0].error.code),
    "lease": ("a.wav", is_open_for_writing),
    "USB copy": ("a.mp4", lambda path: copy_file(path, path.with_suffix(".copy"))),
    "USB import": ("a.mp4", lambda path: find_media_files(path.parent, only_folder=False)),
    "USB export": ("a.mp4", _export),
    "USB note": ("a.wav", _note),
    "partial copy": ("a.wav", _partial),
    "library": ("a.png", lambda path: find_presenter(path.parent, "a")),
    "library page": ("presenters/a.png", lambda path: list_presenters(path.parents[1])),
    "archive download": ("a.mp4", _zip),
    "result": ("a.mp4", lambda path: result_file(_job(path), "video")),
    "report": ("a.report.json", read_report),
    "speed": ("a.report.json", lambda path: seconds_per_pixel([_job(path)])),
}  # fmt: skip


@pytest.fixture
def secret(tmp_path: Path) -> Iterator[Path]:
    """A file that is not to be read, in another folder. It stays as it is."""
    folder = tmp_path / "private"
    folder.mkdir()
    path = folder / "secret.txt"
    path.write_bytes(SECRET)
    yield path
    assert path.read_bytes() == SECRET and os.listdir(folder) == [path.name]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", READERS)
def test_reader_refuses_a_special_file_at_once(
    tmp_path: Path, secret: Path, reader: str, kind: str
) -> None:
    name, read = READERS[reader]
    path = tmp_path / "inbox" / name
    path.parent.mkdir(parents=True)
    (path.parent / "whole").write_bytes(b"\xff\xd8\xffwhole")
    KINDS[kind](path, secret)
    others = {path.parent / "other.png", path.parent / "other.mp4"}  # of an inner link
    result, error = in_time(lambda: read(path))
    if error is not None:
        assert isinstance(error, (BadInput, OSError)), error
        if isinstance(error, BadInput):
            wanted = "file_is_folder" if kind == "folder" else "file_not_regular"
            assert error.code == wanted
        return
    if isinstance(result, str):  # the code of a problem in the job file
        assert result in ("file_not_regular", "file_unreadable")
    elif isinstance(result, list):  # files that were found or copied
        assert not result or {path.parent / Path(one).name for one in result} <= others
    else:
        assert not result


class TestJobs:
    @pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "folder"])
    def test_special_job_file_is_reported_beside_it(
        self, tmp_path: Path, secret: Path, kind: str
    ) -> None:
        folder = tmp_path / "inbox" / "lesson"
        folder.mkdir(parents=True)
        KINDS[kind](folder / "job.yaml", secret)
        (folder / "other.yaml").unlink(missing_ok=True)

        def work() -> list[str]:
            harness = InboxHarness(tmp_path)
            harness.drop("lesson/a.wav", "lesson/p.png")
            for job in harness.scan():
                if job.state is JobState.FAILED:
                    archive_sources(harness.store, job, harness.folder, harness.mounts)
            return [job.stem for job in harness.store.jobs() if job.state is JobState.QUEUED]

        assert in_time(work) == (["lesson - a"], None)
        reason = tmp_path / "inbox" / "failed" / "lesson" / "job.reason.txt"
        assert "(file_not_regular" in reason.read_text()

    @pytest.mark.slow
    @pytest.mark.parametrize("kind", ["pipe", "link", "socket", "link to a folder"])
    @pytest.mark.parametrize("name", ["a.png", "a.wav", "a.txt"])
    def test_file_that_is_swapped_after_the_claim_fails_its_job_only(
        self, store: WorkerStore, config: Config, secret: Path, name: str, kind: str
    ) -> None:
        worker = real_worker(store, config)
        inbox = config.root / "inbox"
        lecture = "a.txt" if name == "a.txt" else "a.wav"
        job = claimed(store, inbox, "a.png", lecture)
        (inbox / name).unlink()
        KINDS[kind](inbox / name, secret)
        assert worker.run_next()
        failed = store.get(job.id)
        assert failed.state is JobState.FAILED and failed.reason is not None
        assert failed.reason.code == "file_not_regular"
        reason = inbox / "failed" / f"{Path(lecture).stem}.reason.txt"
        assert "(file_not_regular" in reason.read_text()
        assert os.listdir(config.root / "outbox") == []

    def test_dropped_folder_that_becomes_a_link_fails_its_job(
        self, store: WorkerStore, config: Config, secret: Path
    ) -> None:
        folder = config.root / "inbox" / "lesson"
        job = claimed(store, folder, "a.png", "a.wav")
        folder.rename(config.root / "moved")
        folder.symlink_to(config.root / "moved")
        make_worker(store, config, succeed).run_next()
        reason = store.get(job.id).reason
        assert reason is not None and reason.code == "file_not_regular"


class TestDelivery:
    @pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "folder"])
    def test_special_files_in_the_outbox_are_neither_read_nor_written(
        self, store: WorkerStore, config: Config, secret: Path, kind: str
    ) -> None:
        outbox, work = config.root / "outbox", config.root / "state" / "work"
        for folder in (outbox, work):
            folder.mkdir(parents=True)
        video = work / "a.mp4"
        video.write_bytes(b"video")
        video.with_suffix(".srt").write_bytes(b"1")
        inbox = config.root / "inbox"
        job = claimed(store, inbox, "a.png", "a.wav")
        assert store.claim() is not None
        for name in ("a.mp4", ".a.srt.part", ".a (2).srt.part"):
            KINDS[kind](outbox / name, secret)
        output, report = outbox / "a.mp4", outbox / "a.report.json"
        store.set_output_paths(job.id, output, report)  # as an interrupted delivery leaves it
        result, error = in_time(lambda: _deliver_in_thread(config, job, video))
        assert error is None and result == outbox / "a (2).mp4"
        assert (outbox / "a (2).srt").read_bytes() == b"1"


def _deliver_in_thread(config: Config, job: Job, video: Path) -> Path:
    from appliance.jobs.store import store_path

    with WorkerStore(store_path(config.root), max_attempts_without_progress=3) as store:
        return deliver(store, job, video, {"output": {}}, config.root / "outbox")


def real_worker(store: WorkerStore, config: Config) -> Worker:
    """Return a worker that renders in real child processes."""
    return make_worker(store, config, run_attempt)


def claimed(store: WorkerStore, folder: Path, presenter: str, lecture: str) -> Job:
    """Write a photo and a lecture into ``folder``, and add their job."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(portrait()).resize((160, 160)).save(folder / presenter)
    if lecture.endswith(".wav"):
        write_wav(folder / lecture, voice(babble(25)))
    else:
        (folder / lecture).write_text("Hello.")
    files = (folder / presenter, folder / lecture)
    return store.add(NewJob("a", *files, claims=files))
