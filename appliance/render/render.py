"""Render a finished video from a presenter and a lecture."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from appliance.config import PROJECT, Config
from appliance.errors import BadInput, Fault
from appliance.lips.engines import Engines
from appliance.lips.manifest import load_manifest
from appliance.lips.measure import prepare as prepare_engines
from appliance.lips.model import LipModel
from appliance.media.engine import settled
from appliance.media.join import join
from appliance.media.probe import AudioInfo
from appliance.media.publish import check_target
from appliance.media.source import check_file
from appliance.render.chunk import ChunkFacts, let_go
from appliance.render.clock import Stopwatch, process_age_s
from appliance.render.job import Job
from appliance.render.prepare import prepare
from appliance.render.progress import Listener, Progress
from appliance.render.report import Outcome, build_report
from appliance.render.resume import chunk, forget_chunks, kept_chunk, key_of, place_for
from appliance.render.voice import subtitles_in

MODELS = PROJECT / "models_lite"
GENERATED = "AI-generated: the lips were moved to fit the speech (Lectern)"


def render(
    presenter: Path,
    lecture: Path,
    output: Path,
    config: Config,
    *,
    listen: Listener = lambda progress: None,
    executor: Executor | None = None,
) -> dict[str, Any]:
    """Render ``lecture`` (audio, video or text) spoken by ``presenter`` to ``output``.

    Returns the report. Works in a hidden folder beside ``output`` that is always removed at the
    end; ``output`` appears completely or not at all. ``listen`` is called with the progress; an
    exception that it raises stops the work. Raises ``BadInput`` and ``Fault``.
    """
    _check_output(output, (presenter, lecture))
    with _workplace(output) as folder:
        return render_in(
            folder, presenter, lecture, output, config, listen=listen, executor=executor
        )


def render_in(
    folder: Path,
    presenter: Path,
    lecture: Path,
    output: Path,
    config: Config,
    *,
    listen: Listener = lambda progress: None,
    after_chunk: Callable[[], None] = lambda: None,
    executor: Executor | None = None,
) -> dict[str, Any]:
    """Render as :func:`render` does, in a persistent ``folder``, so that a later call can resume.

    However the earlier call ended, even by a kill or a power cut, its finished chunks are reused
    and the result is the same frame for frame, unless presenter, lecture, model or settings have
    changed. ``after_chunk`` is called after each newly finished chunk; an exception that it raises
    stops the work.
    """
    started = time.monotonic()
    watch = Stopwatch()
    listen(Progress("check", 0, 1))
    config = settled(config)
    manifest = load_manifest(config.lips.model, MODELS)
    lips, engines = config.lips, Engines.of(config)
    prepare_engines(
        manifest, lips.precision, lips.providers, engines, config.video.threads or 1,
        lambda seconds: listen(Progress("engine", int(seconds), int(seconds) + 1)),
    )  # fmt: skip
    model = LipModel.open(manifest, lips.precision, lips.providers, engines=engines)
    with watch.stage("check"):
        check_file(presenter)
        check_file(lecture)
        place = place_for(folder, key_of(presenter, lecture, config, model))
    job, sound, outcome = prepare(place, presenter, lecture, model, config, listen, watch)
    try:
        kept = _render_chunks(job, outcome, listen, after_chunk, executor)
    finally:
        let_go()
    listen(Progress("join", 0, 1))
    with watch.stage("join"):
        _join(job, sound, output)
    listen(Progress("join", 1, 1))
    outcome.stages_s = {**watch.seconds, **outcome.stages_s}
    outcome.wall_s = time.monotonic() - started
    return {**build_report(job, lecture, sound, output, outcome), "kept_chunks": kept}


def _join(job: Job, sound: AudioInfo, output: Path) -> None:
    try:
        join(
            [job.segment(index) for index in range(job.plan.chunks)],
            sound,
            output,
            frames=job.plan.frames,
            fps=job.plan.fps,
            metadata={"title": output.stem, "comment": GENERATED},
            aac_kbps=job.config.audio.aac_kbps,
            subtitles=subtitles_in(job.folder) if job.config.speech.subtitles else None,
        )
    except Fault as fault:
        if fault.code == "segment_damaged":
            forget_chunks(job.folder)  # the next attempt renders them again
        raise


def _render_chunks(
    job: Job,
    outcome: Outcome,
    listen: Listener,
    after_chunk: Callable[[], None],
    executor: Executor | None,
) -> int:
    """Render the missing chunks and return how many were already finished."""
    plan, done = job.plan, 0

    def tick(frames: int) -> None:
        nonlocal done
        done += frames
        if frames == 1 and outcome.first_frame_s is None:
            outcome.first_frame_s = round(process_age_s(), 3)
        listen(Progress("render", done, plan.frames))

    tick(0)
    spans = [plan.span(index) for index in range(plan.chunks)]
    kept = [kept_chunk(job.folder, index) is not None for index in range(plan.chunks)]
    results: Iterable[ChunkFacts]
    if executor is None:
        results = (chunk(job.folder, index, tick) for index in range(plan.chunks))
    else:
        results = executor.map(chunk, [job.folder] * plan.chunks, range(plan.chunks))
    for facts, (start, stop), early in zip(results, spans, kept, strict=True):
        if early or executor is not None:  # these frames have not been counted yet
            tick(stop - start)
        outcome.add(facts)
        if not early:
            after_chunk()
    return sum(kept)


def _check_output(output: Path, inputs: Iterable[Path]) -> None:
    check_target(output)
    for path in inputs:
        with suppress(OSError):  # a missing file is reported when it is opened
            if output.samefile(path):
                raise BadInput("output_is_input", name=output.name)


@contextmanager
def _workplace(output: Path) -> Iterator[Path]:
    """Create a hidden folder beside ``output``, on the same file system; remove it at the end."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=".lectern-", dir=output.parent))
    except OSError as error:
        raise BadInput("output_unwritable", name=output.name, reason=error.strerror) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
