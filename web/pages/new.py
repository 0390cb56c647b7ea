"""The page on which a new video is created."""

from __future__ import annotations

from flask import Blueprint, render_template

from appliance.files.names import AUDIO_SUFFIXES, PRESENTER_SUFFIXES, TEXT_SUFFIXES
from web.context import get_config
from web.i18n import _
from web.security.access import role_required
from web.services.presenter_library import list_presenters, presenter_view

blueprint = Blueprint("new", __name__, url_prefix="/new")

PRESENTER_TYPES = ("video/*", "image/*", *PRESENTER_SUFFIXES)
LECTURE_SUFFIXES = (*AUDIO_SUFFIXES, *TEXT_SUFFIXES)
LECTURE_TYPES = ("audio/*", *LECTURE_SUFFIXES)


@blueprint.get("")
@role_required("teacher")
def index() -> str:
    """Render the page for a new video."""
    config = get_config()
    return render_template(
        "new/index.html",
        presenters=[presenter_view(path) for path in list_presenters(config.root)],
        presenter_types=PRESENTER_TYPES,
        lecture_types=LECTURE_TYPES,
        presenter_suffixes=PRESENTER_SUFFIXES,
        lecture_suffixes=LECTURE_SUFFIXES,
        max_file_gb=config.uploads.max_file_gb,
        script_texts=script_texts(),
    )


def script_texts() -> dict[str, str]:
    """Return the texts that the page's script shows."""
    return {
        "waiting": _("Waiting to upload"),
        "sending": _("{percent} % · {left}"),
        "left_s": _("{count} s left"),
        "left_min": _("{count} min left"),
        "uploaded": _("Uploaded"),
        "offline": _("Connection lost. The upload resumes automatically."),
        "resume": _("{percent} % uploaded. Choose the same file again to resume."),
        "checking": _("Checking…"),
        "unavailable": _("The check is not available at the moment. You can start anyway."),
        "ready": _("Ready to start"),
        "check_recommended": _("Check recommended"),
        "cannot_start": _("Cannot start"),
        "coverage": _("Face visible in {percent} % of frames"),
        "coverage_about": _("Face visible in {percent} % of frames (± {error} %)"),
        "face_size": _("Face size: eyes {pixels} pixels apart ({needed} needed)"),
        "no_face": _("No face found"),
        "face_turned": _("Face turned by {degrees}°"),
        "face_frontal": _("Facing the camera"),
        "resolution": _("{width} × {height}, {fps} frames per second"),
        "length": _("Lecture length: {time}"),
        "good_volume": _("Good volume ({db} dB)"),
        "low_volume": _("Low volume ({db} dB)"),
        "estimate": _("Estimated time: {time}"),
        "no_estimate": _("Time estimates are available after the first video"),
        "size": _("File size: about {size} MB"),
        "under_a_minute": _("less than a minute"),
        "minutes": _("about {minutes} min"),
        "hours": _("about {hours} h {minutes} min"),
        "previewing": _("Creating a three-second preview…"),
        "start_none": _("Choose a presenter and a lecture"),
        "start_one": _("Create video"),
        "start_many": _("Create {count} videos"),
        "start_wait": _("Uploading…"),
        "started": _("Added to the queue. You can close this page."),
        "unsupported_type": _("{name}: This file type is not supported here."),
        "too_large": _("{name} is larger than {limit} GB."),
        "untitled": _("Lecture"),
        "saved": _("Saved to library"),
        "failed": _("Something went wrong. Try again in a moment."),
    }
