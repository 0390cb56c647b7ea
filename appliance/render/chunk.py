"""Render one chunk: decode → face → lips → composite → encode, side by side in bounded queues."""

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

_YAW_FADE = 6.0  # degrees before the limit over which the painting fades

Tick = Callable[[int], None]


@dataclass
class ChunkFacts:
    """What a finished chunk tells the report.

    ``start`` is its first output frame. ``frames`` counts what happened to frames: ``spoken``,
    ``no_face`` or ``turned_away``; ``gaps`` are (output frame, reason) where a stretch without
    painting begins, ``last_reason`` is the one that the last frame is in, if any. ``stages_s`` are
    seconds of work a stage.
    """

    start: int
    frames: Counter[str] = field(default_factory=Counter)
    gaps: list[tuple[int, str]] = field(default_factory=list)
    stages_s: dict[str, float] = field(default_factory=dict)
    provider: str = ""
    passed_over: tuple[str, ...] = ()
    last_reason: str = ""


def render_chunk(folder: Path, index: int, tick: Tick = lambda frames: None) -> ChunkFacts:
    """Render chunk ``index`` of the job in ``folder`` and publish its segment.

    A pure function of the two: the same frames come out wherever and whenever it runs. What it has
    open stays so for the next chunk until :func:`let_go`. ``tick`` is told frames as they are
    encoded; what it raises stops the work and leaves nothing.
    """
    try:
        return _render(folder, index, tick)
    finally:
        give_back()


def _render(folder: Path, index: int, tick: Tick) -> ChunkFacts:
    job = _job(folder)
    plan = job.plan
    map_from(plan.width * plan.height * 3 // 4)  # half a picture: decoder's, encoder's and ours
    start, stop = plan.span(index)
    facts = ChunkFacts(start)
    watch = Stopwatch(facts.stages_s)
    with closing(_presenter_frames(folder).show(start, stop, watch)) as shown:
        with ThreadPoolExecutor(1) as beside:  # pictures are decoded while the network is opened
            first = iter([beside.submit(next, shown)])
            painter = _Painter(job, start, stop, facts, watch)
        # Whoever held on to the first picture would hold all memory of the decoder it came from.
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
    """What a thread keeps open from chunk to chunk of one job."""

    folder: Path | None = None
    frames: PresenterFrames | None = None


_open = _Open()


def _presenter_frames(folder: Path) -> PresenterFrames:
    if _open.frames is None or _open.folder != folder:
        _close_frames()
        give_back()  # what was taken to get to know presenter and lecture
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
    """What output frames ``start`` … ``stop`` - 1 say."""
    if job.manifest.kind == "wav2lip":
        return MelTrack.load(job.speech)
    facts = job.manifest.motion
    whole = Motion.load(job.speech, facts["rate_hz"], facts["offset_s"])
    return whole.part(job.plan.fps, start, stop)


def let_go() -> None:
    """Close what this thread and process keep between chunks, and give its memory back."""
    _close_frames()
    _job.cache_clear()
    _model.cache_clear()
    give_back()


def _close_frames() -> None:
    if _open.frames is not None:
        _open.frames.close()
    _open.folder = _open.frames = None


class _Painter:
    """Turns tracked frames into finished pictures, a batch of mouths at a time."""

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
        """Note the engine for the report, at the end: it may have been left on the way."""
        choice = _model(self._job.folder).main.choice
        self._facts.provider, self._facts.passed_over = choice.provider, choice.passed_over

    def paint(self, frames: Iterable[Tracked[Picture]]) -> Iterator[Picture]:
        """Finished pictures, in order."""
        waiting: list[tuple[Picture, Look | None]] = []
        size = 1  # the first batches are small, so that the encoder need not wait for a full one
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
