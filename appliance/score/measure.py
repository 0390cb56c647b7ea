"""Measure a finished video in one pass, in parallel with its reference and its source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from appliance.errors import BadInput
from appliance.face.track import SEGMENT, Chooser, largest_face
from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.probe import PresenterInfo, probe_presenter
from appliance.media.timeline import runs
from appliance.score.report import Reference, Score
from appliance.score.sharpness import SharpnessMeter
from appliance.score.sound import listen
from appliance.score.stillness import jitter, silence
from appliance.score.surround import SurroundMeter
from appliance.score.sync import (
    MAX_LAG_S,
    STILL_OPENING,
    Correlation,
    LandmarkDistance,
    correlate,
)
from appliance.score.tracks import Follower, Seen, Watcher
from appliance.score.verdict import Facts, judge, worst_moments

Listener = Callable[[int, int], None]

LIMIT_S = 300.0
_BRIEF_SHARE, _BRIEF_LEAST_S, _BRIEF_MOST_S = 0.1, 20.0, 120.0
_SPAN_S = 8.0
# Lectern's files have a key frame at least this often, counted from frame 0 (the encoder's gop), so
# a span that begins there needs no extra decoding.
_KEY_FRAMES = 250
_STILL_LOUDNESS = 0.05  # in units of 20 dB: steadier sound cannot be correlated
_SAME_RATE = 1e-3
_PROGRESS_EVERY = 10  # frames


def score_video(
    video: Path,
    reference: Path | None = None,
    source: Path | None = None,
    progress: Listener | None = None,
    *,
    limit_s: float | None = LIMIT_S,
    brief: bool = False,
    choose: Chooser = largest_face,
) -> Score:
    """Measure ``video``; a real video of the same speech and the presenter allow more measures.

    ``reference`` is the real video and ``source`` the presenter. A file longer than ``limit_s``
    seconds is measured in stretches of 8 s spread evenly over it (``None``: all of it); ``brief``
    limits that to a tenth of the file, 20 s to 2 minutes, for callers that wait. ``choose`` selects
    the presenter among several faces. ``progress`` is called with the number of measured frames and
    the total. Memory does not depend on the length, except for some 40 bytes per frame.

    Raises ``BadInput``: as ``probe_presenter`` does for any of the files, ``video_missing`` for a
    photo, or ``no_face`` if the video shows none at all.
    """
    info = probe_presenter(video)
    if info.kind == "photo":
        raise BadInput("video_missing", name=video.name)
    real = probe_presenter(reference) if reference is not None else None
    notes: list[str] = []
    pairs = _Pairs.of(info, source, notes)
    if brief:
        limit_s = min(max(_BRIEF_SHARE * info.duration_s, _BRIEF_LEAST_S), _BRIEF_MOST_S)
    spans = _spans(info, limit_s)
    total = sum(stop - first for first, stop in spans)
    if total < info.frames:
        notes.append("sampled")
    done = 0
    distance = LandmarkDistance(info.frames)
    with ExitStack() as stack:
        watcher = stack.enter_context(Watcher(info, choose))
        other = stack.enter_context(Watcher(real)) if real is not None else None
        if pairs is not None:
            stack.enter_context(pairs.reader)
        for first, stop in spans:
            follower = _follower(other, first / watcher.fps, stop / watcher.fps)
            originals = pairs.originals(first, stop) if pairs is not None else None
            for seen in watcher.watch(first, stop):
                _add_distance(distance, seen, follower, watcher.fps)
                if pairs is not None and originals is not None:
                    pairs.add(seen, next(originals), watcher)
                done += 1
                if progress is not None and (done % _PROGRESS_EVERY == 0 or done == total):
                    progress(done, total)
            if follower is not None:
                follower.finish()
    if watcher.tracks.coverage == 0:
        raise BadInput("no_face", name=video.name)
    return _summary(info, watcher, other, distance, pairs, notes)


class _Pairs:
    """Compares the frames of the video with the source frames that they were made from."""

    def __init__(self, info: PresenterInfo, source: PresenterInfo) -> None:
        self._source = source
        self.reader = FrameReader(source)
        self.sharpness = SharpnessMeter(info.frames)
        self.surround = SurroundMeter(info.width, info.height)
        self.photo: float | None = None
        """Mouth opening in the source, if that is a photo."""

    @classmethod
    def of(cls, info: PresenterInfo, path: Path | None, notes: list[str]) -> _Pairs | None:
        """Return ``None`` without a source, or if its frames do not match the video's."""
        if path is None:
            return None
        side = min(info.width, info.height)
        source = probe_presenter(path, max_fps=max(round(info.fps), 1), short_side=side)
        same_size = (source.width, source.height) == (info.width, info.height)
        same_rate = abs(float(source.fps / info.fps) - 1) < _SAME_RATE or source.still
        if same_size and same_rate:
            return cls(info, source)
        notes.append("source_differs")
        return None

    def originals(self, first: int, stop: int) -> Iterator[Picture | None]:
        """Yield the source's pictures for frames ``first`` to ``stop`` - 1.

        ``None`` where the presenter runs backward: decoding that is slow, and what is measured
        shows equally well while it runs forward.
        """
        for run in runs(first, stop, self._source.frames):
            if run.step > 0:
                yield from self.reader.read(run.start, run.stop)
            else:
                yield from [None] * len(run.frames)

    def add(self, seen: Seen, original: Picture | None, watcher: Watcher) -> None:
        """Compare a frame with its original, if there is one."""
        if original is None:
            return
        face = seen.face
        theirs = watcher.face_near(original, face) if face is not None else None
        self.surround.add(seen.picture, original, face, theirs)
        if self._source.still and theirs is not None:
            self.photo = theirs.opening
        if face is not None and theirs is not None:
            self.sharpness.add(seen.picture.index, seen.picture, original, (face, theirs))


def _spans(info: PresenterInfo, limit_s: float | None) -> list[tuple[int, int]]:
    """Return (first, stop) of the stretches to measure; each starts at a tracker's segment."""
    fps = float(info.fps)
    if limit_s is None or info.frames <= limit_s * fps:
        return [(0, info.frames)]
    length = -(-round(_SPAN_S * fps) // SEGMENT) * SEGMENT
    count = max(int(limit_s * fps / length), 1)
    room = max(info.frames - length, 0)
    step = _KEY_FRAMES if room // _KEY_FRAMES >= count and length <= _KEY_FRAMES else length
    places = np.linspace(0, room // step, count)
    starts = np.unique(np.round(places).astype(int)) * step
    return [(int(start), int(start) + length) for start in starts]


def _follower(other: Watcher | None, start_s: float, stop_s: float) -> Follower | None:
    """Return a tracker of the reference for a stretch, extended on both ends by the longest lag."""
    if other is None:
        return None
    reach = MAX_LAG_S + 1 / other.fps
    first, stop = int((start_s - reach) * other.fps), int((stop_s + reach) * other.fps) + 1
    return Follower(other, max(first, 0), stop)


def _add_distance(
    distance: LandmarkDistance, seen: Seen, follower: Follower | None, fps: float
) -> None:
    if follower is None:
        return
    lips = follower.lips_at(seen.picture.index / fps)
    if seen.face is not None and lips is not None:
        distance.add(seen.picture.index, seen.face.lips, lips)


def _summary(
    info: PresenterInfo,
    watcher: Watcher,
    other: Watcher | None,
    distance: LandmarkDistance,
    pairs: _Pairs | None,
    notes: list[str],
) -> Score:
    tracks, fps = watcher.tracks, watcher.fps
    spread = float(np.nanstd(tracks.opening))
    if spread <= STILL_OPENING:
        notes.append("mouth_still")
    agreement = _reference(watcher, other, distance, notes) if other is not None else None
    sound = listen(info.path, info.start_s)
    silent = np.zeros(info.frames, np.bool_)
    loudness: Correlation | None = None
    if sound is None:
        notes.append("no_sound")
    else:
        silent = sound.silent(info.frames, fps) & tracks.looked
        levels = sound.loudness(info.frames, fps)
        loudness = correlate(tracks.opening, fps, levels, fps, other_still=_STILL_LOUDNESS)
    photo = pairs.photo if pairs is not None else None
    resting, shaking = silence(tracks, silent, photo), jitter(tracks, silent)
    if resting is not None and resting.misread > 0:
        notes.append("photo_smiles")
    if sound is not None and resting is None:
        notes.append("no_silence")
    sharp = pairs.sharpness.result() if pairs is not None else None
    around = pairs.surround.result() if pairs is not None else None
    if pairs is not None and sharp is None:
        notes.append("source_unused")
    facts = Facts(
        face=tracks.coverage,
        speech_s=sound.speech_s if sound is not None else 0.0,
        opening_spread=spread,
        reference=agreement.opening if agreement is not None else None,
        loudness=loudness,
        silence=resting,
        jitter=shaking,
        sharpness=sharp,
        outside=around,
    )
    moments = worst_moments(
        fps,
        tracks.looked,
        tracks.opening - (resting.misread if resting is not None else 0),
        silent,
        distance.per_frame if other is not None else None,
        pairs.sharpness.per_frame if pairs is not None else None,
    )
    return Score(
        video=info.path.name,
        seconds=info.duration_s,
        measured_s=float(tracks.looked.sum()) / fps,
        fps=fps,
        face=tracks.coverage,
        reference=agreement,
        loudness=loudness,
        silence=resting,
        jitter=shaking,
        sharpness=sharp,
        outside=around,
        verdict=judge(facts, STILL_OPENING, moments),
        notes=tuple(notes),
    )


def _reference(
    watcher: Watcher, other: Watcher, distance: LandmarkDistance, notes: list[str]
) -> Reference:
    if other.tracks.coverage == 0:
        notes.append("no_reference_face")
    elif np.nanstd(other.tracks.opening) <= STILL_OPENING:
        notes.append("reference_still")
    found = correlate(watcher.tracks.opening, watcher.fps, other.tracks.opening, other.fps)
    return Reference(found, distance.mean, int(np.isfinite(distance.per_frame).sum()))
