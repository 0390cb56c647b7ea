"""Folders dropped into the inbox: every presenter speaks every lecture, in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.inbox.archive import archive_sources
from appliance.jobs.models import Reason
from appliance.jobs.states import JobState
from tests.inbox.box import SETTLE, Box, facts


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


class TestJobs:
    def test_each_lecture_by_each_presenter_in_the_names_order(self, box: Box) -> None:
        box.drop("week 3/lesson 10.wav", "week 3/lesson 2.txt", "week 3/wang.mp4", "week 3/li.png")
        assert [facts(job) for job in box.look()] == [
            ("week 3 - lesson 2 - li", "queued", "li.png", "lesson 2.txt"),
            ("week 3 - lesson 2 - wang", "queued", "wang.mp4", "lesson 2.txt"),
            ("week 3 - lesson 10 - li", "queued", "li.png", "lesson 10.wav"),
            ("week 3 - lesson 10 - wang", "queued", "wang.mp4", "lesson 10.wav"),
        ]
        assert len(box.look()) == 4
        assert box.store.files.source_paths() == set((box.folder / "week 3").iterdir())

    def test_the_queue_keeps_the_order(self, box: Box) -> None:
        box.drop("w/2.txt", "w/10.txt", "w/1.txt", "w/p.png")
        box.look()
        turn = []
        while job := box.store.claim():
            turn.append(job.stem)
            box.store.finish(job.id)
        assert turn == ["w - 1", "w - 2", "w - 10"]

    def test_without_a_presenter_of_its_own_the_library_speaks(self, box: Box) -> None:
        for name in ("default.jpg", "wang.mp4"):
            (box.presenters / name).touch()
        box.drop("w/a.txt", "w/b@wang.m4a")
        assert [facts(job)[:3] for job in box.look()] == [
            ("w - a", "queued", "default.jpg"),
            ("w - b", "queued", "wang.mp4"),
        ]

    def test_an_at_chooses_among_the_folders_presenters_first(self, box: Box) -> None:
        (box.presenters / "li.mp4").touch()
        box.drop("w/a@Li.txt", "w/b.txt", "w/li.png", "w/wang.png")
        assert [facts(job)[:3] for job in box.look()] == [
            ("w - a", "queued", "li.png"),
            ("w - b - li", "queued", "li.png"),
            ("w - b - wang", "queued", "wang.png"),
        ]

    def test_a_recordings_own_text_is_no_second_lecture(self, box: Box) -> None:
        box.drop("w/a.txt", "w/a.wav", "w/p.png")
        assert [facts(job)[3] for job in box.look()] == ["a.wav"]
        assert box.folder / "w" / "a.txt" in box.store.files.source_paths()

    def test_nothing_is_made_before_all_of_it_has_arrived(self, box: Box) -> None:
        box.drop("w/a.txt", "w/p.png")
        box.look(SETTLE - 1)
        box.drop("w/b.txt")
        assert box.look(SETTLE - 1) == []
        assert len(box.look()) == 2

    def test_a_lecture_that_is_added_later_has_the_same_presenter(self, box: Box) -> None:
        box.drop("w/a.txt", "w/p.png")
        box.look()
        box.drop("w/b.txt")
        assert [facts(job) for job in box.look()] == [
            ("w - a", "queued", "p.png", "a.txt"),
            ("w - b", "queued", "p.png", "b.txt"),
        ]

    def test_an_empty_folder_and_one_of_junk_are_left_alone(self, box: Box) -> None:
        (box.folder / "empty").mkdir()
        box.drop("junk/.DS_Store", "junk/Thumbs.db", "junk/~$lesson.docx", "junk/a.mp4.part")
        assert box.look() == []


class TestWaiting:
    def test_presenters_wait_for_a_lecture_and_go_on_with_it(self, box: Box) -> None:
        box.drop("w/li.png", "w/wang.png")
        (job,) = box.look()
        assert facts(job) == ("w", "waiting", "li.png", None)
        assert job.reason is not None and "folder w is waiting" in job.reason.text()
        assert len(box.look()) == 1
        box.drop("w/a.txt", "w/job.yaml")
        (box.folder / "w" / "job.yaml").write_text("badge: false\npriority: 7\n")
        first, second = box.look()
        assert (first.id, facts(first)[:2]) == (job.id, ("w - a - li", "queued"))
        assert facts(second)[:2] == ("w - a - wang", "queued")
        assert first.options == second.options == {"video": {"badge": False}}
        assert first.priority == second.priority == 7

    def test_lectures_wait_for_a_presenter(self, box: Box) -> None:
        box.drop("w/a.txt", "w/b@wang.txt")
        a, b = box.look()
        assert a.reason is not None and a.reason.code == "waiting_folder_presenter"
        assert b.reason is not None and b.reason.code == "waiting_named_presenter"
        box.drop("w/p.png")
        jobs = box.look()
        assert [(job.id, facts(job)[1]) for job in jobs] == [(a.id, "queued"), (b.id, "waiting")]
        (box.presenters / "wang.png").touch()
        assert [facts(job)[2] for job in box.look()] == ["p.png", "wang.png"]

    def test_a_folder_that_is_taken_away_is_given_up(self, box: Box) -> None:
        box.drop("w/li.png")
        box.look()
        (box.folder / "w" / "li.png").unlink()
        (box.folder / "w").rmdir()
        assert [job.state for job in box.look()] == [JobState.CANCELLED]


class TestJobFile:
    def test_its_settings_hold_for_every_job(self, box: Box) -> None:
        box.drop("w/a.txt", "w/b.txt", "w/p.png")
        (box.folder / "w" / "Job.YAML").write_text(
            "voice: espeak:fr\nspeed: 1.2\nface: 1\nprecision: int8\nbadge: false\npriority: 5\n"
        )
        for job in box.look():
            assert job.priority == 5
            assert job.options == {
                "speech": {"voice": "espeak:fr", "speed": 1.2},
                "face": {"index": 1},
                "lips": {"precision": "int8"},
                "video": {"badge": False},
            }

    def test_every_mistake_is_told_with_line_key_and_cure_in_both_languages(self, box: Box) -> None:
        box.drop("w/a.txt", "w/p.png")
        mistakes = "fase: 1\nbadge: yess\nspeed: 9\nprecision: int4\n"
        (box.folder / "w" / "job.yaml").write_text(mistakes)
        (job,) = box.look()
        assert job.state is JobState.FAILED
        assert job.reason is not None and job.reason.code == "config_key_misspelled"
        assert job.stem == "w"
        box.put_away()
        assert box.tree() == [
            "failed/w/a.txt", "failed/w/job.reason.txt", "failed/w/job.yaml", "failed/w/p.png",
        ]  # fmt: skip
        text = (box.folder / "failed" / "w" / "job.reason.txt").read_text(encoding="utf-8")
        for told in (
            "Line 1 of job.yaml contains the unknown key fase. Write face instead",
            "Line 2 of job.yaml sets badge to yess, which is neither true nor false.",
            "Line 3 of job.yaml sets speed to 9, which is too high. Use 2 or less.",
            "Line 4 of job.yaml sets precision to int4",
            "job.yaml 第 1 行",
            "请使用不大于 2 的数值。",
        ):
            assert told in text
        assert not (box.folder / "w").exists()

    @pytest.mark.parametrize(
        "content",
        [
            b"[" * 50_000, b"\xff\xfe\x00", b"voice: 2001-13-45", b"a: &a [*a, *a]", b"just words",
            b"badge: !!python/object:os.system x", b"x" * 200_000, b"? {a: b}\n: c",
        ],
    )  # fmt: skip
    def test_no_content_ends_more_than_its_folder(self, box: Box, content: bytes) -> None:
        box.drop("w/a.txt", "w/p.png", "x/a.txt", "x/p.png")
        (box.folder / "w" / "job.yaml").write_bytes(content)
        assert [(job.state, job.reason is None) for job in box.look()] == [
            (JobState.FAILED, False),
            (JobState.QUEUED, True),
        ]

    def test_an_empty_one_changes_nothing(self, box: Box) -> None:
        box.drop("w/a.txt", "w/p.png", "w/job.yaml", content=b"")
        assert [(job.state, job.options) for job in box.look()] == [(JobState.QUEUED, {})]


class TestRefusals:
    def test_links_folders_inside_and_unknown_kinds_are_refused_alone(self, box: Box) -> None:
        box.drop("w/a.txt", "w/p.png", "w/slides.pdf", "w/deep/b.txt")
        (box.root / "secret.wav").write_bytes(b"secret")
        (box.folder / "w" / "link.wav").symlink_to(box.root / "secret.wav")
        jobs = box.look()
        assert [(j.stem, j.reason.code) for j in jobs if j.reason] == [
            ("deep", "folder_nested"), ("link", "file_not_regular"),
            ("slides", "file_type_unsupported"),
        ]  # fmt: skip
        assert [facts(job) for job in jobs if not job.reason] == [
            ("w - a", "queued", "p.png", "a.txt")
        ]
        box.put_away()
        assert box.tree() == [
            "failed/w/deep.reason.txt", "failed/w/deep/b.txt", "failed/w/link.reason.txt",
            "failed/w/link.wav", "failed/w/slides.pdf", "failed/w/slides.reason.txt",
            "w/a.txt", "w/p.png",
        ]  # fmt: skip

    def test_a_link_to_a_folder_is_no_folder(self, box: Box) -> None:
        (box.root / "private").mkdir()
        (box.root / "private" / "a.txt").touch()
        (box.folder / "w").symlink_to(box.root / "private")
        (job,) = box.look()
        assert job.reason is not None and job.reason.code == "file_not_regular"


class TestPuttingAway:
    def test_a_presenter_stays_until_the_last_of_its_jobs_has_ended(self, box: Box) -> None:
        box.drop("w/a.txt", "w/b.txt", "w/p.png", "w/Thumbs.db")
        one, two = box.look()
        box.end(one)
        assert box.tree() == ["done/w/a.txt", "w/Thumbs.db", "w/b.txt", "w/p.png"]
        assert [job.id for job in box.store.unarchived()] == [one.id]
        box.end(two)
        assert box.tree() == ["done/w/a.txt", "done/w/b.txt", "done/w/p.png"]
        assert box.store.unarchived() == [] and not (box.folder / "w").exists()

    def test_a_job_that_failed_can_be_tried_again_with_all_it_needs(self, box: Box) -> None:
        box.drop("w/a.txt", "w/b.txt", "w/p.png")
        one, two = box.look()
        box.end(one)
        box.store.claim()
        box.store.fail(two.id, Reason("no_face", {"name": "p.png"}))
        box.put_away()
        assert box.tree() == [
            "done/w/a.txt", "done/w/p.png", "failed/w/b.reason.txt", "failed/w/b.txt",
        ]  # fmt: skip
        box.store.retry(two.id)
        again = box.store.claim()
        assert again is not None and again.presenter == box.folder / "done" / "w" / "p.png"
        box.store.finish(two.id)
        box.put_away()
        assert box.tree() == ["done/w/a.txt", "done/w/b.txt", "done/w/p.png"]
        assert not (box.folder / "failed" / "w").exists()

    def test_a_copy_that_has_begun_meanwhile_goes_on(self, box: Box) -> None:
        box.drop("w/a.txt", "w/p.png", "w/b.mp4.part", "w/.DS_Store")
        box.end(box.look()[0])
        assert box.tree() == ["done/w/a.txt", "done/w/p.png", "w/.DS_Store", "w/b.mp4.part"]
        (box.folder / "w" / "b.mp4.part").rename(box.folder / "w" / "b.mp4")
        assert [facts(job) for job in box.look()][1:] == [("w", "waiting", "b.mp4", None)]

    def test_an_empty_folder_left_by_a_power_cut_goes_with_the_next_try(self, box: Box) -> None:
        box.drop("w/a.txt", "w/p.png")
        (job,) = box.look()
        box.end(job)
        (box.folder / "w").mkdir()  # as if it had been cut off just before
        archive_sources(box.store, box.store.get(job.id), box.folder, box.mounts)
        assert not (box.folder / "w").exists()

    def test_the_same_folder_again_takes_nothing_over(self, box: Box) -> None:
        for _ in range(2):
            box.drop("w/a.txt", "w/p.png")
            box.end(box.look()[-1])
        assert box.tree() == [
            "done/w/a (2).txt", "done/w/a.txt", "done/w/p (2).png", "done/w/p.png",
        ]  # fmt: skip
