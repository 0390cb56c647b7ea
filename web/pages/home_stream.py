"""Live updates of the home page: an event stream, or polling where streams do not work."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

from flask import render_template

from appliance.errors import Fault
from web.context import Panel
from web.i18n import language
from web.pages.home_texts import LiveValues, headline, live_values
from web.security.access import current_user, refresh_identity
from web.services.snapshot import Snapshot, read_snapshot
from web.services.snapshot_poller import SnapshotPoller, VersionedSnapshot

KEEPALIVE_INTERVAL_S = 15.0
"""Seconds between keep-alive messages of an idle stream; they also detect closed connections."""

SPARE_THREADS = 16
"""Threads that are not used for streams, so that other requests do not wait."""

# Rendering thirty pages at once would block all other requests (global interpreter lock).
_RENDER_LOCK = threading.Lock()


def render(snapshot: Snapshot, values: LiveValues, now: float) -> str:
    """Render the part of the page that changes, for the current user."""
    return render_template(
        "home/live.html", view=snapshot, values=values, headline=headline(snapshot), now=now
    )


def reader_key() -> str:
    """Return the user, role and language for which the page was rendered.

    Updates for another reader do not fit the page. Empty if no user is signed in.
    """
    person = current_user()
    return f"{person.name} {person.role.value} {language()}" if person is not None else ""


def check_stream_capacity(here: Panel, watcher: SnapshotPoller) -> None:
    """Check that another stream can be opened.

    Raises ``Fault("too_many_live_pages")`` if only ``SPARE_THREADS`` threads are left.
    """
    if watcher.subscribers >= here.config.panel.threads - SPARE_THREADS:
        raise Fault("too_many_live_pages")


def stream(here: Panel, watcher: SnapshotPoller) -> Iterator[str]:
    """Yield server-sent events until the connection, the user's session or the panel ends.

    The stream also ends when the user's role or language changes. An event contains only what
    differs from what the browser already has; the first one contains everything.
    """
    reader = reader_key()
    version, shape, sent = 0, -1, ""
    idle = 0.0
    with watcher.subscribed():
        yield "retry: 3000\n\n"
        while not here.closing.is_set():
            view = watcher.wait(version, 1.0)
            refresh_identity()
            if reader_key() != reader:
                yield "event: end\ndata: {}\n\n"
                return
            if view is None:
                idle += 1.0
                if idle >= KEEPALIVE_INTERVAL_S:
                    idle = 0.0
                    yield ": alive\n\n"
                continue
            version = view.version
            data = _event_data(here, view, with_page=view.shape != shape)
            shape = view.shape
            if data != sent:
                sent, idle = data, 0.0
                yield f"id: {version}\nevent: view\ndata: {data}\n\n"


def poll(here: Panel) -> dict[str, object]:
    """Return the complete content once, for polling."""
    snapshot = read_snapshot(here)
    values = live_values(snapshot, None, here.now())
    return {"html": render(snapshot, values, here.now()), "tick": values, "reader": reader_key()}


def _event_data(here: Panel, view: VersionedSnapshot, *, with_page: bool) -> str:
    with _RENDER_LOCK:
        values = live_values(view.snapshot, view.remaining_s, here.now())
        news: dict[str, object] = {"tick": values, "reader": reader_key()}
        if with_page:
            news["html"] = render(view.snapshot, values, here.now())
        return json.dumps(news, ensure_ascii=False)
