"""Searching and paging through jobs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.jobs.history import JobHistory
from appliance.jobs.models import NewJob
from appliance.jobs.states import JobState
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore


@pytest.fixture
def history(tmp_path: Path) -> Iterator[JobHistory]:
    stems = ["Optik 1", "optik 2", "ÉTUDE", "第四课", os.fsdecode(b"odd \xff")]
    owners = ["wang", "li", "wang", "", "li"]
    with WorkerStore(store_path(tmp_path)) as store:
        for stem, owner in zip(stems, owners, strict=True):
            store.add(NewJob(stem, Path("a.mp4"), Path("a.wav"), owner=owner))
        for _ in range(2):
            job = store.claim()
            assert job is not None
            store.finish(job.id)
    with JobHistory(store_path(tmp_path)) as history:
        yield history


def ids(history: JobHistory, **criteria: object) -> list[int]:
    return [job.id for job in history.page(**criteria).jobs]  # type: ignore[arg-type]


def test_newest_jobs_come_first_in_pages(history: JobHistory) -> None:
    assert ids(history, states=[JobState.QUEUED]) == [5, 4, 3]
    first = history.page(size=2)
    assert (first.total, first.pages, first.number) == (5, 3, 1)
    seen = [job.id for number in (1, 2, 3) for job in history.page(size=2, number=number).jobs]
    assert sorted(seen) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("number", [-3, 0, 4, 10**9])
def test_missing_page_number_yields_the_nearest_page(history: JobHistory, number: int) -> None:
    page = history.page(size=2, number=number)
    assert page.number == (1 if number < 1 else 3)


@pytest.mark.parametrize(
    ("words", "found"),
    [("OPTIK", [2, 1]), ("2 opt", [2]), ("étude", [3]), ("四", [4]), ("odd", [5]), ("x", [])],
)
def test_search_by_words(history: JobHistory, words: str, found: list[int]) -> None:
    assert sorted(ids(history, words=words)) == sorted(found)


def test_filter_by_owner_and_state(history: JobHistory) -> None:
    assert sorted(ids(history, owners=["wang"])) == [1, 3]
    assert ids(history, owners=[""]) == [4]
    assert ids(history, owners=["li"], states=[JobState.DONE]) == [2]
    assert sorted(ids(history, owners=["wang", ""])) == [1, 3, 4]
    assert ids(history, owners=[]) == []
    assert ids(history, owners=["x' OR '1'='1"]) == []


def test_time_of_a_page_does_not_grow_with_the_number_of_jobs(tmp_path: Path) -> None:
    """Seconds of the processor for the first page of 200 and of 20,000 jobs."""
    seconds = {}
    for count in (200, 20_000):
        root = tmp_path / str(count)
        with WorkerStore(store_path(root)) as store:
            store.add_all(
                [NewJob(str(n), Path("a"), Path("b"), owner=f"u{n % 9}") for n in range(count)]
            )
            with store._database.write() as connection:
                connection.execute("UPDATE jobs SET state = 'done', finished = created + id")
        with JobHistory(store_path(root)) as history:
            began = time.process_time()
            for _ in range(3):
                page = history.page([JobState.DONE], owners=["u1", ""], number=3, size=12)
                assert history.page([JobState.DONE]).total == count
            seconds[count] = time.process_time() - began
            assert len(page.jobs) == 12 if count > 200 else page.jobs
    assert seconds[20_000] < 0.5
    assert seconds[20_000] < 40 * max(seconds[200], 0.001)  # a hundred times as many jobs


def test_empty_result_is_one_empty_page(history: JobHistory) -> None:
    page = history.page([JobState.FAILED])
    assert (page.jobs, page.total, page.pages) == ([], 0, 1)
