"""The score of a finished render, measured on the face whose mouth was moved."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from appliance.errors import LecternError
from appliance.face.choose import Person
from appliance.face.detect import Detection
from appliance.face.track import Chooser
from appliance.media.timeline import pingpong
from appliance.render.progress import Listener, Progress

log = logging.getLogger("lectern.render")


def score_of(report: dict[str, Any], presenter: Path, listen: Listener) -> dict[str, Any]:
    """Return the brief score, ready for JSON, of the video that ``report`` describes.

    Returns an empty dictionary if it cannot be measured; the video is delivered anyway. ``listen``
    is called with the progress; an exception that it raises stops the work.
    """
    # imported here: it loads the terminal table, which not every caller needs
    from appliance.score import score_video

    video = Path(report["output"]["path"])
    try:
        score = score_video(
            video,
            source=presenter,
            progress=lambda done, total: listen(Progress("score", done, total)),
            brief=True,
            choose=speaker_in(report),
        )
    except LecternError as error:
        log.warning("the video could not be measured: %s", error)
        return {}
    return score.as_dict()


def speaker_in(report: dict[str, Any]) -> Chooser:
    """Return a function that picks the speaker's face, by frame number of the finished video."""
    person = Person.of_rows(report["face"]["places"])
    frames = report["input"]["presenter_frames"]

    def choose(index: int, faces: list[Detection]) -> Detection | None:
        return person(pingpong(index, frames), faces)

    return choose
