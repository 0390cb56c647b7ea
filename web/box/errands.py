"""Tasks that the panel submits to the daemon, and their results as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from appliance.errors import BadInput
from appliance.jobs.errands import Errand, Errands
from appliance.jobs.store import store_path
from web.i18n import language
from web.panel import panel
from web.people.access import require

KINDS: Mapping[str, Literal["teacher", "admin"]] = {
    "doctor": "teacher",
    "usb_list": "teacher",
    "usb_import": "teacher",
    "usb_export": "admin",  # copies the videos of all users
    "usb_eject": "teacher",
    "restart_worker": "admin",
    "power_off": "admin",
}
"""Tasks that the page can submit, with the role that each one needs."""

TIMEOUT_S = 45.0
"""Seconds after which a task that has not been started shows that the daemon is down."""


@contextmanager
def errands() -> Iterator[Errands]:
    """Open the task store."""
    with Errands(store_path(panel().config.root), now=panel().now) as found:
        yield found


def ask(kind: str, params: Mapping[str, Any]) -> int:
    """Submit a task and return its number.

    Raises ``BadInput``: ``page_missing`` for an unknown kind, ``not_allowed``.
    """
    role = KINDS.get(kind)
    if role is None:
        raise BadInput("page_missing")
    person = require(role)
    with errands() as found:
        return found.ask(kind, params, person.name)


def get(number: int) -> Errand:
    """Return one of the user's tasks.

    Raises ``BadInput("errand_unknown")``, also for other users' tasks.
    """
    person = require("teacher")
    with errands() as found:
        errand = found.get(number)
    if errand.kind not in KINDS or errand.owner != person.name:
        raise BadInput("errand_unknown", errand=number)
    return errand


def is_lost(errand: Errand) -> bool:
    """Return whether the task has waited so long that the daemon must be down."""
    return errand.state == "asked" and panel().now() - errand.created > TIMEOUT_S


def in_language(texts: object) -> str:
    """Return a text in the user's language.

    ``texts`` is a mapping by language or a single text, which is returned unchanged.
    """
    if isinstance(texts, dict):
        return str(texts.get(language(), texts.get("en", "")))
    return "" if texts is None else str(texts)
