"""Tests of the inbox scanner with files that arrive in different ways."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.inbox.archive import archive_sources
from appliance.inbox.stability import is_open_for_writing
from appliance.jobs.states import JobState
from tests.inbox.harness import SETTLE_S, InboxHarness, summary


@pytest.fixture
def harness(tmp_path: Path) -> InboxHarness:
    return InboxHarness(tmp_path)


class TestArrival:
    def test_pair_creates_exactly_one_job(self, harness: InboxHarness) -> None:
        harness.drop("lesson03.mp4", "lesson03.wav")
        assert [summary(j) for j in harness.scan()] == [
            ("lesson03", "queued", "lesson03.mp4", "lesson03.wav")
        ]
        assert len(harness.scan()) == 1
        assert harness.store.files.source_paths() == set(harness.folder.iterdir())

    def test_files_must_be_unchanged_also_after_a_restart(self, harness: InboxHarness) -> None:
        harness.drop("a.mp4", "a.wav")
        assert harness.scan(SETTLE_S - 1) == []
        # After a reboot, a new daemon detects them for the first time.
        again = harness.restart()
        again.scan()
        assert harness.store.jobs() == []
        harness.clock.time += SETTLE_S
        again.scan()
        assert len(harness.store.jobs()) == 1

    def test_slow_copy_is_not_processed_early(self, harness: InboxHarness) -> None:
        harness.drop("a.mp4")
        path = harness.folder / "a.wav"
        for size in range(1, 5):
            path.write_bytes(b"x" * size)
            assert [j.state for j in harness.scan(SETTLE_S - 1)] in ([], [JobState.WAITING])
        assert [summary(j)[1] for j in harness.scan()] == ["queued"]

    def test_stalled_copy_that_is_still_open_is_not_processed(self, harness: InboxHarness) -> None:
        with (harness.folder / "a.txt").open("wb") as file:
            file.write(b"half a sentence")
            file.flush()
            if not is_open_for_writing(harness.folder / "a.txt"):
                pytest.skip("this file system grants no leases")
            assert harness.scan() == harness.scan(600) == []
        assert len(harness.scan()) == 1

    def test_replaced_file_of_the_same_size_and_time_must_be_unchanged_again(
        self, harness: InboxHarness
    ) -> None:
        harness.drop("a.txt", "new.part")
        for name in ("a.txt", "new.part"):
            os.utime(harness.folder / name, (5, 5))
        assert harness.scan(SETTLE_S - 1) == []
        (harness.folder / "new.part").rename(harness.folder / "a.txt")
        harness.clock.time += 1
        harness.scanner.scan()
        assert harness.store.jobs() == []
        assert len(harness.scan()) == 1

    def test_copy_with_a_temporary_name_is_processed_after_renaming(
        self, harness: InboxHarness
    ) -> None:
        harness.drop("a.txt.part", ".a.txt.Xy12", "Thumbs.db")
        assert harness.scan() == []
        (harness.folder / "a.txt.part").rename(harness.folder / "a.txt")
        assert [summary(j)[3] for j in harness.scan()] == ["a.txt"]

    def test_unreadable_inbox_is_logged_once_and_retried(
        self, harness: InboxHarness, caplog: pytest.LogCaptureFixture
    ) -> None:
        class StopAfterTwoRounds:
            """An event that is set after two rounds."""

            rounds = 2

            def is_set(self) -> bool:
                self.rounds -= 1
                return self.rounds < 0

            def wait(self, seconds: float) -> None:
                return None

        harness.folder.rmdir()
        harness.scanner.run(StopAfterTwoRounds())  # type: ignore[arg-type]
        assert [r.message.startswith("the inbox cannot be read") for r in caplog.records] == [True]


class TestPairs:
    def test_presenter_alone_waits_for_its_lecture(self, harness: InboxHarness) -> None:
        harness.drop("lesson.mp4")
        (job,) = harness.scan()
        assert summary(job) == ("lesson", "waiting", "lesson.mp4", None)
        assert job.reason is not None and "lesson.wav" in job.reason.text()
        harness.drop("Lesson.wav")
        (again,) = harness.scan()
        assert again.id == job.id and again.state is JobState.QUEUED and again.reason is None
        assert len(harness.store.files.source_paths()) == 2

    def test_waiting_job_is_cancelled_when_its_file_is_removed(self, harness: InboxHarness) -> None:
        harness.drop("lesson.mp4")
        harness.scan()
        (harness.folder / "lesson.mp4").unlink()
        (job,) = harness.scan()
        assert job.state is JobState.CANCELLED
        archive_sources(harness.store, job, harness.folder, harness.mounts)
        assert list(harness.folder.iterdir()) == []
        harness.drop("lesson.mp4")
        assert len(harness.scan()) == 2

    def test_lecture_alone_uses_the_default_presenter(self, harness: InboxHarness) -> None:
        (harness.presenters / "default.jpg").touch()
        harness.drop("one.wav", "two.txt")
        assert [summary(j) for j in harness.scan()] == [
            ("one", "queued", "default.jpg", "one.wav"),
            ("two", "queued", "default.jpg", "two.txt"),
        ]
        assert harness.presenters / "default.jpg" not in harness.store.files.source_paths()

    def test_default_is_not_used_while_a_matching_presenter_arrives(
        self, harness: InboxHarness
    ) -> None:
        (harness.presenters / "default.jpg").touch()
        harness.drop("one.wav")
        harness.scanner.scan()
        harness.clock.time += SETTLE_S - 1
        harness.drop("one.mp4")
        harness.scanner.scan()
        harness.clock.time += 1
        harness.scanner.scan()
        assert harness.store.jobs() == []
        assert [summary(j)[2] for j in harness.scan()] == ["one.mp4"]

    def test_doubled_suffixes_still_match(self, harness: InboxHarness) -> None:
        (harness.presenters / "wang.png.png").touch()
        harness.drop("lesson.mp4.mp4", "Lesson.wav", "notes@wang.txt.txt", "3.14.txt")
        assert [summary(job) for job in harness.scan()] == [
            ("3.14", "waiting", None, "3.14.txt"),
            ("Lesson", "queued", "lesson.mp4.mp4", "Lesson.wav"),
            ("notes", "queued", "wang.png.png", "notes@wang.txt.txt"),
        ]

    def test_at_sign_selects_a_presenter_of_the_library(self, harness: InboxHarness) -> None:
        (harness.presenters / "wang.mp4").touch()
        harness.drop("lesson04@wang.m4a", "lesson05@li.txt")
        known, unknown = harness.scan()
        assert summary(known) == ("lesson04", "queued", "wang.mp4", "lesson04@wang.m4a")
        assert summary(unknown) == ("lesson05", "waiting", None, "lesson05@li.txt")
        assert unknown.reason is not None and "presenter li" in unknown.reason.text()
        (harness.presenters / "li.png").touch()
        assert summary(harness.scan()[1]) == ("lesson05", "queued", "li.png", "lesson05@li.txt")

    def test_incomplete_presenter_in_the_library_is_not_used(self, harness: InboxHarness) -> None:
        harness.drop("lesson.txt")
        harness.scanner.scan()
        with (harness.presenters / "default.mp4").open("wb") as file:
            if not is_open_for_writing(harness.presenters / "default.mp4"):
                pytest.skip("this file system grants no leases")
            assert [summary(job)[1] for job in harness.scan(100)] == ["waiting"]
            file.write(b"whole")
        assert [summary(job)[:3] for job in harness.scan()] == [("lesson", "queued", "default.mp4")]

    def test_lecture_without_any_presenter_waits(self, harness: InboxHarness) -> None:
        harness.drop("lesson.wav")
        (job,) = harness.scan()
        assert job.state is JobState.WAITING and job.reason is not None
        assert job.reason.code == "waiting_presenter"
        harness.drop("lesson.png")
        assert [summary(j) for j in harness.scan()] == [
            ("lesson", "queued", "lesson.png", "lesson.wav")
        ]

    def test_recording_takes_precedence_over_its_text(self, harness: InboxHarness) -> None:
        harness.drop("a.mp4", "a.txt", "a.wav")
        (paired,) = harness.scan()
        assert summary(paired) == ("a", "queued", "a.mp4", "a.wav")
        names = {file.path.name for file in harness.store.files.for_job(paired.id)}
        assert names == {"a.mp4", "a.txt", "a.wav"}  # the text is its transcript

    @pytest.mark.parametrize(
        "stem", ["two words", "课程三", "🎓", "a\nb", "-rf", "x" * 251, os.fsdecode(b"\xff\xfe")]
    )
    def test_unusual_names_are_accepted(self, harness: InboxHarness, stem: str) -> None:
        harness.drop(f"{stem}.mp4", f"{stem}.wav")
        assert [summary(j) for j in harness.scan()] == [
            (stem, "queued", f"{stem}.mp4", f"{stem}.wav")
        ]


class TestRejections:
    def test_unknown_types_and_links_move_to_failed_with_a_reason(
        self, harness: InboxHarness
    ) -> None:
        harness.drop("slides.pdf")
        (harness.root / "secret.wav").write_bytes(b"secret")
        (harness.folder / "link.wav").symlink_to(harness.root / "secret.wav")
        os.mkfifo(harness.folder / "pipe.wav")
        jobs = harness.scan()
        assert [(j.stem, j.reason.code) for j in jobs if j.reason] == [
            ("link", "file_not_regular"), ("pipe", "file_not_regular"),
            ("slides", "file_type_unsupported"),
        ]  # fmt: skip
        for job in jobs:
            archive_sources(harness.store, job, harness.folder, harness.mounts)
        assert sorted(os.listdir(harness.folder / "failed")) == [
            "link.reason.txt", "link.wav", "pipe.reason.txt", "pipe.wav",
            "slides.pdf", "slides.reason.txt",
        ]  # fmt: skip
        assert (harness.root / "secret.wav").read_bytes() == b"secret"

    def test_job_file_outside_a_folder_is_rejected(self, harness: InboxHarness) -> None:
        harness.drop("job.yaml")
        (job,) = harness.scan()
        assert job.reason is not None and job.reason.code == "job_file_outside_folder"

    def test_empty_folder_creates_no_job(self, harness: InboxHarness) -> None:
        (harness.folder / "lessons.mp4").mkdir()
        assert harness.scan() == []
