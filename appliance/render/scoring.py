"""The score of a finished render, measured on the face whose mouth was moved."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from appliance.config import LipsConfig
from appliance.errors import LecternError
from appliance.face.detect import Detection
from appliance.face.person import Person
from appliance.face.track import SEGMENT_FRAMES, FaceSelector, Points
from appliance.inference.manifest import load_manifest
from appliance.lips.model import LipModel
from appliance.media.pingpong import pingpong
from appliance.media.probe import probe_presenter
from appliance.render.presenter_cache import PresenterEntry
from appliance.render.progress import OnProgress, Progress
from appliance.render.render import MODELS_FOLDER
from appliance.render.report import RenderReport
from appliance.render.wanted_opening import predict_wanted, wanted_of_motion
from appliance.render.workspace import Workspace
from appliance.score.measure import LIMIT_S, OnScoreProgress, score_video
from appliance.score.report import Score
from appliance.score.verdict import Unchanged

log = logging.getLogger("lectern.render")


def score_report(
    report: RenderReport,
    workspace: Workspace,
    on_progress: OnProgress,
    *,
    pictures: bool = False,
) -> dict[str, Any]:
    """Return the brief score, ready for JSON, of the video that ``report`` describes.

    ``workspace`` is that of the render: its motion and landmarks are used. With ``pictures``, one
    of each reason is saved beside the video. Returns an empty dictionary if the video cannot be
    measured; it is delivered anyway. ``on_progress`` is called with the progress; an exception that
    it raises stops the work.
    """
    video, face = Path(report["output"]["path"]), report["face"]
    frames = max(face["spoken"] + face["no_face"] + face["turned_away"], 1)
    model = LipModel(workspace.manifest, workspace.precision, ["cpu"])
    try:
        score = score_video(
            video,
            source=workspace.presenter.path,
            on_progress=lambda done, total: on_progress(Progress("score", done, total)),
            brief=True,
            choose=make_face_selector(report),
            wanted=wanted_of_motion(workspace.motion_path, model),
            source_faces=_CachedFaces(workspace.cache_folder),
            unchanged=Unchanged(face["no_face"] / frames, face["turned_away"] / frames),
            pictures=video if pictures else None,
        )
    except LecternError as error:
        log.warning("the video could not be measured: %s", error)
        return {}
    return score.as_dict()


def score_file(
    video: Path,
    reference: Path | None = None,
    source: Path | None = None,
    on_progress: OnScoreProgress | None = None,
    *,
    limit_s: float | None = LIMIT_S,
    brief: bool = False,
) -> Score:
    """Return the score of a finished file alone: what its speech asks for is predicted here.

    The arguments and what is raised are those of :func:`~appliance.score.measure.score_video`.
    """
    info = probe_presenter(video)
    manifest = load_manifest(LipsConfig().model, MODELS_FOLDER)
    model = LipModel.open(manifest, "fp32", ["cpu"])
    wanted = None if info.kind == "photo" else predict_wanted(video, info.start_s, model)
    return score_video(
        video, reference, source, on_progress, limit_s=limit_s, brief=brief, wanted=wanted
    )


class _CachedFaces:
    """The landmarks that rendering has found in the presenter's frames, segment by segment."""

    def __init__(self, cache_folder: Path | None) -> None:
        self._store = PresenterEntry(cache_folder) if cache_folder is not None else None
        self._segment = -1
        self._points: list[Points | None] = []

    def __call__(self, index: int) -> Points | None:
        segment, offset = divmod(index, SEGMENT_FRAMES)
        if self._store is None:
            return None
        if segment != self._segment:
            found = self._store.load(segment) or []
            self._points = [None if face is None else face.points for face in found]
            self._segment = segment
        return self._points[offset] if offset < len(self._points) else None


def make_face_selector(report: RenderReport) -> FaceSelector:
    """Return a function that selects the presenter's face in a frame of the finished video."""
    person = Person.from_rows(report["face"]["positions"])
    frames = report["input"]["presenter_frames"]

    def choose(index: int, faces: list[Detection]) -> Detection | None:
        return person(pingpong(index, frames), faces)

    return choose
