"""The menu. It shows the pages that exist and that the user may open."""

from __future__ import annotations

from typing import Literal, NamedTuple

from flask import current_app, request

from web.i18n import _
from web.security.access import has_role


class Entry(NamedTuple):
    """One page of the menu; ``is_current`` marks the current one."""

    endpoint: str
    icon: str
    text: str
    is_current: bool


def menu_entries() -> list[Entry]:
    """Return the pages that the current user may open."""
    menu: list[tuple[str, str, str, Literal["viewer", "teacher", "admin"]]] = [
        ("home.index", "home", _("Home"), "viewer"),
        ("new.index", "new", _("New video"), "teacher"),
        ("results.index", "results", _("Results"), "viewer"),
        ("presenters.index", "presenters", _("Presenters"), "teacher"),
        ("device.index", "device", _("Device"), "viewer"),
        ("users.index", "users", _("Users"), "admin"),
    ]
    # The account page belongs to every user, so it is not part of the page "Users".
    current = "" if request.endpoint == "users.account" else request.blueprint
    return [
        Entry(endpoint, icon, text, current == endpoint.partition(".")[0])
        for endpoint, icon, text, role in menu
        if endpoint in current_app.view_functions and has_role(role)
    ]
