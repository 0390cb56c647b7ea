"""The main job: a presenter and a lecture in, one finished video out."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.config import PROJECT, Config
from appliance.errors import BadInput
from appliance.lips.manifest import load_manifest
from appliance.lips.model import LipModel
from appliance.media.join import join
from appliance.media.probe import AudioInfo, PresenterInfo, probe_audio, probe_presenter
from appliance.media.source import check_file
from appliance.render.chunk import render_chunk
from appliance.render.clock import Stopwatch
from appliance.render.job import Job
from appliance.render.plan import make_plan
from appliance.render.prepare import learn_presenter, learn_speech
from appliance.render.report import Outcome, build_report

MODELS = PROJECT / "models_lite"
TEXT_SUFFIXES = {".txt", ".md"}
GENERATED = "AI-generated: the lips were moved to fit the speech (Lectern)"


@dataclass(frozen=True)
class Progress:
    """Where the work stands: ``stage`` is a word, ``done`` of ``total`` are its units.

    Stages: ``check``, ``voice``, ``presenter``, ``speech`` (seconds), ``render`` (frames),
    ``join``.
    """

    stage: str
    done: int
    total: int


Listener = Callable[[Progress], None]


def render(
    presenter: Path,
    lecture: Path,
    output: Path,
    config: Config,
    *,
    listen: Listener = lambda progress: None,
    executor: Executor | None = None,
) -> dict[str, Any]:
    """Render ``lecture`` (sound, a video's sound, or text) spoken by ``presenter`` to ``output``.

    Gives the report. The work happens in a hidden folder beside ``output``, which is gone
    afterwards whatever happens; ``output`` appears whole or not at all. What ``listen`` raises
    stops the work. Raises ``BadInput`` and ``Fault``.
    """
    started = time.monotonic()
    watch = Stopwatch()
    listen(Progress("check", 0, 1))
    _check_output(output)
    manifest = load_manifest(config.lips.model, MODELS)
    model = LipModel.open(manifest, config.lips.precision, config.lips.providers)
    with watch.stage("check"):
        info = probe_presenter(presenter)
        check_file(lecture)
    with _workplace(output) as folder:
        if lecture.suffix.lower() in TEXT_SUFFIXES:
            listen(Progress("voice", 0, 1))
            with watch.stage("voice"):
                lecture = _speak(lecture, folder)
        with watch.stage("check"):
            sound = probe_audio(lecture)
        job, outcome = _learn(folder, info, sound, model, config, listen, watch)
        _render_chunks(job, outcome, listen, executor)
        listen(Progress("join", 0, 1))
        with watch.stage("join"):
            join(
                [job.segment(index) for index in range(job.plan.chunks)],
                sound,
                output,
                frames=job.plan.frames,
                fps=job.plan.fps,
                metadata={"title": output.stem, "comment": GENERATED},
                aac_kbps=config.audio.aac_kbps,
            )
        listen(Progress("join", 1, 1))
    outcome.stages_s = {**watch.seconds, **outcome.stages_s}
    outcome.wall_s = time.monotonic() - started
    return build_report(job, sound, output, outcome)


def _learn(
    folder: Path,
    info: PresenterInfo,
    sound: AudioInfo,
    model: LipModel,
    config: Config,
    listen: Listener,
    watch: Stopwatch,
) -> tuple[Job, Outcome]:
    """Plan, get to know presenter and lecture, and leave all of it in the job folder."""
    plan = make_plan(
        width=info.width,
        height=info.height,
        fps=info.fps,
        duration_s=sound.duration_s,
        chunk_s=config.render.chunk_s,
        queue_frames=config.render.queue_frames,
        threads=config.video.threads,
        memory_mb=config.render.memory_mb,
    )
    listen(Progress("presenter", 0, 1))
    with watch.stage("presenter"):
        person, profile = learn_presenter(info, config.face.index, plan.threads)
    job = Job(folder, info, person, model.manifest, model.precision, config, plan)
    profile.save(job.profile)
    total = max(int(2 * sound.duration_s), 1)
    with watch.stage("speech"):
        activity = learn_speech(
            sound.path,
            model,
            job.speech,
            lambda s: listen(Progress("speech", min(s, total), total)),
        )
    job.save()
    return job, Outcome(silence=1 - float(activity.gate.mean()))


def _render_chunks(job: Job, outcome: Outcome, listen: Listener, executor: Executor | None) -> None:
    plan, done = job.plan, 0

    def tick(frames: int) -> None:
        nonlocal done
        done += frames
        listen(Progress("render", done, plan.frames))

    tick(0)
    if executor is None:
        for index in range(plan.chunks):
            outcome.add(render_chunk(job.folder, index, tick))
        return
    for index, facts in enumerate(
        executor.map(render_chunk, [job.folder] * plan.chunks, range(plan.chunks))
    ):
        start, stop = plan.span(index)
        tick(stop - start)
        outcome.add(facts)


def _speak(text: Path, folder: Path) -> Path:
    """Have the embedded voice read a text file."""
    from appliance.speech.tts import synthesize  # half a second that recordings need not wait

    try:
        words = text.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput("text_unreadable", name=text.name) from error
    return synthesize(words, out_wav=folder / "voice.wav").path


def _check_output(output: Path) -> None:
    if output.is_dir():
        raise BadInput("output_exists_folder", name=output.name or str(output))
    if not output.parent.is_dir():
        raise BadInput("output_unwritable", name=output.name, reason="no such folder")


@contextmanager
def _workplace(output: Path) -> Iterator[Path]:
    """A hidden folder beside the output, on the same file system, gone afterwards."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=".lectern-", dir=output.parent))
    except OSError as error:
        raise BadInput("output_unwritable", name=output.name, reason=error.strerror) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
