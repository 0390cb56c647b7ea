"""Tasks that the panel submits to the daemon, and their results as text."""

from __future__ import annotations

import logging
from collections.abc import Container, Mapping
from typing import Any

from appliance.errors import BadInput
from appliance.jobs.task_params import check_params
from appliance.jobs.tasks import Task, TaskStore
from appliance.system.elapsed import plausible_age_s
from web.i18n import language
from web.schemas import RoleName
from web.security.access import Identity

log = logging.getLogger("lectern.panel")

Kinds = Mapping[str, RoleName]
"""Kinds of tasks, with the role that each one needs."""

DEVICE_TASKS: Kinds = {
    "doctor": "teacher",
    "usb_list": "teacher",
    "usb_import": "teacher",
    "usb_export": "admin",  # copies the videos of all users
    "usb_eject": "teacher",
    "restart_worker": "admin",
    "power_off": "admin",
}
"""Tasks of the device page."""

FILE_TASKS: Kinds = {"preflight": "teacher", "preview": "teacher", "enrolment": "teacher"}
"""Tasks that check, preview or learn from files."""

MAX_TASKS, MAX_PREVIEWS = 200, 3
"""Number of unfinished tasks of one kind that a user may have, and of previews, for which the
current job has to wait."""

_LOGGED = ("restart_worker", "power_off")

START_TIMEOUT_S = 45.0
"""Seconds after which a task that has not been started shows that the daemon is down."""


def submit(
    identity: Identity, tasks: TaskStore, kind: str, params: Mapping[str, Any], kinds: Kinds
) -> int:
    """Submit a task of one of ``kinds`` and return its number.

    Raises ``BadInput``: ``page_not_found`` for another kind, ``permission_denied``, and
    ``task_params_invalid`` for parameters that the task does not have,
    ``too_many_tasks``.
    """
    role = kinds.get(kind)
    if role is None:
        raise BadInput("page_not_found")
    user = identity.require_role(role)
    limit = MAX_PREVIEWS if kind == "preview" else MAX_TASKS
    if tasks.count_unfinished([kind], user.name) >= limit:
        raise BadInput("too_many_tasks", limit=limit)
    number = tasks.submit(kind, check_params(kind, params), user.name)
    if kind in _LOGGED:
        log.warning("%s requested %s", user.name, kind)
    return number


def get_own_task(identity: Identity, tasks: TaskStore, number: int, kinds: Container[str]) -> Task:
    """Return one of the user's tasks of one of ``kinds``.

    Raises ``BadInput("task_unknown")`` also for other users' tasks, so as not to reveal that they
    exist.
    """
    user = identity.require_role("teacher")
    task = tasks.get(number)
    if task.kind not in kinds or task.owner != user.name:
        raise BadInput("task_unknown", task=number)
    return task


def has_timed_out(task: Task, now: float) -> bool:
    """Return whether the task has waited so long, at ``now``, that the daemon must be down."""
    return task.state == "pending" and plausible_age_s(task.created, now) > START_TIMEOUT_S


def localized_text(texts: object) -> str:
    """Return a text in the user's language.

    ``texts`` is a mapping by language or a single text, which is returned unchanged.
    """
    if isinstance(texts, dict):
        return str(texts.get(language(), texts.get("en", "")))
    return "" if texts is None else str(texts)
