"""The page on which a video begins."""

from __future__ import annotations

from flask import Blueprint, render_template

from web.api.presenters import view
from web.i18n import _
from web.panel import config
from web.people.access import needs
from web.presenters import library

blueprint = Blueprint("new", __name__, url_prefix="/new")

PRESENTER_FILES = "video/*,image/*,.mkv,.mts,.m2ts,.mxf"
LECTURE_FILES = "audio/*,.txt,.md,.docx,.opus,.amr,.caf,.w64,.mka"


@blueprint.get("")
@needs("teacher")
def index() -> str:
    """Who speaks, what is said, a look at it, and off it goes."""
    return render_template(
        "new/index.html",
        presenters=[view(path) for path in library.presenters()],
        presenter_files=PRESENTER_FILES,
        lecture_files=LECTURE_FILES,
        max_gb=config().uploads.max_gb,
        texts=texts(),
    )


def texts() -> dict[str, str]:
    """What the page's script says."""
    return {
        "waiting": _("Waiting for its turn"),
        "sending": _("{percent} % · {left}"),
        "left_s": _("{count} s left"),
        "left_min": _("{count} min left"),
        "here": _("Arrived"),
        "offline": _("No connection. It goes on by itself as soon as there is one."),
        "resume": _("{percent} % have arrived. Choose the same file again to go on."),
        "looking": _("Looking at it …"),
        "daemon": _("The box does not answer at the moment. You can start all the same."),
        "ready": _("Ready to start"),
        "look_twice": _("Worth a second look"),
        "not_possible": _("Not possible"),
        "face": _("Face seen in {percent} % of the picture"),
        "no_face": _("No face found"),
        "yaw": _("Turned by {degrees}°"),
        "frontal": _("Looks straight ahead"),
        "picture": _("{width} × {height}, {fps} frames a second"),
        "length": _("Lecture {time}"),
        "level": _("Loud enough ({db} dB)"),
        "quiet": _("Very quiet ({db} dB)"),
        "estimate": _("Ready in {time}"),
        "no_estimate": _("How long it takes is known after the first video"),
        "size": _("File of about {size} MB"),
        "under_a_minute": _("under a minute"),
        "minutes": _("about {minutes} min"),
        "hours": _("about {hours} h {minutes} min"),
        "previewing": _("Three seconds are being made …"),
        "start_none": _("Choose who speaks and what is said"),
        "start_one": _("Start the video"),
        "start_many": _("Start {count} videos"),
        "start_wait": _("Uploading …"),
        "started": _("Started. You can close this page."),
        "unknown_kind": _("{name}: files of this kind cannot be used here."),
        "too_large": _("{name} is larger than {limit} GB."),
        "untitled": _("Lecture"),
        "kept": _("Kept in the library"),
        "failed": _("That did not work. Try again in a moment."),
    }
