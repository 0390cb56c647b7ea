"""The menu. An entry shows where its page exists and the person may see it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from flask import current_app, request

from web.i18n import _
from web.people.access import may


class Entry(NamedTuple):
    """One page of the menu."""

    endpoint: str
    icon: str
    text: str
    here: bool


def entries() -> list[Entry]:
    """What the person who asks may open."""
    menu: list[tuple[str, str, str, Literal["viewer", "teacher", "admin"]]] = [
        ("home.index", "home", _("Home"), "viewer"),
        ("new.index", "new", _("New video"), "teacher"),
        ("results.index", "results", _("Results"), "viewer"),
        ("presenters.index", "presenters", _("Presenters"), "teacher"),
        ("box.index", "box", _("Box"), "viewer"),
        ("people.index", "people", _("People"), "admin"),
    ]
    here = request.blueprint
    return [
        Entry(endpoint, icon, text, here == endpoint.partition(".")[0])
        for endpoint, icon, text, role in menu
        if endpoint in current_app.view_functions and may(role)
    ]
