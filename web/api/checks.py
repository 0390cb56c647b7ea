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

from appliance.errors import BadInput
from appliance.jobs.errands import Errand, Errands
from appliance.jobs.options import with_options
from appliance.jobs.record import Reason
from appliance.jobs.store import store_path
from web.api.operation import NUMBER, operation
from web.api.schemas import Asked, ErrandView, Preflight, Preview, Sentence
from web.i18n import language
from web.new.material import find_lecture_of, find_presenter_of
from web.panel import config, panel, pictures
from web.people.access import needs, require
from web.results.look import problem

blueprint = Blueprint("api_checks", __name__, url_prefix="/api/v1")

KINDS = ("preflight", "preview")
"""Kinds of tasks that these routes submit."""
_FILES = {"preflight": "thumbnail", "preview": "video"}


@blueprint.post("/preflights")
@needs("teacher")
@operation("Check files before a job is queued", body=Preflight, answer=Asked, status=202)
def preflight(body: Preflight) -> Asked:
    """Submit a check of a presenter and, optionally, a lecture.

    The check takes a few seconds; poll ``GET /api/v1/checks/{number}`` for the result.
    """
    lecture = find_lecture_of(body.lecture).path if body.lecture else None
    settings = body.options.as_settings()
    with_options(config(), settings)
    return Asked(
        id=_ask(
            "preflight",
            presenter=os.fspath(find_presenter_of(body.presenter).path),
            lecture=os.fspath(lecture) if lecture else None,
            options=settings,
        )
    )


@blueprint.post("/previews")
@needs("teacher")
@operation("Render a preview of three seconds", body=Preview, answer=Asked, status=202)
def preview(body: Preview) -> Asked:
    """Submit a preview.

    It precedes all queued jobs, and the current job waits until the preview is ready.
    """
    settings = body.options.as_settings()
    with_options(config(), settings)
    return Asked(
        id=_ask(
            "preview",
            presenter=os.fspath(find_presenter_of(body.presenter).path),
            lecture=os.fspath(find_lecture_of(body.lecture).path),
            at_s=body.at_s,
            options=settings,
        )
    )


@blueprint.get(f"/checks/<{NUMBER}:number>")
@needs("teacher")
@operation("Get the result of a preflight or preview", answer=ErrandView)
def answer(number: int) -> ErrandView:
    """Return the state of a preflight or preview and, when it has ended, its result."""
    errand = _own(number)
    result, file = dict(errand.result), None
    name = _FILES[errand.kind]
    if result.pop(name, None):
        file = url_for("api_checks.file", number=number)
    _remember(errand)
    return ErrandView(
        id=errand.id,
        kind=errand.kind,
        state=errand.state,
        result={k: v for k, v in result.items() if k != "warnings"},
        warnings=warnings_in_words(errand.result.get("warnings", ())),
        reason=problem(errand.reason),
        file=file,
    )


@blueprint.get(f"/checks/<{NUMBER}:number>/file")
@needs("teacher")
@operation("Get the image or video of a check", produces="application/octet-stream")
def file(number: int) -> Response:
    """Return the JPEG image of a preflight or the MP4 video of a preview.

    Raises ``BadInput("errand_unknown")`` if there is no such file below the device's root folder.
    """
    errand = _own(number)
    path = Path(errand.result.get(_FILES[errand.kind]) or "")
    if not path.is_file() or not path.resolve().is_relative_to(config().root.resolve()):
        raise BadInput("errand_unknown", errand=number)
    kind = "image/jpeg" if errand.kind == "preflight" else "video/mp4"
    return send_file(path.resolve(), mimetype=kind, conditional=True)


def warnings_in_words(warnings: Iterable[Mapping[str, Any]]) -> list[Sentence]:
    """Return ``warnings`` (mappings with ``code`` and ``params``) in the user's language.

    A code that this version does not know is returned unchanged as its own text.
    """
    told = []
    for warning in warnings:
        reason = Reason(str(warning.get("code", "")), warning.get("params", {}))
        told.append(Sentence(code=reason.code, text=reason.text(language())))
    return told


def _ask(kind: str, **params: object) -> int:
    with Errands(store_path(config().root), now=panel().now) as errands:
        return errands.ask(kind, params, require("teacher").name)


def _own(number: int) -> Errand:
    """Return a preflight or preview of the current user.

    Raises ``BadInput("errand_unknown")`` also for another user's task, so as not to reveal that it
    exists.
    """
    with Errands(store_path(config().root), now=panel().now) as errands:
        errand = errands.get(number)
    if errand.owner != require("teacher").name or errand.kind not in KINDS:
        raise BadInput("errand_unknown", errand=number)
    return errand


def _remember(errand: Errand) -> None:
    """Keep the image of a successful preflight as the presenter's thumbnail."""
    picture = errand.result.get("thumbnail")
    presenter = errand.params.get("presenter")
    if errand.state == "done" and picture and isinstance(presenter, str):
        pictures().keep(Path(presenter), Path(picture))
