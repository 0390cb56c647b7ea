"""The score of a finished render, measured on the face whose mouth was moved."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from appliance.errors import LecternError
from appliance.face.detect import Detection
from appliance.face.person import Person
from appliance.face.track import FaceSelector
from appliance.media.pingpong import pingpong
from appliance.render.progress import OnProgress, Progress
from appliance.render.report import RenderReport

log = logging.getLogger("lectern.render")


def score_report(report: RenderReport, presenter: Path, on_progress: OnProgress) -> dict[str, Any]:
    """Return the brief score, ready for JSON, of the video that ``report`` describes.

    Returns an empty dictionary if it cannot be measured; the video is delivered anyway.
    ``on_progress`` is called with the progress; an exception that it raises stops the work.
    """
    # imported here: it loads the terminal table, which not every caller needs
    from appliance.score import score_video

    video = Path(report["output"]["path"])
    try:
        score = score_video(
            video,
            source=presenter,
            on_progress=lambda done, total: on_progress(Progress("score", done, total)),
            brief=True,
            choose=make_face_selector(report),
        )
    except LecternError as error:
        log.warning("the video could not be measured: %s", error)
        return {}
    return score.as_dict()


def make_face_selector(report: RenderReport) -> FaceSelector:
    """Return a function that selects the presenter's face in a frame of the finished video."""
    person = Person.from_rows(report["face"]["positions"])
    frames = report["input"]["presenter_frames"]

    def choose(index: int, faces: list[Detection]) -> Detection | None:
        return person(pingpong(index, frames), faces)

    return choose
