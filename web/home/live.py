"""Live updates of the home page: an event stream, or polling where streams do not work."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

from flask import render_template

from appliance.errors import Fault
from web.home.snapshot import Looker, Snapshot
from web.home.watcher import View, Watcher
from web.home.words import Tick, headline, tick
from web.i18n import language
from web.panel import Panel
from web.people.access import caller_now, current_user

BEAT_S = 15.0
"""Seconds between keep-alive messages of an idle stream; they also detect closed connections."""

SPARE_THREADS = 16
"""Threads that are not used for streams, so that other requests do not wait."""

# Rendering thirty pages at once would block all other requests (global interpreter lock).
_ONE_AT_A_TIME = threading.Lock()


def render(snapshot: Snapshot, values: Tick, now: float) -> str:
    """Render the part of the page that changes, for the current user."""
    return render_template(
        "home/live.html", view=snapshot, tick=values, top=headline(snapshot), now=now
    )


def look_once(here: Panel) -> Snapshot:
    """Return a snapshot of the device, read without the poller."""
    looker = Looker(here.config.root, here.now, here.update_marker)
    try:
        return looker()
    finally:
        looker.close()


def reader() -> str:
    """Return the user, role and language for which the page was rendered.

    Updates for another reader do not fit the page. Empty if no user is signed in.
    """
    person = current_user()
    return f"{person.name} {person.role.value} {language()}" if person is not None else ""


def admit(here: Panel, watcher: Watcher) -> None:
    """Check that another stream can be opened.

    Raises ``Fault("panel_busy")`` if only ``SPARE_THREADS`` threads are left.
    """
    if watcher.listeners >= here.config.panel.threads - SPARE_THREADS:
        raise Fault("panel_busy")


def stream(here: Panel, watcher: Watcher) -> Iterator[str]:
    """Yield server-sent events until the connection, the user's session or the panel ends.

    The stream also ends when the user's role or language changes. An event contains only what
    differs from what the browser already has; the first one contains everything.
    """
    whom = reader()
    version, shape, sent = 0, -1, ""
    idle = 0.0
    with watcher.listening():
        yield "retry: 3000\n\n"
        while not here.closing.is_set():
            view = watcher.wait(version, 1.0)
            caller_now()
            if reader() != whom:
                yield "event: end\ndata: {}\n\n"
                return
            if view is None:
                idle += 1.0
                if idle >= BEAT_S:
                    idle = 0.0
                    yield ": alive\n\n"
                continue
            version = view.version
            news = _news(here, view, with_page=view.shape != shape)
            shape = view.shape
            if news != sent:
                sent, idle = news, 0.0
                yield f"id: {version}\nevent: view\ndata: {news}\n\n"


def poll(here: Panel) -> dict[str, object]:
    """Return the complete content once, for polling."""
    snapshot = look_once(here)
    values = tick(snapshot, None, here.now())
    return {"html": render(snapshot, values, here.now()), "tick": values, "reader": reader()}


def _news(here: Panel, view: View, *, with_page: bool) -> str:
    with _ONE_AT_A_TIME:
        values = tick(view.snapshot, view.left_s, here.now())
        news: dict[str, object] = {"tick": values, "reader": reader()}
        if with_page:
            news["html"] = render(view.snapshot, values, here.now())
        return json.dumps(news, ensure_ascii=False)
