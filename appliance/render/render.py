"""Render a finished video from a presenter and a lecture."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from appliance.config import PROJECT, Config
from appliance.errors import BadInput, Fault
from appliance.files.atomic import check_writable
from appliance.files.learning_recordings import find_recording
from appliance.inference.manifest import load_manifest
from appliance.inference.precision import prepare_providers
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
from appliance.render.chunk import ChunkRenderer
from appliance.render.narration import subtitles_in
from appliance.render.notices import Notice
from appliance.render.prepare import prepare
from appliance.render.progress import OnProgress, Progress, Stopwatch
from appliance.render.report import RenderReport, RenderStats, build_report
from appliance.render.workspace import Workspace
from appliance.system.process import process_age_s
from appliance.system.regular_file import follow_link

Finish = Callable[[RenderReport, Workspace], None]

MODELS_FOLDER = PROJECT / "models_lite"
GENERATED_COMMENT = "AI-generated: the lips were moved to fit the speech (Lectern)"


def render(
    presenter: Path,
    lecture: Path,
    output: Path,
    config: Config,
    *,
    on_progress: OnProgress = lambda progress: None,
    transcript: Path | None = None,
    finish: Finish = lambda report, workspace: None,
) -> RenderReport:
    """Render ``lecture`` (audio, video or text) spoken by ``presenter`` to ``output``.

    ``transcript`` is a subtitle file (.srt, .vtt) or the text of a recording, which becomes its
    subtitles. Returns the report. Works in a hidden folder beside ``output`` that is always removed
    at the end; ``output`` appears completely or not at all. ``on_progress`` is called with the
    progress; an exception that it raises stops the work. ``finish`` is called at the end with the
    report, which it may complete, while the workspace still exists. Raises ``BadInput`` and
    ``Fault``.
    """
    presenter, lecture = follow_link(presenter), follow_link(lecture)
    transcript = follow_link(transcript) if transcript is not None else None
    _check_output(output, (presenter, lecture))
    with _open_workspace(output) as folder:
        return render_in(
            folder, presenter, lecture, output, config,
            on_progress=on_progress, transcript=transcript, finish=finish,
        )  # fmt: skip


def render_in(
    folder: Path,
    presenter: Path,
    lecture: Path,
    output: Path,
    config: Config,
    *,
    on_progress: OnProgress = lambda progress: None,
    after_chunk: Callable[[], None] = lambda: None,
    finish: Finish = lambda report, workspace: None,
    transcript: Path | None = None,
    unused: Sequence[str] = (),
) -> RenderReport:
    """Render as :func:`render` does, in a persistent ``folder``, so that a later call can resume.

    However the earlier call ended, even by a kill or a power cut, its finished chunks are reused
    and the result is the same frame for frame, unless presenter, lecture, model or settings have
    changed. ``unused`` are names of files that the report says were not used. ``after_chunk`` is
    called after each newly finished chunk; an exception that it raises stops the work.
    """
    started = time.monotonic()
    stopwatch = Stopwatch()
    on_progress(Progress("check", 0, 1))
    video = resolve_encoder(config.video, config.root / "state")
    config = config.model_copy(update={"video": video})
    lips, providers = config.lips, Providers.of(config.root, config.lips)
    manifest = load_manifest(lips.model, MODELS_FOLDER)
    prepare_providers(
        manifest, lips.precision, lips.providers, providers, video.threads or 1,
        lambda seconds: on_progress(Progress("selftest", int(seconds), int(seconds) + 1)),
    )  # fmt: skip
    model = LipModel.open(manifest, lips.precision, lips.providers, providers=providers)
    with stopwatch.stage("check"):
        check_file(presenter)
        check_file(lecture)
        if transcript is not None:
            check_file(transcript)
        recording = find_recording(config.root, presenter)
        sources = [path for path in (presenter, lecture, transcript, recording) if path]
        checkpoint = checkpoint_folder(folder, checkpoint_key(sources, config, model))
    workspace, audio, stats = prepare(
        checkpoint, presenter, lecture, model, config, on_progress, stopwatch, transcript
    )
    stats.notices = [Notice("file_unused", 0.0, {"name": name}) for name in unused]
    with ChunkRenderer(workspace.folder) as renderer:
        _render_chunks(renderer, stats, on_progress, after_chunk)
    on_progress(Progress("mux", 0, 1))
    with stopwatch.stage("mux"):
        _mux_chunks(workspace, audio, output)
    on_progress(Progress("mux", 1, 1))
    stats.stages_s = {**stopwatch.seconds, **stats.stages_s}
    stats.wall_s = time.monotonic() - started
    report = build_report(workspace, lecture, audio, output, stats)
    finish(report, workspace)
    return report


def _mux_chunks(workspace: Workspace, audio: AudioInfo, output: Path) -> None:
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
    renderer: ChunkRenderer,
    stats: RenderStats,
    on_progress: OnProgress,
    after_chunk: Callable[[], None],
) -> None:
    """Render the missing chunks and add the results of all to ``stats``."""
    folder, plan, done = renderer.workspace.folder, renderer.workspace.plan, 0

    def on_frames(frames: int) -> None:
        nonlocal done
        done += frames
        if frames == 1 and stats.first_frame_s is None:
            stats.first_frame_s = round(process_age_s(), 3)
        on_progress(Progress("render", done, plan.frames))

    on_frames(0)
    was_finished = [finished_chunk(folder, index) is not None for index in range(plan.chunks)]
    for index, reused in enumerate(was_finished):
        stats.add(render_or_reuse(renderer, index, on_frames))
        if reused:
            stats.reused_chunks += 1
            start, stop = plan.span(index)
            on_frames(stop - start)
        else:
            after_chunk()


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
