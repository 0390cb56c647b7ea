"""Live updates of the home page: an event stream, or polling where streams do not work."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from flask import render_template

from appliance.errors import BadInput
from web.context import Panel
from web.i18n import language
from web.pages.home_texts import LiveValues, headline, live_values
from web.security.access import current_user, refresh_identity
from web.services.client_limits import stream_limits
from web.services.snapshot import Snapshot, read_snapshot
from web.services.snapshot_poller import SnapshotPoller, VersionedSnapshot

KEEPALIVE_INTERVAL_S = 15.0
"""Seconds between keep-alive messages of an idle stream; they also detect closed connections."""


def render(snapshot: Snapshot, values: LiveValues, now: float) -> str:
    """Render the part of the page that changes, for the current user."""
    return render_template(
        "home/_content.html", view=snapshot, values=values, headline=headline(snapshot), now=now
    )


def viewer_key() -> str:
    """Return the user, role and language for which the page was rendered.

    Updates for another user, role or language do not fit the page. Empty if no user is signed in.
    """
    user = current_user()
    return f"{user.name} {user.role.value} {language()}" if user is not None else ""


def start_stream(address: str) -> Callable[[], None]:
    """Count another stream of the current user and return the function that ends it.

    Raises ``BadInput("too_many_live_pages")`` if the user, their ``address`` or all have too many.
    """
    user = current_user()
    release = stream_limits().acquire(user.name if user is not None else "", address)
    if release is None:
        raise BadInput("too_many_live_pages")
    return release


def stream(panel: Panel, poller: SnapshotPoller) -> Iterator[str]:
    """Yield server-sent events until the connection, the user's session or the panel ends.

    The stream also ends when the user's role or language changes. An event contains only what
    differs from what the browser already has; the first one contains everything.
    """
    viewer = viewer_key()
    version, shape, sent = 0, -1, ""
    idle = 0.0
    with poller.subscribed():
        yield "retry: 3000\n\n"
        while not panel.closing.is_set():
            view = poller.wait(version, 1.0)
            refresh_identity()
            if viewer_key() != viewer:
                yield "event: end\ndata: {}\n\n"
                return
            if view is None:
                idle += 1.0
                if idle >= KEEPALIVE_INTERVAL_S:
                    idle = 0.0
                    yield ": alive\n\n"
                continue
            version = view.version
            data = _event_data(panel, view, with_page=view.shape != shape)
            shape = view.shape
            if data != sent:
                sent, idle = data, 0.0
                yield f"id: {version}\nevent: view\ndata: {data}\n\n"


def poll(panel: Panel) -> dict[str, object]:
    """Return the complete content once, for polling."""
    snapshot = read_snapshot(panel.config.root, panel.now, panel.update_marker)
    values = live_values(snapshot, None, panel.now())
    return {
        "html": render(snapshot, values, panel.now()),
        "values": values,
        "viewer_key": viewer_key(),
    }


def _event_data(panel: Panel, view: VersionedSnapshot, *, with_page: bool) -> str:
    with panel.render_lock:
        values = live_values(view.snapshot, view.remaining_s, panel.now())
        update: dict[str, object] = {"values": values, "viewer_key": viewer_key()}
        if with_page:
            update["html"] = render(view.snapshot, values, panel.now())
        return json.dumps(update, ensure_ascii=False)
