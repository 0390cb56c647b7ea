"""Render one chunk: decode → face → lips → composite → encode, in parallel with bounded queues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from appliance.atlas.paint import MouthInput
from appliance.errors import Fault
from appliance.face.track import TrackedFrame
from appliance.inference.providers import Providers
from appliance.lips.generator import Generator, GeneratorInput
from appliance.lips.model import LipModel
from appliance.lips.motion import Motion
from appliance.lips.profile import Profile
from appliance.lips.wav2lip import MelTrack
from appliance.media.encoder import encoder_for, mark_encoder_failed
from appliance.media.picture import Picture
from appliance.media.picture_pool import PicturePool
from appliance.render.badge import Badge
from appliance.render.coverage import outcome_of, yaw_strength
from appliance.render.personal_mouths import PersonalMouths
from appliance.render.prefetch import prefetch
from appliance.render.presenter_frames import open_frames
from appliance.render.progress import Stopwatch
from appliance.render.workspace import Workspace
from appliance.system.malloc import set_mmap_threshold, trim_heap

OnFrames = Callable[[int], None]


@dataclass
class ChunkResult:
    """The result of a finished chunk, as used by the report.

    ``start`` is the first output frame of the chunk. ``frames`` counts frames by outcome:
    ``spoken``, ``no_face`` or ``turned_away``. ``gaps`` lists (output frame, reason) for each start
    of a stretch that was left unchanged; ``last_reason`` is the reason that applies to the last
    frame, empty if it was rendered. ``stages_s`` is the processing time of each stage in seconds.
    ``rejected`` lists the rejected providers with the reasons.
    """

    start: int
    frames: Counter[str] = field(default_factory=Counter)
    gaps: list[tuple[int, str]] = field(default_factory=list)
    stages_s: dict[str, float] = field(default_factory=dict)
    provider: str = ""
    rejected: tuple[str, ...] = ()
    last_reason: str = ""


class ChunkRenderer:
    """Renders the chunks of the workspace in ``folder``; a context manager.

    It owns what is the same for all chunks: the workspace, the open decoder, the model and the
    badge. Used by one thread at a time; leaving the context closes everything and frees its memory.
    """

    def __init__(self, folder: Path) -> None:
        self.workspace = Workspace.load(folder)
        workspace, plan, config = self.workspace, self.workspace.plan, self.workspace.config
        trim_heap()  # memory used by the analysis of presenter and lecture
        self._frames = open_frames(workspace)
        self._model = LipModel.open(
            workspace.manifest,
            workspace.precision,
            config.lips.providers,
            plan.threads,
            Providers.of(config.root, config.lips),
        )
        self._mouths = PersonalMouths.load(workspace, self._model)
        self._badge: Badge | None = None
        if config.video.badge:
            video = config.video
            self._badge = Badge(video.badge_text, video.badge_corner, plan.width, plan.height)

    def __enter__(self) -> ChunkRenderer:
        return self

    def __exit__(self, *exception: object) -> None:
        self._frames.close()
        del self._frames, self._model, self._mouths, self._badge
        trim_heap()

    def render(self, index: int, on_frames: OnFrames = lambda frames: None) -> ChunkResult:
        """Render chunk ``index`` and publish its segment.

        A pure function of the workspace and ``index``: every run produces the same frames,
        regardless of what was rendered before. ``on_frames`` is called with the number of newly
        encoded frames; an exception that it raises stops the work and leaves no segment. Raises
        ``Fault``, for example ``encoder_failed`` or ``inference_failed``.
        """
        try:
            return self._render(index, on_frames)
        finally:
            trim_heap()

    def _render(self, index: int, on_frames: OnFrames) -> ChunkResult:
        plan = self.workspace.plan
        # half a picture: buffers of the decoder, the encoder and this code
        set_mmap_threshold(plan.width * plan.height * 3 // 4)
        start, stop = plan.span(index)
        result = ChunkResult(start)
        stopwatch = Stopwatch(result.stages_s)
        with closing(self._frames.frames_for(start, stop, stopwatch)) as frames:
            with ThreadPoolExecutor(1) as executor:  # decode while the network is being opened
                first = iter([executor.submit(next, frames)])
                renderer = _FrameRenderer(
                    self.workspace, self._model, self._badge, (start, stop), result, stopwatch,
                    self._mouths,
                )  # fmt: skip
            # Keep no reference to the first picture: it would keep all memory of its decoder alive.
            pictures = chain(map(Future.result, first), frames)
            _encode(self.workspace, index, renderer.render(pictures), stopwatch, on_frames)
        # Read at the end: the provider may change while the chunk is rendered.
        choice = self._model.main.choice
        result.provider, result.rejected = choice.provider, choice.rejected
        return result


def _encode(
    workspace: Workspace,
    index: int,
    pictures: Iterator[Picture],
    stopwatch: Stopwatch,
    on_frames: OnFrames,
) -> None:
    plan, video = workspace.plan, workspace.config.video
    encoder = encoder_for(video)
    writer = encoder.open(
        workspace.segment_path(index),
        workspace.presenter.video_format,
        crf=video.crf,
        threads=plan.threads,
    )
    try:
        with prefetch(pictures, plan.queue_frames) as finished:
            for picture in finished:
                with stopwatch.stage("encode"):
                    writer.write(picture)
                on_frames(1)
        with stopwatch.stage("encode"):
            writer.close()
    except BaseException as error:
        writer.abort()
        if encoder.name != "x264" and isinstance(error, Fault) and error.code == "encoder_failed":
            mark_encoder_failed(
                workspace.config.root / "state", encoder.name, error.details["reason"]
            )
        raise


def _load_motion(workspace: Workspace, start: int, stop: int) -> Motion | MelTrack:
    """Load the mouth motion (or mel) for output frames ``start`` … ``stop`` - 1."""
    if workspace.manifest.kind == "wav2lip":
        return MelTrack.load(workspace.motion_path)
    motion_info = workspace.manifest.motion
    whole = Motion.load(workspace.motion_path, motion_info["rate_hz"], motion_info["offset_s"])
    return whole.part(workspace.plan.fps, start, stop)


class _FrameRenderer:
    """Turns tracked frames into finished frames, one batch of mouths at a time.

    ``span`` is the chunk's output frames (start, stop). Counts and gaps are added to ``result``.
    ``mouths`` paints the frames that show the presenter's own mouths, if there are any; the network
    draws the others.
    """

    def __init__(
        self,
        workspace: Workspace,
        model: LipModel,
        badge: Badge | None,
        span: tuple[int, int],
        result: ChunkResult,
        stopwatch: Stopwatch,
        mouths: PersonalMouths | None,
    ) -> None:
        self._workspace = workspace
        self._start = span[0]
        self._badge = badge
        self._result = result
        self._stopwatch = stopwatch
        self._picture_pool = PicturePool(workspace.plan.width, workspace.plan.height)
        self._generator: Generator = model.generator(
            Profile.load(workspace.profile_path), workspace.config.lips.amplitude
        )
        self._motion = _load_motion(workspace, *span)
        self._mouths = mouths

    def render(self, frames: Iterable[TrackedFrame[Picture]]) -> Iterator[Picture]:
        """Yield the finished frames, in order."""
        batch: list[tuple[Picture, GeneratorInput | MouthInput | None]] = []
        size = 1  # start with small batches, so that the encoder starts early
        for t, item in enumerate(frames, self._start):
            with self._stopwatch.stage("prepare"):
                batch.append((item.picture, self._prepare(t, item)))
            if len(batch) >= size:
                yield from self._finish_batch(batch)
                batch, size = [], min(2 * size, self._workspace.plan.batch)
        yield from self._finish_batch(batch)

    def _prepare(self, t: int, item: TrackedFrame[Picture]) -> GeneratorInput | MouthInput | None:
        face = item.face
        limits = self._workspace.config.face
        outcome = outcome_of(face, limits)
        if face is None or outcome != "spoken":
            self._skip(t, outcome)
            return None
        strength = item.presence * yaw_strength(face, limits)
        self._result.frames["spoken"] += 1
        self._result.last_reason = ""
        motion = self._motion.at_frames(self._workspace.plan.fps, t, t + 1)[0]
        if self._mouths is not None:
            mouth = self._mouths.prepare(t, item.picture.index, face, motion, strength)
            if mouth is not None:
                return mouth
        return self._generator.prepare(item.picture, face, motion, strength)

    def _skip(self, t: int, reason: str) -> None:
        self._result.frames[reason] += 1
        if reason != self._result.last_reason:
            self._result.gaps.append((t, reason))
        self._result.last_reason = reason

    def _finish_batch(
        self, batch: list[tuple[Picture, GeneratorInput | MouthInput | None]]
    ) -> Iterator[Picture]:
        inputs = [mouth for _, mouth in batch if isinstance(mouth, GeneratorInput)]
        with self._stopwatch.stage("lips"):
            outputs = iter(self._generator.run(inputs) if inputs else [])
        for picture, mouth in batch:
            with self._stopwatch.stage("composite"):
                if mouth is not None or self._badge is not None:
                    picture = self._picture_pool.copy(picture)
                if isinstance(mouth, GeneratorInput):
                    self._generator.composite(picture, mouth, next(outputs))
                elif mouth is not None and self._mouths is not None:
                    self._mouths.paint(picture, mouth)
                if self._badge is not None:
                    self._badge.draw(picture)
            yield picture
