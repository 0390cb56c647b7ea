"""The snapshot poller and the event stream of the home page."""

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
def reader(config: Config, clock: Clock) -> Iterator[SnapshotReader]:
    reader = SnapshotReader(config.root, clock)
    yield reader
    reader.close()


class TestSnapshotReader:
    def test_jobs_are_grouped_by_state(
        self, reader: SnapshotReader, store: WorkerStore, clock: Clock
    ) -> None:
        ids = [add(store, name) for name in ("runs", "fails", "one", "two")]
        assert store.claim()
        store.set_priority(ids[1], 9)
        assert store.claim()
        store.fail(ids[1], Reason("file_missing", {"name": "x"}))
        store.set_priority(ids[3], 5)
        store.add(NewJob("waits", None, Path("/b.wav")))
        seen = reader()
        assert [job.stem for job in seen.running] == ["runs"]
        assert [job.stem for job in seen.queue] == ["two", "one"]
        assert [job.stem for job in seen.failed] == ["fails"]
        assert [job.stem for job in seen.waiting] == ["waits"]
        clock.time += 8 * 86400
        assert reader().failed == ()

    def test_daemon_state_is_reported(
        self, reader: SnapshotReader, config: Config, clock: Clock
    ) -> None:
        assert not reader().daemon_up
        with DaemonStatusStore(store_path(config.root), now=clock) as record:
            record.record_start("1.0", 7)
            assert reader().daemon_up
            clock.time += 60
            assert not reader().daemon_up

    def test_old_reading_is_ignored(
        self, reader: SnapshotReader, config: Config, clock: Clock
    ) -> None:
        with TelemetryStore(telemetry_path(config.root)) as history:
            history.add(reading(clock.time))
        assert reader().reading == reading(clock.time)
        clock.time += 120
        assert reader().reading is None

    def test_unreadable_queue_is_reported_and_recovers(
        self, reader: SnapshotReader, store: WorkerStore, config: Config
    ) -> None:
        add(store, "a")
        assert len(reader().queue) == 1
        store.close()
        reader.close()
        path = store_path(config.root)
        whole = path.read_bytes()
        path.write_bytes(b"no database" * 1000)
        seen = reader()
        assert seen.fault and seen.fault.code == "database_damaged"
        assert len(seen.queue) == 1
        path.write_bytes(whole)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        assert reader().fault is None


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


def text(piece: object) -> str:
    """Return a chunk of a stream, which may be bytes, as text."""
    return piece.decode() if isinstance(piece, bytes) else str(piece)


def events(body: str) -> list[dict[str, Any]]:
    """Yield the ``view`` events of a chunk of a stream."""
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

    def test_first_event_is_complete_and_later_ones_contain_changes(
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

    def test_stream_ends_with_the_session(self, app: Flask, sign_in: SignIn, clock: Clock) -> None:
        browser = sign_in("viewer")
        response = browser.get("/live", buffered=False)
        chunks = iter(response.response)
        assert next(chunks)
        clock.time += 3 * 3600
        rest = "".join(text(chunk) for chunk in chunks)
        assert "event: end" in rest

    def test_api_change_is_shown_immediately(
        self, app: Flask, sign_in: SignIn, store: WorkerStore
    ) -> None:
        """Without waiting for the next poll, which is an hour away here."""
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

    @pytest.mark.parametrize("change", ["role", "removed", "key revoked"])
    def test_stream_ends_when_permissions_change(
        self, app: Flask, sign_in: SignIn, store: WorkerStore, change: str
    ) -> None:
        add(store, "Photosynthesis", "other")
        here = app.extensions[EXTENSION]
        if change == "key revoked":
            with app.test_request_context():
                headers = {"Authorization": f"Bearer {here.tokens.create('viewer', 'wall')}"}
            response = app.test_client().get("/live", headers=headers, buffered=False)
        else:
            response = sign_in("viewer").get("/live", buffered=False)
        chunks = iter(response.response)
        first = text(next(chunks)) + text(next(chunks))
        assert "Photosynthesis" in first
        if change == "role":
            here.users.set_role("viewer", Role.TEACHER)
        elif change == "removed":
            here.users.delete("viewer")
        else:
            here.tokens.revoke("viewer", here.tokens.list_for("viewer")[0].id)
        add(store, "Osmosis", "other")
        rest = "".join(text(chunk) for chunk in chunks)
        assert "event: end" in rest and "Osmosis" not in rest

    def test_updates_contain_the_viewer_key(self, app: Flask, sign_in: SignIn) -> None:
        """A page of another user or language in the same browser then reloads."""
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

    def test_stream_ends_with_the_panel(self, app: Flask, sign_in: SignIn) -> None:
        response = sign_in("viewer").get("/live", buffered=False)
        app.extensions[EXTENSION].closing.set()
        list(response.response)

    def test_too_many_streams_are_refused(self, app: Flask, sign_in: SignIn) -> None:
        poller = app.extensions["lectern.poller"]
        poller._waiting = app.extensions[EXTENSION].config.panel.threads
        answer = sign_in("viewer").get("/live", headers={"Accept": "application/json"})
        assert answer.status_code == 503
        assert answer.json and answer.json["code"] == "too_many_live_pages"

    def test_polling_returns_the_same_as_the_stream(
        self, app: Flask, sign_in: SignIn, store: WorkerStore
    ) -> None:
        add(store, "Photosynthesis", "teacher")
        answer = sign_in("teacher").get("/live/now").json
        assert answer and "Photosynthesis" in answer["html"]
        assert next(self.read(app, sign_in, "teacher", 10)).keys() == answer.keys()
