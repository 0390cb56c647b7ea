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
from appliance.files.atomic import check_writable
from appliance.inference.manifest import load_manifest
from appliance.inference.precision import prepare_providers as prepare_engines
from appliance.inference.providers import Providers
from appliance.lips.model import LipModel
from appliance.media.container import check_file
from appliance.media.encoder import resolve_encoder
from appliance.media.mux import mux
from appliance.media.probe import AudioInfo
from appliance.render.checkpoint import (
    checkpoint_folder,
    checkpoint_key,
    discard_chunks,
    finished_chunk,
    render_or_reuse,
)
from appliance.render.chunk import ChunkResult, close
from appliance.render.narration import subtitles_in
from appliance.render.prepare import prepare
from appliance.render.progress import OnProgress, Progress, Stopwatch
from appliance.render.report import RenderStats, build_report
from appliance.render.workspace import Workspace
from appliance.system.process import process_age_s

MODELS_FOLDER = PROJECT / "models_lite"
GENERATED_COMMENT = "AI-generated: the lips were moved to fit the speech (Lectern)"


def render(
    presenter: Path,
    lecture: Path,
    output: Path,
    config: Config,
    *,
    on_progress: OnProgress = lambda progress: None,
    executor: Executor | None = None,
) -> dict[str, Any]:
    """Render ``lecture`` (audio, video or text) spoken by ``presenter`` to ``output``.

    Returns the report. Works in a hidden folder beside ``output`` that is always removed at the
    end; ``output`` appears completely or not at all. ``on_progress`` is called with the progress;
    an exception that it raises stops the work. Raises ``BadInput`` and ``Fault``.
    """
    _check_output(output, (presenter, lecture))
    with _open_workspace(output) as folder:
        return render_in(
            folder, presenter, lecture, output, config, on_progress=on_progress, executor=executor
        )


def render_in(
    folder: Path,
    presenter: Path,
    lecture: Path,
    output: Path,
    config: Config,
    *,
    on_progress: OnProgress = lambda progress: None,
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
    stopwatch = Stopwatch()
    on_progress(Progress("check", 0, 1))
    config = resolve_encoder(config)
    manifest = load_manifest(config.lips.model, MODELS_FOLDER)
    lips_config, engines = config.lips, Providers.of(config)
    prepare_engines(
        manifest, lips_config.precision, lips_config.providers, engines, config.video.threads or 1,
        lambda seconds: on_progress(Progress("engine", int(seconds), int(seconds) + 1)),
    )  # fmt: skip
    model = LipModel.open(manifest, lips_config.precision, lips_config.providers, engines=engines)
    with stopwatch.stage("check"):
        check_file(presenter)
        check_file(lecture)
        place = checkpoint_folder(folder, checkpoint_key(presenter, lecture, config, model))
    workspace, audio, stats = prepare(
        place, presenter, lecture, model, config, on_progress, stopwatch
    )
    try:
        kept = _render_chunks(workspace, stats, on_progress, after_chunk, executor)
    finally:
        close()
    on_progress(Progress("join", 0, 1))
    with stopwatch.stage("join"):
        _join_chunks(workspace, audio, output)
    on_progress(Progress("join", 1, 1))
    stats.stages_s = {**stopwatch.seconds, **stats.stages_s}
    stats.wall_s = time.monotonic() - started
    return {**build_report(workspace, lecture, audio, output, stats), "reused_chunks": kept}


def _join_chunks(workspace: Workspace, audio: AudioInfo, output: Path) -> None:
    try:
        mux(
            [workspace.segment_path(index) for index in range(workspace.plan.chunks)],
            audio,
            output,
            frames=workspace.plan.frames,
            fps=workspace.plan.fps,
            metadata={"title": output.stem, "comment": GENERATED_COMMENT},
            aac_kbps=workspace.config.audio.aac_kbps,
            subtitles=subtitles_in(workspace.folder) if workspace.config.speech.subtitles else None,
        )
    except Fault as fault:
        if fault.code == "segment_damaged":
            discard_chunks(workspace.folder)  # the next attempt renders them again
        raise


def _render_chunks(
    workspace: Workspace,
    stats: RenderStats,
    on_progress: OnProgress,
    after_chunk: Callable[[], None],
    executor: Executor | None,
) -> int:
    """Render the missing chunks and return how many were already finished."""
    plan, done = workspace.plan, 0

    def tick(frames: int) -> None:
        nonlocal done
        done += frames
        if frames == 1 and stats.first_frame_s is None:
            stats.first_frame_s = round(process_age_s(), 3)
        on_progress(Progress("render", done, plan.frames))

    tick(0)
    spans = [plan.span(index) for index in range(plan.chunks)]
    kept = [finished_chunk(workspace.folder, index) is not None for index in range(plan.chunks)]
    results: Iterable[ChunkResult]
    if executor is None:
        results = (render_or_reuse(workspace.folder, index, tick) for index in range(plan.chunks))
    else:
        results = executor.map(
            render_or_reuse, [workspace.folder] * plan.chunks, range(plan.chunks)
        )
    for result, (start, stop), was_saved in zip(results, spans, kept, strict=True):
        if was_saved or executor is not None:  # these frames have not been counted yet
            tick(stop - start)
        stats.add(result)
        if not was_saved:
            after_chunk()
    return sum(kept)


def _check_output(output: Path, inputs: Iterable[Path]) -> None:
    check_writable(output)
    for path in inputs:
        with suppress(OSError):  # a missing file is reported when it is opened
            if output.samefile(path):
                raise BadInput("output_is_input", name=output.name)


@contextmanager
def _open_workspace(output: Path) -> Iterator[Path]:
    """Create a hidden folder beside ``output``, on the same file system; remove it at the end."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=".lectern-", dir=output.parent))
    except OSError as error:
        raise BadInput("output_unwritable", name=output.name, reason=error.strerror) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
