"""Tasks that the panel submits to the daemon, and their results as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from appliance.errors import BadInput
from appliance.jobs.store import store_path
from appliance.jobs.tasks import Task, TaskStore
from web.context import get_panel
from web.i18n import language
from web.security.access import require_role

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

START_TIMEOUT_S = 45.0
"""Seconds after which a task that has not been started shows that the daemon is down."""


@contextmanager
def get_tasks() -> Iterator[TaskStore]:
    """Open the task store."""
    with TaskStore(store_path(get_panel().config.root), now=get_panel().now) as found:
        yield found


def submit(kind: str, params: Mapping[str, Any]) -> int:
    """Submit a task and return its number.

    Raises ``BadInput``: ``page_not_found`` for an unknown kind, ``permission_denied``.
    """
    role = KINDS.get(kind)
    if role is None:
        raise BadInput("page_not_found")
    person = require_role(role)
    with get_tasks() as found:
        return found.submit(kind, params, person.name)


def get_task(number: int) -> Task:
    """Return one of the user's tasks.

    Raises ``BadInput("task_unknown")``, also for other users' tasks.
    """
    person = require_role("teacher")
    with get_tasks() as found:
        errand = found.get(number)
    if errand.kind not in KINDS or errand.owner != person.name:
        raise BadInput("task_unknown", task=number)
    return errand


def has_timed_out(errand: Task) -> bool:
    """Return whether the task has waited so long that the daemon must be down."""
    return errand.state == "pending" and get_panel().now() - errand.created > START_TIMEOUT_S


def localized_text(texts: object) -> str:
    """Return a text in the user's language.

    ``texts`` is a mapping by language or a single text, which is returned unchanged.
    """
    if isinstance(texts, dict):
        return str(texts.get(language(), texts.get("en", "")))
    return "" if texts is None else str(texts)
