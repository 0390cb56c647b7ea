"""Render one chunk: decode → face → lips → composite → encode, in parallel with bounded queues."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from pathlib import Path

import numpy as np

from appliance.errors import Fault
from appliance.face.track import Sighting, Tracked
from appliance.heap import give_back, map_from
from appliance.lips.engines import Engines
from appliance.lips.generator import Generator, Look
from appliance.lips.model import LipModel
from appliance.lips.motion import Motion
from appliance.lips.presenter import Profile
from appliance.lips.wav2lip import MelTrack
from appliance.media.decode import FrameReader
from appliance.media.engine import of_video, refuse
from appliance.media.picture import Picture
from appliance.media.pool import PicturePool
from appliance.render.ahead import ahead
from appliance.render.badge import Badge
from appliance.render.clock import Stopwatch
from appliance.render.frames import PresenterFrames
from appliance.render.job import Job
from appliance.render.presenter import make_tracker
from appliance.render.presenter_cache import PresenterEntry
from appliance.render.sightings import PresenterSightings

_YAW_FADE = 6.0  # degrees of yaw below the limit over which the effect fades out

Tick = Callable[[int], None]


@dataclass
class ChunkFacts:
    """The result of a finished chunk, as used by the report.

    ``start`` is its first output frame. ``frames`` counts frames by outcome: ``spoken``,
    ``no_face`` or ``turned_away``. ``gaps`` lists (output frame, reason) for each start of a
    stretch that was left unchanged; ``last_reason`` is the reason that applies to the last frame,
    empty if it was rendered. ``stages_s`` is the processing time of each stage in seconds.
    ``passed_over`` lists the rejected providers with the reasons.
    """

    start: int
    frames: Counter[str] = field(default_factory=Counter)
    gaps: list[tuple[int, str]] = field(default_factory=list)
    stages_s: dict[str, float] = field(default_factory=dict)
    provider: str = ""
    passed_over: tuple[str, ...] = ()
    last_reason: str = ""


def render_chunk(folder: Path, index: int, tick: Tick = lambda frames: None) -> ChunkFacts:
    """Render chunk ``index`` of the workspace in ``folder`` and publish its segment.

    A pure function of these two: every run produces the same frames. It keeps the decoder and the
    model open between chunks; call :func:`let_go` when done. ``tick`` is called with the number of
    newly encoded frames; an exception that it raises stops the work and leaves no segment. Raises
    ``Fault``, for example ``encoder_failed`` or ``network_failed``.
    """
    try:
        return _render(folder, index, tick)
    finally:
        give_back()


def _render(folder: Path, index: int, tick: Tick) -> ChunkFacts:
    job = _job(folder)
    plan = job.plan
    # half a picture: buffers of the decoder, the encoder and this code
    map_from(plan.width * plan.height * 3 // 4)
    start, stop = plan.span(index)
    facts = ChunkFacts(start)
    watch = Stopwatch(facts.stages_s)
    with closing(_presenter_frames(folder).show(start, stop, watch)) as shown:
        with ThreadPoolExecutor(1) as beside:  # decode while the network is being opened
            first = iter([beside.submit(next, shown)])
            painter = _Painter(job, start, stop, facts, watch)
        # Keep no reference to the first picture: it would keep all memory of its decoder alive.
        pictures = chain(map(Future.result, first), shown)
        _encode(job, index, painter.paint(pictures), watch, tick)
    painter.tell_provider()
    return facts


def _encode(
    job: Job, index: int, pictures: Iterator[Picture], watch: Stopwatch, tick: Tick
) -> None:
    plan, video = job.plan, job.config.video
    encoder = of_video(video)
    writer = encoder.open(
        job.segment(index),
        plan.width,
        plan.height,
        plan.fps,
        job.presenter.color,
        job.presenter.sar,
        crf=video.crf,
        threads=plan.threads,
    )
    try:
        with ahead(pictures, plan.queue_frames) as painted:
            for picture in painted:
                with watch.stage("encode"):
                    writer.write(picture)
                tick(1)
        with watch.stage("encode"):
            writer.close()
    except BaseException as error:
        writer.abort()
        if encoder.name != "x264" and isinstance(error, Fault) and error.code == "encoder_failed":
            refuse(job.config.root / "state", encoder.name, error.details["reason"])
        raise


@lru_cache(maxsize=1)
def _job(folder: Path) -> Job:
    return Job.load(folder)


@lru_cache(maxsize=1)
def _model(folder: Path) -> LipModel:
    job = _job(folder)
    return LipModel.open(
        job.manifest,
        job.precision,
        job.config.lips.providers,
        job.plan.threads,
        Engines.of(job.config),
    )


class _Open(threading.local):
    """The open decoder of each thread, kept between the chunks of one job."""

    folder: Path | None = None
    frames: PresenterFrames | None = None


_open = _Open()


def _presenter_frames(folder: Path) -> PresenterFrames:
    if _open.frames is None or _open.folder != folder:
        _close_frames()
        give_back()  # memory used by the analysis of presenter and lecture
        _open.folder, _open.frames = folder, _open_frames(_job(folder))
    return _open.frames


def _open_frames(job: Job) -> PresenterFrames:
    plan = job.plan

    def open_reader() -> FrameReader:
        return FrameReader(job.presenter, plan.threads)

    sightings = PresenterSightings(
        open_reader,
        job.presenter.frames,
        lambda: make_tracker(job.presenter, job.person),
        PresenterEntry(job.cache) if job.cache is not None else None,
    )
    return PresenterFrames(
        open_reader, job.presenter.frames, sightings, plan.queue_frames, plan.back_block
    )


def _load_speech(job: Job, start: int, stop: int) -> Motion | MelTrack:
    """Load the mouth motion (or mel) for output frames ``start`` … ``stop`` - 1."""
    if job.manifest.kind == "wav2lip":
        return MelTrack.load(job.speech)
    facts = job.manifest.motion
    whole = Motion.load(job.speech, facts["rate_hz"], facts["offset_s"])
    return whole.part(job.plan.fps, start, stop)


def let_go() -> None:
    """Close everything that this thread and process keep open between chunks; free its memory."""
    _close_frames()
    _job.cache_clear()
    _model.cache_clear()
    give_back()


def _close_frames() -> None:
    if _open.frames is not None:
        _open.frames.close()
    _open.folder = _open.frames = None


class _Painter:
    """Turns tracked frames into finished frames, one batch of mouths at a time."""

    def __init__(
        self, job: Job, start: int, stop: int, facts: ChunkFacts, watch: Stopwatch
    ) -> None:
        self._job = job
        self._start = start
        self._facts = facts
        self._watch = watch
        plan, config = job.plan, job.config
        self._canvases = PicturePool(plan.width, plan.height)
        model = _model(job.folder)
        self._generator: Generator = model.generator(
            Profile.load(job.profile), config.lips.amplitude
        )
        self._speech = _load_speech(job, start, stop)
        self._badge = (
            Badge(config.video.badge_text, config.video.badge_corner, plan.width, plan.height)
            if config.video.badge
            else None
        )

    def tell_provider(self) -> None:
        """Record the provider in use in the chunk's result.

        Call it at the end: the provider may change while the chunk is rendered.
        """
        choice = _model(self._job.folder).main.choice
        self._facts.provider, self._facts.passed_over = choice.provider, choice.passed_over

    def paint(self, frames: Iterable[Tracked[Picture]]) -> Iterator[Picture]:
        """Yield the finished frames, in order."""
        waiting: list[tuple[Picture, Look | None]] = []
        size = 1  # start with small batches, so that the encoder starts early
        for t, item in enumerate(frames, self._start):
            with self._watch.stage("look"):
                waiting.append((item.picture, self._look(t, item)))
            if len(waiting) >= size:
                yield from self._finish(waiting)
                waiting, size = [], min(2 * size, self._job.plan.batch)
        yield from self._finish(waiting)

    def _look(self, t: int, item: Tracked[Picture]) -> Look | None:
        face = item.face
        limits = self._job.config.face
        if face is None or face.confidence < limits.min_confidence:
            self._skip(t, "no_face")
            return None
        strength = self._strength(face, item.presence, limits.max_yaw_deg)
        if strength <= 0:
            self._skip(t, "turned_away")
            return None
        self._facts.frames["spoken"] += 1
        self._facts.last_reason = ""
        speech = self._speech.at_frames(self._job.plan.fps, t, t + 1)[0]
        return self._generator.look(item.picture, face, speech, strength)

    def _strength(self, face: Sighting, presence: float, max_yaw: float) -> float:
        yaw = abs(float(face.pose.yaw))
        return float(presence * np.clip((max_yaw - yaw) / _YAW_FADE, 0, 1))

    def _skip(self, t: int, reason: str) -> None:
        self._facts.frames[reason] += 1
        if reason != self._facts.last_reason:
            self._facts.gaps.append((t, reason))
        self._facts.last_reason = reason

    def _finish(self, waiting: list[tuple[Picture, Look | None]]) -> Iterator[Picture]:
        looks = [look for _, look in waiting if look is not None]
        with self._watch.stage("lips"):
            answers = iter(self._generator.run(looks) if looks else [])
        for picture, look in waiting:
            with self._watch.stage("composite"):
                if look is not None or self._badge is not None:
                    picture = self._canvases.copy(picture)
                if look is not None:
                    self._generator.paint(picture, look, next(answers))
                if self._badge is not None:
                    self._badge.draw(picture)
            yield picture
