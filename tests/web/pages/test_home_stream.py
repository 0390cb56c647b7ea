"""The thread that looks for all, and what its listeners get."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from appliance.config import Config
from appliance.jobs.daemon_status import DaemonStatusStore
from appliance.jobs.models import NewJob, Reason
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore
from appliance.telemetry.reading import Reading
from appliance.telemetry.store import TelemetryStore, telemetry_path
from tests.governor.readings import COOL
from tests.web.conftest import Clock, SignIn
from web.accounts.users import Role
from web.context import EXTENSION
from web.services.snapshot import Snapshot, SnapshotReader
from web.services.snapshot_poller import SnapshotPoller


def add(store: WorkerStore, stem: str, owner: str = "") -> int:
    return store.add(NewJob(stem, Path("/p.mp4"), Path("/a.wav"), owner=owner)).id


def reading(at: float, temperature: float = 50.0) -> Reading:
    trips = {"cpu": {"throttle": 80.0}}
    return replace(COOL, at=at, temperatures_c={"cpu": temperature}, trip_points_c=trips)


@pytest.fixture
def looker(config: Config, clock: Clock) -> Iterator[SnapshotReader]:
    looker = SnapshotReader(config.root, clock)
    yield looker
    looker.close()


class TestLooker:
    def test_it_sees_each_job_in_its_place(
        self, looker: SnapshotReader, store: WorkerStore, clock: Clock
    ) -> None:
        ids = [add(store, name) for name in ("runs", "fails", "one", "two")]
        assert store.claim()
        store.set_priority(ids[1], 9)
        assert store.claim()
        store.fail(ids[1], Reason("file_missing", {"name": "x"}))
        store.set_priority(ids[3], 5)
        store.add(NewJob("waits", None, Path("/b.wav")))
        seen = looker()
        assert [job.stem for job in seen.running] == ["runs"]
        assert [job.stem for job in seen.queue] == ["two", "one"]
        assert [job.stem for job in seen.failed] == ["fails"]
        assert [job.stem for job in seen.waiting] == ["waits"]
        clock.time += 8 * 86400
        assert looker().failed == ()

    def test_it_knows_whether_the_daemon_lives(
        self, looker: SnapshotReader, config: Config, clock: Clock
    ) -> None:
        assert not looker().daemon_up
        with DaemonStatusStore(store_path(config.root), now=clock) as record:
            record.record_start("1.0", 7)
            assert looker().daemon_up
            clock.time += 60
            assert not looker().daemon_up

    def test_an_old_reading_does_not_count(
        self, looker: SnapshotReader, config: Config, clock: Clock
    ) -> None:
        with TelemetryStore(telemetry_path(config.root)) as history:
            history.add(reading(clock.time))
        assert looker().reading == reading(clock.time)
        clock.time += 120
        assert looker().reading is None

    def test_when_the_queue_cannot_be_read_it_says_so_and_recovers(
        self, looker: SnapshotReader, store: WorkerStore, config: Config
    ) -> None:
        add(store, "a")
        assert len(looker().queue) == 1
        store.close()
        looker.close()
        path = store_path(config.root)
        whole = path.read_bytes()
        path.write_bytes(b"no database" * 1000)
        seen = looker()
        assert seen.fault and seen.fault.code == "database_damaged"
        assert len(seen.queue) == 1
        path.write_bytes(whole)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        assert looker().fault is None


class Scripted(SnapshotReader):
    """A looker whose next sight the test sets; it counts its looks."""

    def __init__(self) -> None:
        self.next, self.looks, self.closed = Snapshot(), 0, threading.Event()

    def __call__(self) -> Snapshot:
        self.looks += 1
        return self.next

    def close(self) -> None:
        self.closed.set()


class TestWatcher:
    def test_all_listeners_share_one_look(self) -> None:
        looker = Scripted()
        watcher = SnapshotPoller(lambda: looker, interval_s=0.01)
        got: list[int] = []

        def listen() -> None:
            with watcher.subscribed():
                view = watcher.wait(0, 5)
                assert view is not None
                view = watcher.wait(view.version, 5)
                assert view is not None
                got.append(view.version)

        pages = [threading.Thread(target=listen) for _ in range(30)]
        for page in pages:
            page.start()
        with watcher.subscribed():
            assert watcher.wait(0, 5)
            while watcher.subscribers < 31 and not got:
                watcher.wait(10**9, 0.005)
            looker.next = Snapshot(daemon_up=True)
            watcher.refresh_now()
            for page in pages:
                page.join(10)
        assert len(got) == 30
        assert len(set(got)) == 1

    def test_what_does_not_change_is_not_told_again(self) -> None:
        looker = Scripted()
        watcher = SnapshotPoller(lambda: looker, interval_s=0.001)
        with watcher.subscribed():
            view = watcher.wait(0, 5)
            assert view is not None
            looks = looker.looks
            assert watcher.wait(view.version, 0.05) is None
            assert looker.looks > looks

    def test_nobody_listening_it_rests_and_versions_go_on(self) -> None:
        time = [0.0]
        lookers: list[Scripted] = []

        def make() -> SnapshotReader:
            lookers.append(Scripted())
            return lookers[-1]

        watcher = SnapshotPoller(make, interval_s=0.001, now=lambda: time[0])
        with watcher.subscribed():
            first = watcher.wait(0, 5)
        assert first is not None
        time[0] = 100.0
        assert lookers[0].closed.wait(5)
        with watcher.subscribed():
            again = watcher.wait(first.version, 5)
        assert again is not None
        assert len(lookers) == 2

    def test_a_look_that_breaks_is_written_down_and_the_next_one_is_made(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Broken(Scripted):
            def __call__(self) -> Snapshot:
                raise RuntimeError("no")

        lookers = [Broken(), Scripted()]
        watcher = SnapshotPoller(lambda: lookers.pop(0), interval_s=0.001)
        with watcher.subscribed():
            assert watcher.wait(0, 0.2) is None
            assert watcher.wait(0, 5) is not None
        assert "the snapshot poller failed" in caplog.text


def text(piece: object) -> str:
    """A piece of a stream, which may come as bytes."""
    return piece.decode() if isinstance(piece, bytes) else str(piece)


def events(body: str) -> list[dict[str, Any]]:
    """The views in a piece of a stream."""
    blocks = [block for block in body.split("\n\n") if "event: view" in block]
    return [json.loads(block.split("data: ")[1]) for block in blocks]


class TestStream:
    def read(self, app: Flask, sign_in: SignIn, who: str, until: int) -> Iterator[dict[str, Any]]:
        response = sign_in(who).get("/live", buffered=False)
        assert response.status_code == 200
        assert response.content_type.startswith("text/event-stream")
        chunks = iter(response.response)
        for _ in range(until):
            piece = next(chunks)
            yield from events(text(piece))
        response.close()

    def test_the_first_event_holds_everything_and_the_next_only_what_moved(
        self, app: Flask, sign_in: SignIn, store: WorkerStore, config: Config, clock: Clock
    ) -> None:
        job = add(store, "Photosynthesis", "teacher")
        store.claim()
        store.update_progress(job, "render", 10, 100)
        stream = self.read(app, sign_in, "teacher", 10)
        first = next(stream)
        assert "Photosynthesis" in first["html"]
        assert first["values"][f"job-{job}-percent"] == "10 %"
        store.update_progress(job, "render", 25, 100)
        second = next(stream)
        assert "html" not in second
        assert second["values"][f"job-{job}-percent"] == "25 %"
        store.finish(job)
        third = next(stream)
        assert "Recently finished" in third["html"]
        stream.close()  # type: ignore[attr-defined]

    def test_it_ends_with_the_sign_in(self, app: Flask, sign_in: SignIn, clock: Clock) -> None:
        browser = sign_in("viewer")
        response = browser.get("/live", buffered=False)
        chunks = iter(response.response)
        assert next(chunks)
        clock.time += 3 * 3600
        rest = "".join(text(chunk) for chunk in chunks)
        assert "event: end" in rest

    def test_what_a_program_changes_shows_at_once(
        self, app: Flask, sign_in: SignIn, store: WorkerStore
    ) -> None:
        """Not when the watcher looks of its own accord, which here it does once an hour."""
        app.extensions["lectern.poller"]._interval_s = 3600.0
        job = add(store, "Photosynthesis", "teacher")
        browser = sign_in("teacher")
        headers = {"X-CSRF-Token": browser.token()}
        stream = self.read(app, sign_in, "teacher", 20)
        assert f'id="pause-{job}"' in next(stream)["html"]
        with ThreadPoolExecutor() as elsewhere:  # the stream keeps this thread's request
            posted = elsewhere.submit(browser.post, f"/api/v1/jobs/{job}/pause", headers=headers)
            assert posted.result().status_code == 200
        assert f'id="resume-{job}"' in next(stream)["html"]
        stream.close()  # type: ignore[attr-defined]

    @pytest.mark.parametrize("deed", ["role", "removed", "key revoked"])
    def test_it_ends_when_its_reader_may_no_longer_see_what_they_saw(
        self, app: Flask, sign_in: SignIn, store: WorkerStore, deed: str
    ) -> None:
        add(store, "Photosynthesis", "other")
        here = app.extensions[EXTENSION]
        if deed == "key revoked":
            with app.test_request_context():
                headers = {"Authorization": f"Bearer {here.tokens.create('viewer', 'wall')}"}
            response = app.test_client().get("/live", headers=headers, buffered=False)
        else:
            response = sign_in("viewer").get("/live", buffered=False)
        chunks = iter(response.response)
        first = text(next(chunks)) + text(next(chunks))
        assert "Photosynthesis" in first
        if deed == "role":
            here.users.set_role("viewer", Role.TEACHER)
        elif deed == "removed":
            here.users.delete("viewer")
        else:
            here.tokens.revoke("viewer", here.tokens.list_for("viewer")[0].id)
        add(store, "Osmosis", "other")
        rest = "".join(text(chunk) for chunk in chunks)
        assert "event: end" in rest and "Osmosis" not in rest

    def test_news_say_whom_they_were_written_for(self, app: Flask, sign_in: SignIn) -> None:
        """So that a page of another person or language, of the same browser, starts anew."""
        browser = sign_in("viewer")
        page = browser.get("/").text
        news = next(self.read(app, sign_in, "viewer", 10))
        assert (
            news["viewer_key"] == "viewer viewer en"
            and 'data-viewer-key="viewer viewer en"' in page
        )
        browser.set_cookie("lectern_language", "zh")
        asked = browser.get("/live/now").json
        assert asked and asked["viewer_key"] == "viewer viewer zh"

    def test_it_ends_when_the_panel_does(self, app: Flask, sign_in: SignIn) -> None:
        response = sign_in("viewer").get("/live", buffered=False)
        app.extensions[EXTENSION].closing.set()
        list(response.response)

    def test_more_streams_than_threads_are_refused_with_a_sentence(
        self, app: Flask, sign_in: SignIn
    ) -> None:
        watcher = app.extensions["lectern.poller"]
        watcher._waiting = app.extensions[EXTENSION].config.panel.threads
        answer = sign_in("viewer").get("/live", headers={"Accept": "application/json"})
        assert answer.status_code == 503
        assert answer.json and answer.json["code"] == "too_many_live_pages"

    def test_asking_gives_the_same_as_the_stream(
        self, app: Flask, sign_in: SignIn, store: WorkerStore
    ) -> None:
        add(store, "Photosynthesis", "teacher")
        answer = sign_in("teacher").get("/live/now").json
        assert answer and "Photosynthesis" in answer["html"]
        assert next(self.read(app, sign_in, "teacher", 10)).keys() == answer.keys()
