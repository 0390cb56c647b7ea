"""Measure a finished video in one pass, in parallel with its reference and its source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from appliance.errors import BadInput
from appliance.face.track import SEGMENT_FRAMES, FaceSelector, largest_face
from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.pingpong import frame_runs
from appliance.media.probe import PresenterInfo, probe_presenter
from appliance.score.face_tracks import ReferenceTracker, ScoredFrame, VideoTracker
from appliance.score.outside_mouth import OutsideMouthMeter
from appliance.score.report import Reference, Score
from appliance.score.sharpness import SharpnessMeter
from appliance.score.silence import measure_jitter, measure_silence
from appliance.score.speech_activity import detect_speech
from appliance.score.sync import (
    MAX_LAG_S,
    STILL_OPENING,
    Correlation,
    LandmarkDistance,
    correlate,
)
from appliance.score.verdict import Measures, make_verdict, worst_moments

OnScoreProgress = Callable[[int, int], None]

LIMIT_S = 300.0
_BRIEF_SHARE, _BRIEF_MIN_S, _BRIEF_MAX_S = 0.1, 20.0, 120.0
_SPAN_S = 8.0
# Lectern's files have a key frame at least this often, counted from frame 0 (the encoder's gop), so
# a span that begins there needs no extra decoding.
_KEYFRAME_INTERVAL = 250
_CONSTANT_LOUDNESS = 0.05  # in units of 20 dB: steadier sound cannot be correlated
_FPS_TOLERANCE = 1e-3
_PROGRESS_EVERY = 10  # frames


def score_video(
    video: Path,
    reference: Path | None = None,
    source: Path | None = None,
    on_progress: OnScoreProgress | None = None,
    *,
    limit_s: float | None = LIMIT_S,
    brief: bool = False,
    choose: FaceSelector = largest_face,
) -> Score:
    """Measure ``video``; a real video of the same speech and the presenter allow more measures.

    ``reference`` is the real video and ``source`` the presenter. A file longer than ``limit_s``
    seconds is measured in stretches of 8 s spread evenly over it (``None``: all of it); ``brief``
    limits that to a tenth of the file, 20 s to 2 minutes, for callers that wait. ``choose`` selects
    the presenter among several faces. ``on_progress`` is called with the number of measured frames
    and the total. Memory does not depend on the length, except for some 40 bytes per frame.

    Raises ``BadInput``: as ``probe_presenter`` does for any of the files, ``video_missing`` for a
    photo, or ``no_face`` if the video shows none at all.
    """
    info = probe_presenter(video)
    if info.kind == "photo":
        raise BadInput("video_missing", name=video.name)
    reference_info = probe_presenter(reference) if reference is not None else None
    notes: list[str] = []
    comparison = _SourceComparison.open(info, source, notes)
    if brief:
        limit_s = min(max(_BRIEF_SHARE * info.duration_s, _BRIEF_MIN_S), _BRIEF_MAX_S)
    spans = _spans(info, limit_s)
    total = sum(stop - first for first, stop in spans)
    if total < info.frames:
        notes.append("sampled")
    done = 0
    distance = LandmarkDistance(info.frames)
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
                if comparison is not None and originals is not None:
                    comparison.add(frame, next(originals), tracker)
                done += 1
                if on_progress is not None and (done % _PROGRESS_EVERY == 0 or done == total):
                    on_progress(done, total)
            if reference_lips is not None:
                reference_lips.finish()
    if tracker.tracks.coverage == 0:
        raise BadInput("no_face", name=video.name)
    return _make_score(info, tracker, reference_tracker, distance, comparison, notes)


class _SourceComparison:
    """Compares the frames of the video with the source frames that they were made from."""

    def __init__(self, info: PresenterInfo, source: PresenterInfo) -> None:
        self._source = source
        self.reader = FrameReader(source)
        self.sharpness = SharpnessMeter(info.frames)
        self.outside = OutsideMouthMeter(info.width, info.height)
        self.photo_opening: float | None = None
        """Mouth opening in the source, if that is a photo."""

    @classmethod
    def open(
        cls, info: PresenterInfo, path: Path | None, notes: list[str]
    ) -> _SourceComparison | None:
        """Return ``None`` without a source, or if its frames do not match the video's."""
        if path is None:
            return None
        side = min(info.width, info.height)
        source = probe_presenter(path, max_fps=max(round(info.fps), 1), short_side=side)
        same_size = (source.width, source.height) == (info.width, info.height)
        same_rate = abs(float(source.fps / info.fps) - 1) < _FPS_TOLERANCE or source.is_still
        if same_size and same_rate:
            return cls(info, source)
        notes.append("source_differs")
        return None

    def originals(self, first: int, stop: int) -> Iterator[Picture | None]:
        """Yield the source's pictures for frames ``first`` to ``stop`` - 1.

        ``None`` where the presenter runs backward: decoding backward is slow, and the same frames
        are measured while it runs forward.
        """
        for run in frame_runs(first, stop, self._source.frames):
            if run.step > 0:
                yield from self.reader.read(run.start, run.stop)
            else:
                yield from [None] * len(run.frames)

    def add(self, frame: ScoredFrame, original: Picture | None, tracker: VideoTracker) -> None:
        """Compare a frame with its original, if there is one."""
        if original is None:
            return
        face = frame.face
        source_face = tracker.face_near(original, face) if face is not None else None
        self.outside.add(frame.picture, original, face, source_face)
        if self._source.is_still and source_face is not None:
            self.photo_opening = source_face.opening
        if face is not None and source_face is not None:
            self.sharpness.add(frame.picture.index, frame.picture, original, (face, source_face))


def _spans(info: PresenterInfo, limit_s: float | None) -> list[tuple[int, int]]:
    """Return (first, stop) of the stretches to measure; each starts at a tracker's segment."""
    fps = float(info.fps)
    if limit_s is None or info.frames <= limit_s * fps:
        return [(0, info.frames)]
    length = -(-round(_SPAN_S * fps) // SEGMENT_FRAMES) * SEGMENT_FRAMES
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


def _make_score(
    info: PresenterInfo,
    tracker: VideoTracker,
    reference_tracker: VideoTracker | None,
    distance: LandmarkDistance,
    comparison: _SourceComparison | None,
    notes: list[str],
) -> Score:
    tracks, fps = tracker.tracks, tracker.fps
    spread = float(np.nanstd(tracks.opening))
    if spread <= STILL_OPENING:
        notes.append("mouth_still")
    agreement = (
        _compare_reference(tracker, reference_tracker, distance, notes)
        if reference_tracker is not None
        else None
    )
    speech = detect_speech(info.path, info.start_s)
    silent = np.zeros(info.frames, np.bool_)
    loudness: Correlation | None = None
    if speech is None:
        notes.append("no_sound")
    else:
        silent = speech.silent(info.frames, fps) & tracks.measured
        levels = speech.loudness(info.frames, fps)
        loudness = correlate(tracks.opening, fps, levels, fps, other_still=_CONSTANT_LOUDNESS)
    photo = comparison.photo_opening if comparison is not None else None
    silence = measure_silence(tracks, silent, photo)
    jitter = measure_jitter(tracks, silent)
    if silence is not None and silence.misread > 0:
        notes.append("photo_mouth_open")
    if speech is not None and silence is None:
        notes.append("no_silence")
    sharpness = comparison.sharpness.result() if comparison is not None else None
    outside = comparison.outside.result() if comparison is not None else None
    if comparison is not None and sharpness is None:
        notes.append("source_unused")
    measures = Measures(
        face=tracks.coverage,
        speech_s=speech.speech_s if speech is not None else 0.0,
        opening_spread=spread,
        reference=agreement.opening if agreement is not None else None,
        loudness=loudness,
        silence=silence,
        jitter=jitter,
        sharpness=sharpness,
        outside=outside,
    )
    moments = worst_moments(
        fps,
        tracks.measured,
        tracks.opening - (silence.misread if silence is not None else 0),
        silent,
        distance.per_frame if reference_tracker is not None else None,
        comparison.sharpness.per_frame if comparison is not None else None,
    )
    return Score(
        video=info.path.name,
        seconds=info.duration_s,
        measured_s=float(tracks.measured.sum()) / fps,
        fps=fps,
        face=tracks.coverage,
        reference=agreement,
        loudness=loudness,
        silence=silence,
        jitter=jitter,
        sharpness=sharpness,
        outside=outside,
        verdict=make_verdict(measures, STILL_OPENING, moments),
        notes=tuple(notes),
    )


def _compare_reference(
    tracker: VideoTracker, reference: VideoTracker, distance: LandmarkDistance, notes: list[str]
) -> Reference:
    if reference.tracks.coverage == 0:
        notes.append("no_reference_face")
    elif np.nanstd(reference.tracks.opening) <= STILL_OPENING:
        notes.append("reference_still")
    opening = correlate(
        tracker.tracks.opening, tracker.fps, reference.tracks.opening, reference.fps
    )
    return Reference(opening, distance.mean, int(np.isfinite(distance.per_frame).sum()))
