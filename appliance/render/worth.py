"""What a finished rendering is worth: its score, watching the face whose mouth was moved."""

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
    """The brief score, ready for JSON, of the video that ``report`` tells of.

    Empty where it cannot be measured, which is no reason to withhold the video. What ``listen``
    raises ends the work.
    """
    from appliance.score import score_video  # the table for the terminal is not wanted by all

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
    """Picks the face that speaks, by the frames of the finished video."""
    person = Person.of_rows(report["face"]["places"])
    frames = report["input"]["presenter_frames"]

    def choose(index: int, faces: list[Detection]) -> Detection | None:
        return person(pingpong(index, frames), faces)

    return choose
