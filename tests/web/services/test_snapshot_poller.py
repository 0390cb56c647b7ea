"""The thread that reads snapshots for all live pages, and the remaining time."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import pytest

from appliance.jobs.models import Job, NewJob
from appliance.jobs.store import JobStore
from web.services.snapshot import Snapshot, SnapshotReader
from web.services.snapshot_poller import EtaEstimator, SnapshotPoller


@pytest.fixture
def queue(store: JobStore) -> list[Job]:
    owners = ["li", "wang", "li", "wang", "li"]
    return [
        store.add(NewJob(f"job {n}", Path("/p.mp4"), Path("/a.wav"), owner=owner))
        for n, owner in enumerate(owners)
    ]


class Scripted(SnapshotReader):
    """A reader that returns the snapshot set by the test and counts its calls."""

    def __init__(self) -> None:
        self.next, self.reads, self.closed = Snapshot(), 0, threading.Event()

    def __call__(self) -> Snapshot:
        self.reads += 1
        return self.next

    def close(self) -> None:
        self.closed.set()


class TestSnapshotPoller:
    def test_subscribers_share_one_snapshot(self) -> None:
        reader = Scripted()
        poller = SnapshotPoller(lambda: reader, interval_s=0.01)
        got: list[int] = []

        def listen() -> None:
            with poller.subscribed():
                view = poller.wait(0, 5)
                assert view is not None
                view = poller.wait(view.version, 5)
                assert view is not None
                got.append(view.version)

        pages = [threading.Thread(target=listen) for _ in range(30)]
        for page in pages:
            page.start()
        with poller.subscribed():
            assert poller.wait(0, 5)
            while poller.subscribers < 31 and not got:
                poller.wait(10**9, 0.005)
            reader.next = Snapshot(daemon_up=True)
            poller.refresh_now()
            for page in pages:
                page.join(10)
        assert len(got) == 30
        assert len(set(got)) == 1

    def test_unchanged_snapshot_has_no_new_version(self) -> None:
        reader = Scripted()
        poller = SnapshotPoller(lambda: reader, interval_s=0.001)
        with poller.subscribed():
            view = poller.wait(0, 5)
            assert view is not None
            reads = reader.reads
            assert poller.wait(view.version, 0.05) is None
            assert reader.reads > reads

    def test_poller_stops_without_subscribers_and_versions_continue(self) -> None:
        time = [0.0]
        lookers: list[Scripted] = []

        def make() -> SnapshotReader:
            lookers.append(Scripted())
            return lookers[-1]

        poller = SnapshotPoller(make, interval_s=0.001, now=lambda: time[0])
        with poller.subscribed():
            first = poller.wait(0, 5)
        assert first is not None
        time[0] = 100.0
        assert lookers[0].closed.wait(5)
        with poller.subscribed():
            again = poller.wait(first.version, 5)
        assert again is not None
        assert len(lookers) == 2

    def test_failed_read_is_logged_and_retried(self, caplog: pytest.LogCaptureFixture) -> None:
        class Broken(Scripted):
            def __call__(self) -> Snapshot:
                raise RuntimeError("no")

        lookers = [Broken(), Scripted()]
        poller = SnapshotPoller(lambda: lookers.pop(0), interval_s=0.001)
        with poller.subscribed():
            assert poller.wait(0, 0.2) is None
            assert poller.wait(0, 5) is not None
        assert "the snapshot poller failed" in caplog.text


class TestEtaEstimator:
    def job(self, queue: list[Job], done: int, stage: str = "render") -> Job:
        return dataclasses.replace(queue[0], stage=stage, done=done, total=1000)

    def test_constant_speed_gives_the_remaining_time(self, queue: list[Job]) -> None:
        pace = EtaEstimator()
        left = [pace.remaining_s(self.job(queue, 10 * second), second) for second in range(31)]
        assert left[3] is None
        assert left[30] == 70

    def test_estimate_follows_a_changing_speed(self, queue: list[Job]) -> None:
        pace = EtaEstimator()
        for second in range(40):
            pace.remaining_s(self.job(queue, 10 * second), second)
        left = None
        for second in range(40, 110):
            left = pace.remaining_s(self.job(queue, 400 + (second - 40)), second)
        assert left == pytest.approx(530, abs=5)

    def test_new_stage_or_step_back_resets_the_estimate(self, queue: list[Job]) -> None:
        pace = EtaEstimator()
        for second in range(10):
            pace.remaining_s(self.job(queue, 10 * second), second)
        assert pace.remaining_s(self.job(queue, 5, "score"), 11) is None
        for second in range(12, 20):
            pace.remaining_s(self.job(queue, 10 * second, "score"), second)
        assert pace.remaining_s(self.job(queue, 3, "score"), 21) is None

    def test_no_estimate_without_progress(self, queue: list[Job]) -> None:
        assert EtaEstimator().remaining_s(None, 0) is None
        assert EtaEstimator().remaining_s(dataclasses.replace(queue[0], total=0), 0) is None

    def test_estimate_decreases_to_zero_without_progress(self, queue: list[Job]) -> None:
        pace = EtaEstimator()
        for second in range(10):
            pace.remaining_s(self.job(queue, 100 * second), second)
        assert pace.remaining_s(self.job(queue, 900), 500) == 0
