"""The live page: a stream of changes, and the same by polling where no stream holds."""

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
"""So often an idle stream says that it lives, which also finds out who has gone."""

SPARE_THREADS = 16
"""Kept free of streams, for everything else."""

# Thirty pages that are written at once would keep everybody else waiting for the interpreter.
_ONE_AT_A_TIME = threading.Lock()


def render(snapshot: Snapshot, values: Tick, now: float) -> str:
    """The part of the page that changes, for the person who asks."""
    return render_template(
        "home/live.html", view=snapshot, tick=values, top=headline(snapshot), now=now
    )


def look_once(here: Panel) -> Snapshot:
    """The box as it is now, without the watcher."""
    looker = Looker(here.config.root, here.now, here.update_marker)
    try:
        return looker()
    finally:
        looker.close()


def reader() -> str:
    """Whom the page was written for, and in which language: news for anybody else do not fit it."""
    person = current_user()
    return f"{person.name} {person.role.value} {language()}" if person is not None else ""


def admit(here: Panel, watcher: Watcher) -> None:
    """Raises ``Fault("panel_busy")`` when so many streams are open that pages would wait."""
    if watcher.listeners >= here.config.panel.threads - SPARE_THREADS:
        raise Fault("panel_busy")


def stream(here: Panel, watcher: Watcher) -> Iterator[str]:
    """Server-sent events until the browser goes, its person's sign-in or role ends, or the panel.

    Each holds only what differs from what this browser has; the first one holds everything.
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
    """Everything, once."""
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
