"""Check files before a job is queued, and render a preview of three seconds.

The daemon does both as tasks, because the panel never opens media files. These routes submit the
tasks and return their results.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, send_file, url_for

from appliance.config import apply_overrides
from appliance.errors import BadInput
from appliance.jobs.models import Reason
from appliance.jobs.store import store_path
from appliance.jobs.tasks import Task, TaskStore
from web.api.operation import operation
from web.context import get_config, get_panel, get_thumbnails
from web.i18n import language
from web.schemas import NUMBER, LocalizedReason, Preflight, Preview, TaskCreated, TaskView
from web.security.access import require_role, role_required
from web.services.job_access import problem_of
from web.services.job_creation import resolve_lecture, resolve_presenter

blueprint = Blueprint("api_checks", __name__, url_prefix="/api/v1")

KINDS = ("preflight", "preview")
"""Kinds of tasks that these routes submit."""
_FILE_KEYS = {"preflight": "thumbnail", "preview": "video"}


@blueprint.post("/preflights")
@role_required("teacher")
@operation("Check files before a job is queued", body=Preflight, response=TaskCreated, status=202)
def preflight(body: Preflight) -> TaskCreated:
    """Submit a check of a presenter and, optionally, a lecture.

    The check takes a few seconds; poll ``GET /api/v1/checks/{number}`` for the result.
    """
    lecture = resolve_lecture(body.lecture).path if body.lecture else None
    settings = body.options.as_settings()
    apply_overrides(get_config(), settings)
    return TaskCreated(
        id=_submit(
            "preflight",
            presenter=os.fspath(resolve_presenter(body.presenter).path),
            lecture=os.fspath(lecture) if lecture else None,
            options=settings,
        )
    )


@blueprint.post("/previews")
@role_required("teacher")
@operation("Render a preview of three seconds", body=Preview, response=TaskCreated, status=202)
def preview(body: Preview) -> TaskCreated:
    """Submit a preview.

    It precedes all queued jobs, and the current job waits until the preview is ready.
    """
    settings = body.options.as_settings()
    apply_overrides(get_config(), settings)
    return TaskCreated(
        id=_submit(
            "preview",
            presenter=os.fspath(resolve_presenter(body.presenter).path),
            lecture=os.fspath(resolve_lecture(body.lecture).path),
            at_s=body.at_s,
            options=settings,
        )
    )


@blueprint.get(f"/checks/<{NUMBER}:number>")
@role_required("teacher")
@operation("Get the result of a preflight or preview", response=TaskView)
def show_result(number: int) -> TaskView:
    """Return the state of a preflight or preview and, when it has ended, its result."""
    errand = _owned_task(number)
    result, file = dict(errand.result), None
    name = _FILE_KEYS[errand.kind]
    if result.pop(name, None):
        file = url_for("api_checks.show_file", number=number)
    _keep_thumbnail(errand)
    return TaskView(
        id=errand.id,
        kind=errand.kind,
        state=errand.state,
        result={k: v for k, v in result.items() if k != "warnings"},
        warnings=localized_warnings(errand.result.get("warnings", ())),
        reason=problem_of(errand.reason),
        file=file,
    )


@blueprint.get(f"/checks/<{NUMBER}:number>/file")
@role_required("teacher")
@operation("Get the image or video of a check", produces="application/octet-stream")
def show_file(number: int) -> Response:
    """Return the JPEG image of a preflight or the MP4 video of a preview.

    Raises ``BadInput("task_unknown")`` if there is no such file below the device's root folder.
    """
    errand = _owned_task(number)
    path = Path(errand.result.get(_FILE_KEYS[errand.kind]) or "")
    if not path.is_file() or not path.resolve().is_relative_to(get_config().root.resolve()):
        raise BadInput("task_unknown", task=number)
    kind = "image/jpeg" if errand.kind == "preflight" else "video/mp4"
    return send_file(path.resolve(), mimetype=kind, conditional=True)


def localized_warnings(warnings: Iterable[Mapping[str, Any]]) -> list[LocalizedReason]:
    """Return ``warnings`` (mappings with ``code`` and ``params``) in the user's language.

    A code that this version does not know is returned unchanged as its own text.
    """
    localized = []
    for warning in warnings:
        reason = Reason(str(warning.get("code", "")), warning.get("params", {}))
        localized.append(LocalizedReason(code=reason.code, text=reason.text(language())))
    return localized


def _submit(kind: str, **params: object) -> int:
    with TaskStore(store_path(get_config().root), now=get_panel().now) as errands:
        return errands.submit(kind, params, require_role("teacher").name)


def _owned_task(number: int) -> Task:
    """Return a preflight or preview of the current user.

    Raises ``BadInput("task_unknown")`` also for another user's task, so as not to reveal that it
    exists.
    """
    with TaskStore(store_path(get_config().root), now=get_panel().now) as errands:
        errand = errands.get(number)
    if errand.owner != require_role("teacher").name or errand.kind not in KINDS:
        raise BadInput("task_unknown", task=number)
    return errand


def _keep_thumbnail(errand: Task) -> None:
    """Keep the image of a successful preflight as the presenter's thumbnail."""
    picture = errand.result.get("thumbnail")
    presenter = errand.params.get("presenter")
    if errand.state == "done" and picture and isinstance(presenter, str):
        get_thumbnails().put(Path(presenter), Path(picture))
