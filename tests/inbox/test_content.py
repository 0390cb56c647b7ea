"""What files are, whatever their names say, and which jobs they become."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from appliance.inbox.completeness import examine_files
from appliance.inbox.content import Content, is_similar
from tests.inbox.harness import SETTLE_S, InboxHarness, summary
from tests.media.test_audio_tracks import tone, write_tracks
from tests.render.conftest import write_wav
from tests.talking_face import portrait, write_video

WAIT_S = 60.0


def photo(path: Path) -> Path:
    Image.fromarray(portrait()).save(path, "JPEG")
    return path


def sound(path: Path) -> Path:
    return write_wav(path, tone(1.0))


def silent_video(path: Path) -> Path:
    return write_video(path, [portrait()] * 5)


def talking_video(path: Path) -> Path:
    return write_video(path, [portrait()] * 25, sound=tone(1.0))


def sound_in_mp4(path: Path) -> Path:
    return write_tracks(path, [tone(1.0)])


@pytest.mark.parametrize(
    ("make", "name", "content"),
    [
        (photo, "a.jpg", Content.PHOTO),
        (photo, "a.mp4", Content.PHOTO),
        (photo, "a.unknown", Content.PHOTO),
        (sound, "a.wav", Content.AUDIO),
        (sound, "a.bin", Content.AUDIO),
        (sound_in_mp4, "a.mp4", Content.AUDIO),
        (sound_in_mp4, "a.mkv", Content.AUDIO),
        (silent_video, "a.mp4", Content.SILENT_VIDEO),
        (talking_video, "a.mp4", Content.VIDEO),
        (talking_video, "a.mov", Content.VIDEO),
    ],
)
def test_content_is_found_by_examining(
    tmp_path: Path, make: Callable[[Path], Path], name: str, content: Content
) -> None:
    made = make(tmp_path / "made.mkv" if name.endswith("mkv") else tmp_path / "made.mp4")
    path = made.rename(tmp_path / name)
    found = examine_files([path])
    assert (found.incomplete, found.contents) == (set(), {path: content})


def test_other_files_stay_other(tmp_path: Path) -> None:
    path = tmp_path / "slides.pdf"
    path.write_bytes(b"%PDF-1.7 " + bytes(2000))
    assert examine_files([path]).contents == {path: Content.OTHER}


@pytest.fixture
def harness(tmp_path: Path) -> InboxHarness:
    """An inbox whose files are examined, with a default presenter."""
    harness = InboxHarness(tmp_path, check=examine_files, partner_wait_s=WAIT_S)
    photo(harness.presenters / "default.jpg")
    return harness


def claims(harness: InboxHarness, job: int) -> set[str]:
    return {file.path.name for file in harness.store.files.for_job(job)}


def test_sound_in_a_video_container_is_a_lecture(harness: InboxHarness) -> None:
    photo(harness.folder / "a.jpg")
    sound_in_mp4(harness.folder / "a.mp4")
    assert [summary(job) for job in harness.scan()] == [("a", "queued", "a.jpg", "a.mp4")]


def test_photo_speaks_the_sound_of_a_video(harness: InboxHarness) -> None:
    photo(harness.folder / "k.jpg")
    talking_video(harness.folder / "k.mp4")
    assert [summary(job) for job in harness.scan()] == [("k", "queued", "k.jpg", "k.mp4")]


def test_photo_that_arrives_later_speaks_the_video(harness: InboxHarness) -> None:
    talking_video(harness.folder / "k.mp4")
    (job,) = harness.scan()
    assert summary(job) == ("k", "waiting", "k.mp4", None)
    photo(harness.folder / "k.jpg")
    assert [summary(job) for job in harness.scan()] == [("k", "queued", "k.jpg", "k.mp4")]


def test_folder_with_photo_and_recorded_lectures(harness: InboxHarness) -> None:
    folder = harness.folder / "w"
    folder.mkdir()
    photo(folder / "li.jpg")
    talking_video(folder / "1.mp4")
    talking_video(folder / "2.mp4")
    assert [summary(job)[2:] for job in harness.scan()] == [
        ("li.jpg", "1.mp4"), ("li.jpg", "2.mp4"),
    ]  # fmt: skip


def test_second_presenter_and_transcripts_belong_to_the_job(harness: InboxHarness) -> None:
    silent_video(harness.folder / "c.mp4")
    silent_video(harness.folder / "c.mov")
    sound(harness.folder / "c.wav")
    harness.drop("c.srt", "c.txt", content=b"Light is fast.")
    (job,) = harness.scan()
    assert summary(job) == ("c", "queued", "c.mov", "c.wav")
    assert claims(harness, job.id) == {"c.mp4", "c.mov", "c.wav", "c.srt", "c.txt"}


def test_space_before_the_suffix_does_not_matter(harness: InboxHarness) -> None:
    photo(harness.folder / "h1 .jpg")
    sound(harness.folder / "h1.wav")
    assert [summary(job)[1:] for job in harness.scan()] == [("queued", "h1 .jpg", "h1.wav")]


def test_lone_lecture_waits_for_its_own_presenter(harness: InboxHarness) -> None:
    sound(harness.folder / "a.wav")
    sound(harness.folder / "b.wav")
    assert [summary(job)[1] for job in harness.scan()] == ["waiting", "waiting"]
    photo(harness.folder / "a.jpg")
    assert [summary(job)[1:3] for job in harness.scan(SETTLE_S + 6)] == [
        ("queued", "a.jpg"), ("waiting", None),
    ]  # fmt: skip
    assert [summary(job)[1:3] for job in harness.scan(WAIT_S)] == [
        ("queued", "a.jpg"), ("queued", "default.jpg"),
    ]  # fmt: skip


def test_similar_name_is_asked_about_and_not_ignored(harness: InboxHarness) -> None:
    sound(harness.folder / "lesson1.wav")
    harness.scan()
    photo(harness.folder / "lesson_01.jpg")
    harness.scan()
    lecture, presenter = harness.scan(WAIT_S)
    assert (lecture.state.value, presenter.state.value) == ("waiting", "waiting")
    assert presenter.reason is not None and presenter.reason.code == "waiting_similar"
    assert "If you did mean lesson1," in presenter.reason.text()


def test_unknown_presenter_with_a_similar_name(harness: InboxHarness) -> None:
    photo(harness.presenters / "wang.jpg")
    sound(harness.folder / "lesson@wangg.wav")
    (job,) = harness.scan()
    assert job.reason is not None and "If you did mean wang," in job.reason.text()


def test_subtitles_alone_are_refused_after_a_while(harness: InboxHarness) -> None:
    harness.drop("a.srt")
    assert harness.scan() == []
    (job,) = harness.scan(WAIT_S)
    assert job.reason is not None and job.reason.code == "subtitles_alone"


@pytest.mark.parametrize(
    ("one", "other", "similar"),
    [
        ("lesson1", "lesson 1", True), ("lesson1", "lesson01", True), ("lesson1", "leson1", True),
        ("lesson1", "lesson2", False), ("lesson", "lecture", False), ("a", "b", False),
        ("lesson1", "LESSON1", False), ("Kapitel-3", "kapitel_3", True),
        ("课程三", "课程四", False),
    ],
)  # fmt: skip
def test_similar_names(one: str, other: str, similar: bool) -> None:
    assert is_similar(one, other) is similar


def test_noise_is_no_media(tmp_path: Path) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(np.random.default_rng(0).integers(0, 256, 5000).astype(np.uint8).tobytes())
    assert examine_files([path]).contents.get(path) in (Content.OTHER, None)
