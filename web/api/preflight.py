"""Check files before a job is queued, and render a preview of three seconds.

The daemon does both as tasks, because the panel never opens media files. These routes submit the
tasks and return their results.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, url_for

from appliance.config import apply_overrides
from appliance.errors import BadInput
from appliance.jobs.models import Reason
from appliance.jobs.tasks import Task
from appliance.messages.score import WARNINGS
from web.api.operation import operation
from web.context import get_config, get_task_store, get_thumbnails, get_uploads
from web.i18n import language
from web.schemas import NUMBER, FileTaskView, LocalizedReason, Preflight, Preview, TaskCreated
from web.security.access import current_identity, role_required
from web.services.downloads import send_path
from web.services.enrolment_texts import enrolment_texts
from web.services.job_access import problem_of
from web.services.job_creation import resolve_lecture, resolve_presenter
from web.services.report_texts import localized_sentence
from web.services.tasks import FILE_TASKS, get_own_task, submit

blueprint = Blueprint("api_preflight", __name__, url_prefix="/api/v1")

_FILE_KEYS = {"preflight": "thumbnail", "preview": "video"}


@blueprint.post("/preflights")
@role_required("teacher")
@operation("Check files before a job is queued", body=Preflight, response=TaskCreated, status=202)
def preflight(body: Preflight) -> TaskCreated:
    """Submit a check of a presenter and, optionally, a lecture.

    The check takes a few seconds; poll ``GET /api/v1/checks/{number}`` for the result.
    """
    identity, uploads, config = current_identity(), get_uploads(), get_config()
    lecture = resolve_lecture(identity, uploads, body.lecture).path if body.lecture else None
    settings = body.options.as_settings()
    apply_overrides(config, settings)
    presenter = resolve_presenter(identity, uploads, config.root, body.presenter).path
    return _submit(
        "preflight",
        presenter=os.fspath(presenter),
        lecture=os.fspath(lecture) if lecture else None,
        options=settings,
    )


@blueprint.post("/previews")
@role_required("teacher")
@operation("Render a preview of three seconds", body=Preview, response=TaskCreated, status=202)
def preview(body: Preview) -> TaskCreated:
    """Submit a preview.

    It precedes all queued jobs, and the current job waits until the preview is ready.
    """
    identity, uploads, config = current_identity(), get_uploads(), get_config()
    settings = body.options.as_settings()
    apply_overrides(config, settings)
    return _submit(
        "preview",
        presenter=os.fspath(resolve_presenter(identity, uploads, config.root, body.presenter).path),
        lecture=os.fspath(resolve_lecture(identity, uploads, body.lecture).path),
        at_s=body.at_s,
        options=settings,
    )


@blueprint.get(f"/checks/<{NUMBER}:number>")
@role_required("teacher")
@operation("Get the result of a preflight, preview or enrolment", response=FileTaskView)
def show_result(number: int) -> FileTaskView:
    """Return the state of a preflight, preview or enrolment and, when it has ended, its result."""
    task = _own_task(number)
    result, file = dict(task.result), None
    name = _FILE_KEYS.get(task.kind)
    if name is not None and result.pop(name, None):
        file = url_for("api_preflight.show_file", number=number)
    _keep_thumbnail(task)
    if task.kind == "enrolment" and task.state == "done":
        result.update(enrolment_texts(task.result))
    return FileTaskView(
        id=task.id,
        kind=task.kind,
        state=task.state,
        result={k: v for k, v in result.items() if k != "warnings"},
        warnings=localized_warnings(task.result.get("warnings", ())),
        reason=problem_of(task.reason),
        file=file,
    )


@blueprint.get(f"/checks/<{NUMBER}:number>/file")
@role_required("teacher")
@operation("Get the image or video of a check", produces="application/octet-stream")
def show_file(number: int) -> Response:
    """Return the JPEG image of a preflight or the MP4 video of a preview.

    Raises ``BadInput("task_unknown")`` if there is no such file below the device's root folder.
    """
    task = _own_task(number)
    path = Path(task.result.get(_FILE_KEYS.get(task.kind, "")) or "")
    if not path.is_file() or not path.resolve().is_relative_to(get_config().root.resolve()):
        raise BadInput("task_unknown", task=number)
    kind = "image/jpeg" if task.kind == "preflight" else "video/mp4"
    return send_path(path.resolve(), kind)


def localized_warnings(warnings: Iterable[Mapping[str, Any]]) -> list[LocalizedReason]:
    """Return ``warnings`` (mappings with ``code`` and ``params``) in the user's language.

    A code that this version does not know is returned unchanged as its own text.
    """
    localized = []
    for warning in warnings:
        reason = Reason(str(warning.get("code", "")), warning.get("params", {}))
        text = reason.text(language())
        if reason.to_error() is None and reason.code in WARNINGS:  # also a warning of the report
            text = localized_sentence({**reason.params, "code": reason.code, "text": text})
        localized.append(LocalizedReason(code=reason.code, text=text))
    return localized


def _submit(kind: str, **params: object) -> TaskCreated:
    number = submit(current_identity(), get_task_store(), kind, params, FILE_TASKS)
    return TaskCreated(id=number)


def _own_task(number: int) -> Task:
    return get_own_task(current_identity(), get_task_store(), number, FILE_TASKS)


def _keep_thumbnail(task: Task) -> None:
    """Keep the image of a successful preflight as the presenter's thumbnail."""
    thumbnail = task.result.get("thumbnail")
    presenter = task.params.get("presenter")
    if task.state == "done" and thumbnail and isinstance(presenter, str):
        get_thumbnails().put(Path(presenter), Path(thumbnail))
