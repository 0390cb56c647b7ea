"""Retention: which jobs are deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import BadInput
from appliance.jobs.models import Job, NewJob
from appliance.jobs.retention import (
    DAY_S,
    GB,
    RetentionPolicy,
    StoredJob,
    _doomed,
    delete_expired,
    delete_jobs_together,
    expired_jobs,
)
from appliance.jobs.worker_store import WorkerStore

TODAY = 100.0


@pytest.fixture
def store(tmp_path: Path) -> WorkerStore:
    return WorkerStore(tmp_path / "lectern.sqlite3", now=time_of_day, since_boot=time_of_day)


days = [0.0]


def time_of_day() -> float:
    return days[0] * DAY_S


def finished(
    store: WorkerStore, day: float, *, downloaded: bool = True, result: Path | None = None
) -> Job:
    """Add a job that ended and was archived on ``day``."""
    days[0] = day
    job = store.add(NewJob("lesson", Path("p.mp4"), Path("a.wav"))).id
    store.claim()
    if result is not None:
        result.write_bytes(b"x" * 1000)
        store.set_output_paths(job, result, result.with_suffix(".report.json"))
        store.files.add_result(job, result)
    store.finish(job)
    store.mark_archived(job)
    if downloaded:
        store.mark_downloaded(job)
    store.ages.ages_s()  # as the worker does regularly
    return store.get(job)


def stored(job: Job, size: int) -> StoredJob:
    """Return an ended job as retention sees it on the 100th day."""
    age_s = TODAY * DAY_S - (job.finished or 0)
    return StoredJob(job, size, job.downloaded is not None, age_s)


class TestExpired:
    def test_old_jobs_expire(self, store: WorkerStore) -> None:
        old, new = finished(store, 89), finished(store, 91)
        jobs = [stored(new, 1), stored(old, 1)]
        assert expired_jobs(jobs, RetentionPolicy(max_age_days=10)) == [old]
        assert expired_jobs(jobs, RetentionPolicy()) == []

    def test_oldest_jobs_expire_until_the_size_fits(self, store: WorkerStore) -> None:
        jobs = [finished(store, day) for day in (1, 2, 3, 4)]
        newest_first = [stored(job, GB) for job in reversed(jobs)]
        assert expired_jobs(newest_first, RetentionPolicy(max_total_gb=2)) == jobs[:2]

    def test_job_without_files_does_not_expire_by_size(self, store: WorkerStore) -> None:
        empty, full = finished(store, 1), finished(store, 2)
        jobs = [stored(empty, 0), stored(full, 3 * GB)]
        assert expired_jobs(jobs, RetentionPolicy(max_total_gb=1)) == [full]

    def test_undownloaded_results_are_kept_if_configured(self, store: WorkerStore) -> None:
        kept, downloaded = finished(store, 1, downloaded=False), finished(store, 2)
        jobs = [stored(kept, GB), stored(downloaded, GB)]
        policy = RetentionPolicy(max_age_days=1, max_total_gb=1)
        assert expired_jobs(jobs, policy) == [downloaded]
        policy = RetentionPolicy(max_age_days=1, max_total_gb=1, keep_undownloaded=False)
        assert expired_jobs(jobs, policy) == [kept, downloaded]


class TestDeleteExpired:
    def test_job_is_deleted_with_its_files(self, store: WorkerStore, tmp_path: Path) -> None:
        old = finished(store, 1, result=tmp_path / "old.mp4")
        new = finished(store, 99, result=tmp_path / "new.mp4")
        days[0] = TODAY
        assert [job.id for job in delete_expired(store, RetentionPolicy(max_age_days=10))] == [
            old.id
        ]
        assert [path.name for path in tmp_path.glob("*.mp4")] == ["new.mp4"]
        assert [job.id for job in store.jobs()] == [new.id]

    def test_video_moved_out_of_the_outbox_counts_as_downloaded(
        self, store: WorkerStore, tmp_path: Path
    ) -> None:
        kept = finished(store, 1, downloaded=False, result=tmp_path / "kept.mp4")
        finished(store, 1, downloaded=False, result=tmp_path / "moved.mp4")
        (tmp_path / "moved.mp4").rename(tmp_path / "elsewhere.mp4")
        days[0] = TODAY
        delete_expired(store, RetentionPolicy(max_age_days=10))
        assert [job.id for job in store.jobs()] == [kept.id]
        assert sorted(p.name for p in tmp_path.glob("*.mp4")) == ["elsewhere.mp4", "kept.mp4"]

    def test_unarchived_jobs_and_their_sources_are_kept(
        self, store: WorkerStore, tmp_path: Path
    ) -> None:
        source = tmp_path / "a.wav"
        source.touch()
        days[0] = 1
        job = store.add(NewJob("a", Path("p.mp4"), source, claims=(source,))).id
        store.claim()
        store.finish(job)
        store.mark_downloaded(job)
        store.ages.ages_s()
        days[0] = TODAY
        assert delete_expired(store, RetentionPolicy(max_age_days=1)) == []
        store.mark_archived(job)
        days[0] = TODAY
        assert delete_expired(store, RetentionPolicy(max_age_days=1)) != []
        assert source.exists()

    def test_a_file_that_cannot_be_deleted_keeps_its_job(
        self, store: WorkerStore, tmp_path: Path
    ) -> None:
        job = finished(store, 1)
        folder = tmp_path / "folder.mp4"
        folder.mkdir()
        store.files.add_result(job.id, folder)
        days[0] = TODAY
        assert delete_expired(store, RetentionPolicy(max_age_days=1)) == []
        assert store.get(job.id) == job


class TestDeleteTogether:
    def test_interrupted_deletion_is_completed(self, store: WorkerStore, tmp_path: Path) -> None:
        """As after a power cut between the renaming and the removal of the jobs."""
        jobs = [finished(store, 1, result=tmp_path / f"{name}.mp4") for name in "ab"]
        assert jobs[0].output is not None
        jobs[0].output.rename(_doomed(jobs[0].output))
        delete_jobs_together(store, jobs)
        assert store.jobs() == []
        assert not list(tmp_path.glob(".*.deleted"))

    def test_running_job_keeps_all_files(self, store: WorkerStore, tmp_path: Path) -> None:
        first = finished(store, 1, result=tmp_path / "a.mp4")
        running = store.add(NewJob("lesson", Path("p.mp4"), Path("a.wav"))).id
        store.claim()
        with pytest.raises(BadInput, match="job_wrong_state"):
            delete_jobs_together(store, [first, store.get(running)])
        assert (tmp_path / "a.mp4").read_bytes() == b"x" * 1000
        assert len(store.jobs()) == 2

    def test_folder_in_place_of_a_result_keeps_all(
        self, store: WorkerStore, tmp_path: Path
    ) -> None:
        jobs = [finished(store, 1, result=tmp_path / f"{name}.mp4") for name in "ab"]
        (tmp_path / "b.mp4").unlink()
        (tmp_path / "b.mp4").mkdir()
        with pytest.raises(IsADirectoryError):
            delete_jobs_together(store, jobs)
        assert (tmp_path / "a.mp4").is_file()
        assert len(store.jobs()) == 2
