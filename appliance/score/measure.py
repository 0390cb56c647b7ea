"""Measure a finished video in one pass, in parallel with its reference and its source."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from appliance.errors import BadInput
from appliance.face.track import SEGMENT_FRAMES, FaceSelector, largest_face
from appliance.media.probe import PresenterInfo, probe_presenter
from appliance.score.face_tracks import ReferenceTracker, ScoredFrame, VideoTracker
from appliance.score.judge import Measured, judge
from appliance.score.mouth_look import LookTrack
from appliance.score.pictures import save_pictures
from appliance.score.report import Score
from appliance.score.source_comparison import SourceComparison, SourceFaces, track_presenter
from appliance.score.speech_activity import detect_speech
from appliance.score.speech_match import WantedOpening
from appliance.score.sync import MAX_LAG_S, LandmarkDistance
from appliance.score.verdict import Unchanged

OnScoreProgress = Callable[[int, int], None]

LIMIT_S = 300.0
_BRIEF_SHARE, _BRIEF_MIN_S, _BRIEF_MAX_S = 0.05, 8.0, 120.0
_SPAN_S, _BRIEF_SPAN_S = 8.0, 4.0
# Lectern's files have a key frame at least this often, counted from frame 0 (the encoder's gop), so
# a span that begins there needs no extra decoding.
_KEYFRAME_INTERVAL = 250
_PROGRESS_EVERY = 10  # frames
# In a brief measurement, the look is measured in three of six frames: flicker needs three in a row.
_BRIEF_PERIOD, _BRIEF_FRAMES = 6, 3


def score_video(
    video: Path,
    reference: Path | None = None,
    source: Path | None = None,
    on_progress: OnScoreProgress | None = None,
    *,
    limit_s: float | None = LIMIT_S,
    brief: bool = False,
    choose: FaceSelector = largest_face,
    wanted: WantedOpening | None = None,
    source_faces: SourceFaces | None = None,
    unchanged: Unchanged | None = None,
    pictures: Path | None = None,
) -> Score:
    """Measure and judge ``video``; a real video of the same speech and the presenter tell more.

    ``wanted`` is the opening that the speech asks for; without it, sync is only judged against a
    reference. ``unchanged`` says how much of the video rendering left unchanged. ``pictures`` is
    the path of a video beside which a picture of each reason is saved
    (:func:`~appliance.score.pictures.picture_path`). The other arguments and what is raised are
    those of :func:`measure_video`.
    """
    measured = measure_video(
        video, reference, source, on_progress,
        limit_s=limit_s, brief=brief, choose=choose, source_faces=source_faces,
    )  # fmt: skip
    score = judge(replace(measured, wanted=wanted, unchanged=unchanged))
    if pictures is None:
        return score
    return save_pictures(score, measured.info, measured.tracks.mouths, pictures)


def measure_video(
    video: Path,
    reference: Path | None = None,
    source: Path | None = None,
    on_progress: OnScoreProgress | None = None,
    *,
    limit_s: float | None = LIMIT_S,
    brief: bool = False,
    choose: FaceSelector = largest_face,
    source_faces: SourceFaces | None = None,
) -> Measured:
    """Measure what :func:`~appliance.score.judge.judge` needs, in one pass over the files.

    ``reference`` is the real video and ``source`` the presenter. A file longer than ``limit_s``
    seconds is measured in stretches of 8 s spread evenly over it (``None``: all of it); ``brief``
    measures a twentieth of the file in stretches of 4 s, 8 s to 2 minutes in all, for callers that
    wait. ``choose`` selects the presenter among several faces, and ``source_faces`` returns the
    landmarks that rendering has found. ``on_progress`` is called with the number of measured frames
    and the total. Memory does not depend on the length, except for some 100 bytes per frame.

    Raises ``BadInput``: as ``probe_presenter`` does for any of the files, ``video_missing`` for a
    photo, or ``no_face`` if the video shows none at all.
    """
    info = probe_presenter(video)
    if info.kind == "photo":
        raise BadInput("video_missing", name=video.name)
    reference_info = probe_presenter(reference) if reference is not None else None
    notes: list[str] = []
    comparison = None
    if source is not None:
        comparison = SourceComparison.open(info, source, source_faces)
        if comparison is None:
            notes.append("source_differs")
    if brief:
        limit_s = min(max(_BRIEF_SHARE * info.duration_s, _BRIEF_MIN_S), _BRIEF_MAX_S)
    spans = _spans(info, limit_s, _BRIEF_SPAN_S if brief else _SPAN_S)
    total = sum(stop - first for first, stop in spans)
    if total < info.frames:
        notes.append("sampled")
    done = 0
    distance = LandmarkDistance(info.frames)
    looks = LookTrack(info.frames) if source is not None else None
    with ExitStack() as stack:
        tracker = stack.enter_context(VideoTracker(info, choose))
        reference_tracker = (
            stack.enter_context(VideoTracker(reference_info))
            if reference_info is not None
            else None
        )
        if comparison is not None:
            stack.enter_context(comparison.reader)
        for first, stop in spans:
            reference_lips = _track_reference(
                reference_tracker, first / tracker.fps, stop / tracker.fps
            )
            originals = comparison.originals(first, stop) if comparison is not None else None
            for frame in tracker.track(first, stop):
                _add_distance(distance, frame, reference_lips, tracker.fps)
                original = next(originals) if originals is not None else None
                if not brief or frame.picture.index % _BRIEF_PERIOD < _BRIEF_FRAMES:
                    if looks is not None and frame.face is not None:
                        looks.add(frame.picture.index, frame.picture, frame.face)
                    if comparison is not None:
                        comparison.add(frame, original, tracker)
                done += 1
                if on_progress is not None and (done % _PROGRESS_EVERY == 0 or done == total):
                    on_progress(done, total)
            if reference_lips is not None:
                reference_lips.finish()
    if tracker.tracks.coverage == 0:
        raise BadInput("no_face", name=video.name)
    presenter_looks = comparison.looks if comparison is not None else None
    if source is not None and comparison is None:
        presenter_looks = track_presenter(source)
    return Measured(
        info=info,
        tracks=tracker.tracks,
        speech=detect_speech(info.path, info.start_s),
        reference=reference_tracker.tracks if reference_tracker is not None else None,
        distance=distance,
        looks=looks,
        presenter_looks=presenter_looks,
        sharpness=comparison.sharpness if comparison is not None else None,
        outside=comparison.outside.result() if comparison is not None else None,
        photo_opening=comparison.photo_opening if comparison is not None else None,
        notes=tuple(notes),
    )


def _spans(
    info: PresenterInfo, limit_s: float | None, span_s: float = _SPAN_S
) -> list[tuple[int, int]]:
    """Return (first, stop) of the stretches to measure; each starts at a tracker's segment."""
    fps = float(info.fps)
    if limit_s is None or info.frames <= limit_s * fps:
        return [(0, info.frames)]
    length = -(-round(span_s * fps) // SEGMENT_FRAMES) * SEGMENT_FRAMES
    count = max(int(limit_s * fps / length), 1)
    last_start = max(info.frames - length, 0)
    step = (
        _KEYFRAME_INTERVAL
        if last_start // _KEYFRAME_INTERVAL >= count and length <= _KEYFRAME_INTERVAL
        else length
    )
    positions = np.linspace(0, last_start // step, count)
    starts = np.unique(np.round(positions).astype(int)) * step
    return [(int(start), int(start) + length) for start in starts]


def _track_reference(
    reference: VideoTracker | None, start_s: float, stop_s: float
) -> ReferenceTracker | None:
    """Return a tracker of the reference for a stretch, extended on both ends by the longest lag."""
    if reference is None:
        return None
    reach = MAX_LAG_S + 1 / reference.fps
    first, stop = int((start_s - reach) * reference.fps), int((stop_s + reach) * reference.fps) + 1
    return ReferenceTracker(reference, max(first, 0), stop)


def _add_distance(
    distance: LandmarkDistance, frame: ScoredFrame, reference: ReferenceTracker | None, fps: float
) -> None:
    if reference is None:
        return
    lips = reference.lips_at(frame.picture.index / fps)
    if frame.face is not None and lips is not None:
        distance.add(frame.picture.index, frame.face.lips, lips)
