"""The order of the queue."""

from __future__ import annotations

import dataclasses
import itertools
import random
from pathlib import Path

import pytest

from appliance.jobs.models import Job, NewJob
from appliance.jobs.store import JobStore
from web.services.job_actions import Direction, priorities, reordered


@pytest.fixture
def queue(store: JobStore) -> list[Job]:
    owners = ["li", "wang", "li", "wang", "li"]
    return [
        store.add(NewJob(f"job {n}", Path("/p.mp4"), Path("/a.wav"), owner=owner))
        for n, owner in enumerate(owners)
    ]


def queue_sorted(jobs: list[Job]) -> list[Job]:
    """Jobs of one owner in the order in which they run."""
    return sorted(jobs, key=lambda job: (-job.priority, job.id))


def numbers(jobs: list[Job]) -> list[int]:
    return [job.id for job in jobs]


class TestReordering:
    @pytest.mark.parametrize(
        ("job", "direction", "expected"),
        [
            (2, "up", [2, 1, 3, 4, 5]),
            (1, "up", [1, 2, 3, 4, 5]),
            (5, "down", [1, 2, 3, 4, 5]),
            (1, "down", [2, 1, 3, 4, 5]),
            (5, "first", [5, 1, 2, 3, 4]),
            (99, "up", [1, 2, 3, 4, 5]),
        ],
    )
    def test_administrator_moves_any_job(
        self, queue: list[Job], job: int, direction: Direction, expected: list[int]
    ) -> None:
        assert numbers(reordered(queue, job, direction, lambda _: True)) == expected

    def test_teachers_jobs_only_exchange_positions(self, queue: list[Job]) -> None:
        order = reordered(queue, 5, "first", lambda job: job.owner == "li")
        assert numbers(order) == [5, 2, 1, 4, 3]

    def test_priorities_produce_the_order(self, queue: list[Job], store: JobStore) -> None:
        for wished in itertools.permutations(queue):
            order = [store.get(job.id) for job in wished]
            for number, priority in priorities(order).items():
                store.set_priority(number, priority)
            assert numbers(queue_sorted(store.jobs())) == numbers(order)

    def test_priorities_produce_the_order_from_any_start(self, queue: list[Job]) -> None:
        chance = random.Random(3)
        for _ in range(200):
            jobs = [dataclasses.replace(job, priority=chance.randint(-3, 3)) for job in queue]
            chance.shuffle(jobs)
            new = priorities(jobs)
            after = [
                dataclasses.replace(job, priority=new.get(job.id, job.priority)) for job in jobs
            ]
            assert numbers(queue_sorted(after)) == numbers(jobs)

    def test_existing_order_changes_nothing(self, queue: list[Job]) -> None:
        assert priorities(queue) == {}
