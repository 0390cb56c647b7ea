"""The inbox, looked at while files arrive in every way that copies take."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.inbox.archive import archive_sources
from appliance.inbox.stability import is_open_for_writing
from appliance.jobs.states import JobState
from tests.inbox.box import SETTLE, Box, facts


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


class TestArrival:
    def test_a_pair_becomes_one_job_and_never_a_second(self, box: Box) -> None:
        box.drop("lesson03.mp4", "lesson03.wav")
        assert [facts(j) for j in box.look()] == [
            ("lesson03", "queued", "lesson03.mp4", "lesson03.wav")
        ]
        assert len(box.look()) == 1
        assert box.store.files.source_paths() == set(box.folder.iterdir())

    def test_nothing_is_taken_before_it_is_steady_even_at_the_start(self, box: Box) -> None:
        box.drop("a.mp4", "a.wav")
        assert box.look(SETTLE - 1) == []
        # A reboot: another daemon sees them for the first time.
        again = box.another_daemon()
        again.scan()
        assert box.store.jobs() == []
        box.clock.time += SETTLE
        again.scan()
        assert len(box.store.jobs()) == 1

    def test_a_slow_copy_is_waited_for(self, box: Box) -> None:
        box.drop("a.mp4")
        path = box.folder / "a.wav"
        for size in range(1, 5):
            path.write_bytes(b"x" * size)
            assert [j.state for j in box.look(SETTLE - 1)] in ([], [JobState.WAITING])
        assert [facts(j)[1] for j in box.look()] == ["queued"]

    def test_a_stalled_copy_that_is_still_open_is_waited_for(self, box: Box) -> None:
        with (box.folder / "a.txt").open("wb") as file:
            file.write(b"half a sentence")
            file.flush()
            if not is_open_for_writing(box.folder / "a.txt"):
                pytest.skip("this file system grants no leases")
            assert box.look() == box.look(600) == []
        assert len(box.look()) == 1

    def test_a_file_replaced_by_another_of_the_same_size_and_time_waits_anew(
        self, box: Box
    ) -> None:
        box.drop("a.txt", "new.part")
        for name in ("a.txt", "new.part"):
            os.utime(box.folder / name, (5, 5))
        assert box.look(SETTLE - 1) == []
        (box.folder / "new.part").rename(box.folder / "a.txt")
        box.clock.time += 1
        box.inbox.scan()
        assert box.store.jobs() == []
        assert len(box.look()) == 1

    def test_a_copy_under_a_passing_name_is_taken_once_renamed(self, box: Box) -> None:
        box.drop("a.txt.part", ".a.txt.Xy12", "Thumbs.db")
        assert box.look() == []
        (box.folder / "a.txt.part").rename(box.folder / "a.txt")
        assert [facts(j)[3] for j in box.look()] == ["a.txt"]

    def test_a_share_that_is_gone_for_a_while_is_no_end(
        self, box: Box, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Twice:
            """Lets two rounds pass."""

            rounds = 2

            def is_set(self) -> bool:
                self.rounds -= 1
                return self.rounds < 0

            def wait(self, seconds: float) -> None:
                return None

        box.folder.rmdir()
        box.inbox.run(Twice())  # type: ignore[arg-type]
        assert [r.message.startswith("the inbox cannot be read") for r in caplog.records] == [True]


class TestPairs:
    def test_a_lone_presenter_waits_visibly_and_goes_on_with_its_lecture(self, box: Box) -> None:
        box.drop("lesson.mp4")
        (job,) = box.look()
        assert facts(job) == ("lesson", "waiting", "lesson.mp4", None)
        assert job.reason is not None and "lesson.wav" in job.reason.text()
        box.drop("Lesson.wav")
        (again,) = box.look()
        assert again.id == job.id and again.state is JobState.QUEUED and again.reason is None
        assert len(box.store.files.source_paths()) == 2

    def test_a_lone_presenter_that_is_taken_away_is_given_up(self, box: Box) -> None:
        box.drop("lesson.mp4")
        box.look()
        (box.folder / "lesson.mp4").unlink()
        (job,) = box.look()
        assert job.state is JobState.CANCELLED
        archive_sources(box.store, job, box.folder, box.mounts)
        assert list(box.folder.iterdir()) == []
        box.drop("lesson.mp4")
        assert len(box.look()) == 2

    def test_what_comes_alone_is_spoken_by_the_default_presenter(self, box: Box) -> None:
        (box.presenters / "default.jpg").touch()
        box.drop("one.wav", "two.txt")
        assert [facts(j) for j in box.look()] == [
            ("one", "queued", "default.jpg", "one.wav"),
            ("two", "queued", "default.jpg", "two.txt"),
        ]
        assert box.presenters / "default.jpg" not in box.store.files.source_paths()

    def test_a_lecture_does_not_go_to_the_default_while_its_own_presenter_arrives(
        self, box: Box
    ) -> None:
        (box.presenters / "default.jpg").touch()
        box.drop("one.wav")
        box.inbox.scan()
        box.clock.time += SETTLE - 1
        box.drop("one.mp4")
        box.inbox.scan()
        box.clock.time += 1
        box.inbox.scan()
        assert box.store.jobs() == []
        assert [facts(j)[2] for j in box.look()] == ["one.mp4"]

    def test_endings_that_a_computer_hides_do_not_part_what_belongs_together(
        self, box: Box
    ) -> None:
        (box.presenters / "wang.png.png").touch()
        box.drop("lesson.mp4.mp4", "Lesson.wav", "notes@wang.txt.txt", "3.14.txt")
        assert [facts(job) for job in box.look()] == [
            ("3.14", "waiting", None, "3.14.txt"),
            ("Lesson", "queued", "lesson.mp4.mp4", "Lesson.wav"),
            ("notes", "queued", "wang.png.png", "notes@wang.txt.txt"),
        ]

    def test_a_presenter_is_named_after_an_at(self, box: Box) -> None:
        (box.presenters / "wang.mp4").touch()
        box.drop("lesson04@wang.m4a", "lesson05@li.txt")
        known, unknown = box.look()
        assert facts(known) == ("lesson04", "queued", "wang.mp4", "lesson04@wang.m4a")
        assert facts(unknown) == ("lesson05", "waiting", None, "lesson05@li.txt")
        assert unknown.reason is not None and "presenter li" in unknown.reason.text()
        (box.presenters / "li.png").touch()
        assert facts(box.look()[1]) == ("lesson05", "queued", "li.png", "lesson05@li.txt")

    def test_a_presenter_that_still_arrives_in_the_library_is_waited_for(self, box: Box) -> None:
        box.drop("lesson.txt")
        box.inbox.scan()
        with (box.presenters / "default.mp4").open("wb") as file:
            if not is_open_for_writing(box.presenters / "default.mp4"):
                pytest.skip("this file system grants no leases")
            assert [facts(job)[1] for job in box.look(100)] == ["waiting"]
            file.write(b"whole")
        assert [facts(job)[:3] for job in box.look()] == [("lesson", "queued", "default.mp4")]

    def test_a_lecture_without_any_presenter_waits_for_one(self, box: Box) -> None:
        box.drop("lesson.wav")
        (job,) = box.look()
        assert job.state is JobState.WAITING and job.reason is not None
        assert job.reason.code == "waiting_presenter"
        box.drop("lesson.png")
        assert [facts(j) for j in box.look()] == [("lesson", "queued", "lesson.png", "lesson.wav")]

    def test_a_recording_is_spoken_rather_than_its_text(self, box: Box) -> None:
        box.drop("a.mp4", "a.txt", "a.wav")
        paired, alone = box.look()
        assert facts(paired) == ("a", "queued", "a.mp4", "a.wav")
        assert facts(alone) == ("a", "waiting", None, "a.txt")

    @pytest.mark.parametrize(
        "stem", ["two words", "课程三", "🎓", "a\nb", "-rf", "x" * 251, os.fsdecode(b"\xff\xfe")]
    )
    def test_names_of_any_kind(self, box: Box, stem: str) -> None:
        box.drop(f"{stem}.mp4", f"{stem}.wav")
        assert [facts(j) for j in box.look()] == [(stem, "queued", f"{stem}.mp4", f"{stem}.wav")]


class TestRefusals:
    def test_unknown_kinds_and_links_go_to_failed_with_a_reason(self, box: Box) -> None:
        box.drop("slides.pdf")
        (box.root / "secret.wav").write_bytes(b"secret")
        (box.folder / "link.wav").symlink_to(box.root / "secret.wav")
        os.mkfifo(box.folder / "pipe.wav")
        jobs = box.look()
        assert [(j.stem, j.reason.code) for j in jobs if j.reason] == [
            ("link", "file_not_regular"), ("pipe", "file_not_regular"),
            ("slides", "file_type_unsupported"),
        ]  # fmt: skip
        for job in jobs:
            archive_sources(box.store, job, box.folder, box.mounts)
        assert sorted(os.listdir(box.folder / "failed")) == [
            "link.reason.txt", "link.wav", "pipe.reason.txt", "pipe.wav",
            "slides.pdf", "slides.reason.txt",
        ]  # fmt: skip
        assert (box.root / "secret.wav").read_bytes() == b"secret"

    def test_settings_outside_of_a_folder(self, box: Box) -> None:
        box.drop("job.yaml")
        (job,) = box.look()
        assert job.reason is not None and job.reason.code == "job_file_outside_folder"

    def test_folders_are_left_alone(self, box: Box) -> None:
        (box.folder / "lessons.mp4").mkdir()
        assert box.look() == []
