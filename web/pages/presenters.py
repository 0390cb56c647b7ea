"""The pages of the presenter library: all presenters, and what is learned from one of them."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from appliance.files.names import PHOTO_SUFFIXES, PRESENTER_SUFFIXES
from web.context import get_config, get_job_store
from web.i18n import _
from web.security.access import role_required
from web.services.presenter_library import (
    delete_presenter,
    get_presenter,
    has_recording,
    list_presenters,
    presenter_view,
)
from web.services.reading_texts import READING_TEXTS

blueprint = Blueprint("presenters", __name__, url_prefix="/presenters")


@blueprint.get("")
@role_required("teacher")
def index() -> str:
    """Render the page of the presenter library."""
    presenters = [presenter_view(path) for path in list_presenters(get_config().root)]
    return render_template("presenters/index.html", presenters=presenters)


@blueprint.get("/<name>/enrolment")
@role_required("teacher")
def enrolment(name: str) -> str:
    """Render the page on which the device learns how a presenter speaks."""
    config = get_config()
    path = get_presenter(config.root, name)
    return render_template(
        "presenters/enrolment.html",
        presenter=presenter_view(path),
        has_recording=has_recording(config.root, path),
        is_on=config.personalization.motion != "off",
        suffixes=[s for s in PRESENTER_SUFFIXES if s not in PHOTO_SUFFIXES],
        max_file_gb=config.uploads.max_file_gb,
        reading_texts=READING_TEXTS,
        script_texts=_script_texts(),
    )


def _script_texts() -> dict[str, str]:
    """Return the texts that the script of the enrolment page shows."""
    return {
        "asking": _("Looking up what was learned…"),
        "learning": _("Learning… This takes about a quarter of the length of the video."),
        "unavailable": _("The device's worker is not running. Try again later."),
        "failed": _("Something went wrong. Try again in a moment."),
        "sending": _("{percent} % uploaded"),
        "offline": _("Connection lost. The upload resumes automatically."),
        "unsupported_type": _("{name}: This file type is not supported here."),
        "too_large": _("{name} is larger than {limit} GB."),
    }


@blueprint.post("/<name>/delete")
@role_required("admin")
def delete(name: str) -> Response:
    """Delete a presenter from the library. This cannot be undone."""
    delete_presenter(get_job_store(), get_config().root, name)
    return redirect(url_for("presenters.index"))
