"""Tests of folders in the inbox: one job per presenter and lecture, in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.inbox.archive import archive_sources
from appliance.jobs.models import Reason
from appliance.jobs.states import JobState
from tests.inbox.harness import SETTLE_S, InboxHarness, summary


@pytest.fixture
def harness(tmp_path: Path) -> InboxHarness:
    return InboxHarness(tmp_path)


class TestJobs:
    def test_jobs_are_created_in_natural_order_of_names(self, harness: InboxHarness) -> None:
        harness.drop(
            "week 3/lesson 10.wav", "week 3/lesson 2.txt", "week 3/wang.mp4", "week 3/li.png"
        )
        assert [summary(job) for job in harness.scan()] == [
            ("week 3 - lesson 2 - li", "queued", "li.png", "lesson 2.txt"),
            ("week 3 - lesson 2 - wang", "queued", "wang.mp4", "lesson 2.txt"),
            ("week 3 - lesson 10 - li", "queued", "li.png", "lesson 10.wav"),
            ("week 3 - lesson 10 - wang", "queued", "wang.mp4", "lesson 10.wav"),
        ]
        assert len(harness.scan()) == 4
        assert harness.store.files.source_paths() == set((harness.folder / "week 3").iterdir())

    def test_queue_keeps_the_order(self, harness: InboxHarness) -> None:
        harness.drop("w/2.txt", "w/10.txt", "w/1.txt", "w/p.png")
        harness.scan()
        order = []
        while job := harness.store.claim():
            order.append(job.stem)
            harness.store.finish(job.id)
        assert order == ["w - 1", "w - 2", "w - 10"]

    def test_library_is_used_without_a_presenter_in_the_folder(self, harness: InboxHarness) -> None:
        for name in ("default.jpg", "wang.mp4"):
            (harness.presenters / name).touch()
        harness.drop("w/a.txt", "w/b@wang.m4a")
        assert [summary(job)[:3] for job in harness.scan()] == [
            ("w - a", "queued", "default.jpg"),
            ("w - b", "queued", "wang.mp4"),
        ]

    def test_at_sign_selects_a_presenter_of_the_folder_first(self, harness: InboxHarness) -> None:
        (harness.presenters / "li.mp4").touch()
        harness.drop("w/a@Li.txt", "w/b.txt", "w/li.png", "w/wang.png")
        assert [summary(job)[:3] for job in harness.scan()] == [
            ("w - a", "queued", "li.png"),
            ("w - b - li", "queued", "li.png"),
            ("w - b - wang", "queued", "wang.png"),
        ]

    def test_text_of_a_recording_is_not_a_second_lecture(self, harness: InboxHarness) -> None:
        harness.drop("w/a.txt", "w/a.wav", "w/p.png")
        assert [summary(job)[3] for job in harness.scan()] == ["a.wav"]
        assert harness.folder / "w" / "a.txt" in harness.store.files.source_paths()

    def test_jobs_are_created_only_when_all_files_have_arrived(self, harness: InboxHarness) -> None:
        harness.drop("w/a.txt", "w/p.png")
        harness.scan(SETTLE_S - 1)
        harness.drop("w/b.txt")
        assert harness.scan(SETTLE_S - 1) == []
        assert len(harness.scan()) == 2

    def test_lecture_added_later_has_the_same_presenter(self, harness: InboxHarness) -> None:
        harness.drop("w/a.txt", "w/p.png")
        harness.scan()
        harness.drop("w/b.txt")
        assert [summary(job) for job in harness.scan()] == [
            ("w - a", "queued", "p.png", "a.txt"),
            ("w - b", "queued", "p.png", "b.txt"),
        ]

    def test_empty_folder_and_ignored_files_create_no_job(self, harness: InboxHarness) -> None:
        (harness.folder / "empty").mkdir()
        harness.drop("junk/.DS_Store", "junk/Thumbs.db", "junk/~$lesson.docx", "junk/a.mp4.part")
        assert harness.scan() == []


class TestWaiting:
    def test_presenters_wait_for_a_lecture(self, harness: InboxHarness) -> None:
        harness.drop("w/li.png", "w/wang.png")
        (job,) = harness.scan()
        assert summary(job) == ("w", "waiting", "li.png", None)
        assert job.reason is not None and "folder w is waiting" in job.reason.text()
        assert len(harness.scan()) == 1
        harness.drop("w/a.txt", "w/job.yaml")
        (harness.folder / "w" / "job.yaml").write_text("badge: false\npriority: 7\n")
        first, second = harness.scan()
        assert (first.id, summary(first)[:2]) == (job.id, ("w - a - li", "queued"))
        assert summary(second)[:2] == ("w - a - wang", "queued")
        assert first.options == second.options == {"video": {"badge": False}}
        assert first.priority == second.priority == 7

    def test_lectures_wait_for_a_presenter(self, harness: InboxHarness) -> None:
        harness.drop("w/a.txt", "w/b@wang.txt")
        a, b = harness.scan()
        assert a.reason is not None and a.reason.code == "waiting_folder_presenter"
        assert b.reason is not None and b.reason.code == "waiting_named_presenter"
        harness.drop("w/p.png")
        jobs = harness.scan()
        assert [(job.id, summary(job)[1]) for job in jobs] == [(a.id, "queued"), (b.id, "waiting")]
        (harness.presenters / "wang.png").touch()
        assert [summary(job)[2] for job in harness.scan()] == ["p.png", "wang.png"]

    def test_job_is_cancelled_when_its_folder_is_removed(self, harness: InboxHarness) -> None:
        harness.drop("w/li.png")
        harness.scan()
        (harness.folder / "w" / "li.png").unlink()
        (harness.folder / "w").rmdir()
        assert [job.state for job in harness.scan()] == [JobState.CANCELLED]


class TestJobFile:
    def test_settings_apply_to_every_job_of_the_folder(self, harness: InboxHarness) -> None:
        harness.drop("w/a.txt", "w/b.txt", "w/p.png")
        (harness.folder / "w" / "Job.YAML").write_text(
            "voice: espeak:fr\nspeed: 1.2\nface: 1\nprecision: int8\nbadge: false\npriority: 5\n"
        )
        for job in harness.scan():
            assert job.priority == 5
            assert job.options == {
                "speech": {"voice": "espeak:fr", "speed": 1.2},
                "face": {"index": 1},
                "lips": {"precision": "int8"},
                "video": {"badge": False},
            }

    def test_every_problem_is_reported_with_line_and_cure_in_both_languages(
        self, harness: InboxHarness
    ) -> None:
        harness.drop("w/a.txt", "w/p.png")
        problems = "fase: 1\nbadge: yess\nspeed: 9\nprecision: int4\n"
        (harness.folder / "w" / "job.yaml").write_text(problems)
        (job,) = harness.scan()
        assert job.state is JobState.FAILED
        assert job.reason is not None and job.reason.code == "config_key_misspelled"
        assert job.stem == "w"
        harness.archive()
        assert harness.tree() == [
            "failed/w/a.txt", "failed/w/job.reason.txt", "failed/w/job.yaml", "failed/w/p.png",
        ]  # fmt: skip
        text = (harness.folder / "failed" / "w" / "job.reason.txt").read_text(encoding="utf-8")
        for sentence in (
            "Line 1 of job.yaml contains the unknown key fase. Write face instead",
            "Line 2 of job.yaml sets badge to yess, which is neither true nor false.",
            "Line 3 of job.yaml sets speed to 9, which is too high. Use 2 or less.",
            "Line 4 of job.yaml sets precision to int4",
            "job.yaml 第 1 行",
            "请使用不大于 2 的数值。",
        ):
            assert sentence in text
        assert not (harness.folder / "w").exists()

    @pytest.mark.parametrize(
        "content",
        [
            b"[" * 50_000, b"\xff\xfe\x00", b"voice: 2001-13-45", b"a: &a [*a, *a]", b"just words",
            b"badge: !!python/object:os.system x", b"x" * 200_000, b"? {a: b}\n: c",
        ],
    )  # fmt: skip
    def test_invalid_file_fails_only_its_folder(
        self, harness: InboxHarness, content: bytes
    ) -> None:
        harness.drop("w/a.txt", "w/p.png", "x/a.txt", "x/p.png")
        (harness.folder / "w" / "job.yaml").write_bytes(content)
        assert [(job.state, job.reason is None) for job in harness.scan()] == [
            (JobState.FAILED, False),
            (JobState.QUEUED, True),
        ]

    def test_empty_file_changes_nothing(self, harness: InboxHarness) -> None:
        harness.drop("w/a.txt", "w/p.png", "w/job.yaml", content=b"")
        assert [(job.state, job.options) for job in harness.scan()] == [(JobState.QUEUED, {})]


class TestRejections:
    def test_links_nested_folders_and_unknown_types_are_rejected(
        self, harness: InboxHarness
    ) -> None:
        harness.drop("w/a.txt", "w/p.png", "w/slides.pdf", "w/deep/b.txt")
        (harness.root / "secret.wav").write_bytes(b"secret")
        (harness.folder / "w" / "link.wav").symlink_to(harness.root / "secret.wav")
        jobs = harness.scan()
        assert [(j.stem, j.reason.code) for j in jobs if j.reason] == [
            ("deep", "folder_nested"), ("link", "file_not_regular"),
            ("slides", "file_type_unsupported"),
        ]  # fmt: skip
        assert [summary(job) for job in jobs if not job.reason] == [
            ("w - a", "queued", "p.png", "a.txt")
        ]
        harness.archive()
        assert harness.tree() == [
            "failed/w/deep.reason.txt", "failed/w/deep/b.txt", "failed/w/link.reason.txt",
            "failed/w/link.wav", "failed/w/slides.pdf", "failed/w/slides.reason.txt",
            "w/a.txt", "w/p.png",
        ]  # fmt: skip

    def test_link_to_a_folder_is_rejected(self, harness: InboxHarness) -> None:
        (harness.root / "private").mkdir()
        (harness.root / "private" / "a.txt").touch()
        (harness.folder / "w").symlink_to(harness.root / "private")
        (job,) = harness.scan()
        assert job.reason is not None and job.reason.code == "file_not_regular"


class TestArchiving:
    def test_presenter_is_moved_after_its_last_job(self, harness: InboxHarness) -> None:
        harness.drop("w/a.txt", "w/b.txt", "w/p.png", "w/Thumbs.db")
        one, two = harness.scan()
        harness.finish(one)
        assert harness.tree() == ["done/w/a.txt", "w/Thumbs.db", "w/b.txt", "w/p.png"]
        assert [job.id for job in harness.store.unarchived()] == [one.id]
        harness.finish(two)
        assert harness.tree() == ["done/w/a.txt", "done/w/b.txt", "done/w/p.png"]
        assert harness.store.unarchived() == [] and not (harness.folder / "w").exists()

    def test_failed_job_can_be_retried_with_archived_files(self, harness: InboxHarness) -> None:
        harness.drop("w/a.txt", "w/b.txt", "w/p.png")
        one, two = harness.scan()
        harness.finish(one)
        harness.store.claim()
        harness.store.fail(two.id, Reason("processing_failed", {"reason": "x"}))
        harness.archive()
        assert harness.tree() == [
            "done/w/a.txt", "done/w/p.png", "failed/w/b.reason.txt", "failed/w/b.txt",
        ]  # fmt: skip
        harness.store.retry(two.id)
        again = harness.store.claim()
        assert again is not None and again.presenter == harness.folder / "done" / "w" / "p.png"
        harness.store.finish(two.id)
        harness.archive()
        assert harness.tree() == ["done/w/a.txt", "done/w/b.txt", "done/w/p.png"]
        assert not (harness.folder / "failed" / "w").exists()

    def test_copy_in_progress_is_not_disturbed(self, harness: InboxHarness) -> None:
        harness.drop("w/a.txt", "w/p.png", "w/b.mp4.part", "w/.DS_Store")
        harness.finish(harness.scan()[0])
        assert harness.tree() == ["done/w/a.txt", "done/w/p.png", "w/.DS_Store", "w/b.mp4.part"]
        (harness.folder / "w" / "b.mp4.part").rename(harness.folder / "w" / "b.mp4")
        assert [summary(job) for job in harness.scan()][1:] == [("w", "waiting", "b.mp4", None)]

    def test_empty_folder_left_by_a_power_cut_is_removed(self, harness: InboxHarness) -> None:
        harness.drop("w/a.txt", "w/p.png")
        (job,) = harness.scan()
        harness.finish(job)
        (harness.folder / "w").mkdir()  # as after an interruption
        archive_sources(harness.store, harness.store.get(job.id), harness.folder, harness.mounts)
        assert not (harness.folder / "w").exists()

    def test_folder_of_the_same_name_replaces_nothing(self, harness: InboxHarness) -> None:
        for _ in range(2):
            harness.drop("w/a.txt", "w/p.png")
            harness.finish(harness.scan()[-1])
        assert harness.tree() == [
            "done/w/a (2).txt", "done/w/a.txt", "done/w/p (2).png", "done/w/p.png",
        ]  # fmt: skip
