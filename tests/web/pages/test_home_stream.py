"""The event stream of the home page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from appliance.config import Config
from appliance.errors import BadInput
from appliance.jobs.worker_store import WorkerStore
from tests.web.conftest import Clock, SignIn, add
from web.accounts.users import Role
from web.context import EXTENSION
from web.pages import home_stream
from web.services.client_limits import STREAMS_PER_ADDRESS


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
        """One user cannot take all streams, and one address only a few."""
        cookies = {
            user: app.extensions[EXTENSION].sessions.create(user) for user in ("viewer", "teacher")
        }

        def start(user: str, address: str) -> Callable[[], None] | None:
            headers = {"Cookie": f"lectern={cookies[user]}"}
            with app.test_request_context("/live", headers=headers):
                try:
                    return home_stream.start_stream(address)
                except BadInput as error:
                    assert error.code == "too_many_live_pages"
                    return None

        first = [start("viewer", "10.0.0.1") for _ in range(STREAMS_PER_ADDRESS)]
        assert all(first)
        assert start("teacher", "10.0.0.1") is None
        threads = app.extensions[EXTENSION].config.panel.threads
        more = [start("viewer", f"10.0.1.{number}") for number in range(threads)]
        assert more[0] is not None and more[-1] is None
        answer = sign_in("viewer").get("/live", headers={"Accept": "application/json"})
        assert answer.status_code == 503
        assert answer.json and answer.json["code"] == "too_many_live_pages"
        assert start("teacher", "10.0.0.2") is not None
        assert first[0] is not None
        first[0]()
        assert start("viewer", "10.0.0.1") is not None

    def test_ended_stream_is_not_counted(self, app: Flask, sign_in: SignIn) -> None:
        viewer = sign_in("viewer")
        for _ in range(STREAMS_PER_ADDRESS + 1):
            response = viewer.get("/live", buffered=False, environ_base={"REMOTE_ADDR": "10.0.0.1"})
            assert response.status_code == 200
            response.close()

    def test_polling_returns_the_same_as_the_stream(
        self, app: Flask, sign_in: SignIn, store: WorkerStore
    ) -> None:
        add(store, "Photosynthesis", "teacher")
        answer = sign_in("teacher").get("/live/now").json
        assert answer and "Photosynthesis" in answer["html"]
        assert next(self.read(app, sign_in, "teacher", 10)).keys() == answer.keys()
