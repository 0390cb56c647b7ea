"""All steps before the first chunk: analyse presenter and lecture, in parallel."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event

from appliance.config import Config
from appliance.enrolment.enrolment import Enrolment
from appliance.errors import Cancelled
from appliance.files.atomic import translate_write_errors
from appliance.lips.model import LipModel
from appliance.lips.profile import Profile
from appliance.media.audio import audio_blocks
from appliance.media.probe import AudioInfo, PresenterInfo, probe_audio
from appliance.render.checkpoint import load_checkpoint, replan, save_checkpoint
from appliance.render.lecture_motion import compute_motion
from appliance.render.narration import AUDIO_FILE, is_text, save_transcript, synthesize_lecture
from appliance.render.notices import Notice, save_notices
from appliance.render.personal_mouths import (
    can_learn,
    choose_mouths,
    learn_atlas,
    with_atlas_memory,
)
from appliance.render.plan import NetworkFootprint, plan_for
from appliance.render.presenter_analysis import analyse_presenter
from appliance.render.presenter_cache import CachedPresenter, PresenterCache, PresenterEntry
from appliance.render.presenter_file import open_presenter, presenter_notices
from appliance.render.presenter_learning import PresenterLearning
from appliance.render.progress import OnProgress, Progress, Stopwatch
from appliance.render.report import RenderStats
from appliance.render.workspace import MOTION_FILE, Workspace
from appliance.speech.tracks import find_speech_track, has_opposite_channels, write_analysis_copy
from appliance.speech.vad import quiet_gain_db

_ANALYSED_FILE = "analysed.wav"

_POLL_S = 0.5

_Analysis = tuple[Workspace, Enrolment]


def prepare(
    folder: Path,
    presenter: Path,
    lecture: Path,
    model: LipModel,
    config: Config,
    on_progress: OnProgress,
    stopwatch: Stopwatch,
    transcript: Path | None = None,
) -> tuple[Workspace, AudioInfo, RenderStats]:
    """Return the workspace ``folder``, resumed from an earlier attempt or analysed and saved now.

    ``transcript`` becomes the subtitles of a recording. Also returns the lecture's sound and the
    statistics that the render adds to. Raises the ``BadInput`` and ``Fault`` of every file that is
    read, and ``BadInput("memory_too_small")``.
    """
    resumed = load_checkpoint(folder)
    if resumed is not None:
        workspace, silence = resumed
        with stopwatch.stage("check"):
            sound = folder / AUDIO_FILE if is_text(lecture) else lecture
            audio = probe_audio(sound, find_speech_track(sound))
            workspace = replan(workspace, audio, model, config)
        return workspace, audio, RenderStats(silence)
    # The presenter is analysed in a second thread, while this one analyses the lecture.
    stop = Event()
    cache = presenter_cache(config, model)
    learning = PresenterLearning(model, config, cache, check=partial(_raise_if_set, stop))
    with ThreadPoolExecutor(1) as executor, _set_on_error(stop):
        probed = executor.submit(_probe, presenter, cache, config, stopwatch)
        spoken_text = is_text(lecture)
        if spoken_text:
            probed.result()  # check the presenter first: speech synthesis is slow
            on_progress(Progress("tts", 0, 1))
            with stopwatch.stage("tts"):
                lecture = synthesize_lecture(
                    lecture, folder, config.speech, lambda *at: on_progress(Progress("tts", *at))
                )
        on_progress(Progress("presenter", 0, 1))
        with stopwatch.stage("speech"):
            audio = probe_audio(lecture, find_speech_track(lecture))
        analysis = executor.submit(
            _analyse, folder, probed, audio, model, config, learning, stopwatch
        )
        total = max(int(2 * audio.duration_s), 1)
        with stopwatch.stage("speech"):
            move = partial(
                compute_motion,
                model=model,
                target=folder / MOTION_FILE,
                on_seconds=partial(_report_progress, on_progress, analysis, total),
                learned_motion=lambda: _wait_for(analysis, on_progress)[1].motion,
            )
            source, notices = audio.path, _sound_notices(audio)
            with translate_write_errors(folder / _ANALYSED_FILE):
                if audio.track is not None:
                    blocks = audio_blocks(audio.path, track=audio.track)
                    source = write_analysis_copy(blocks, folder / _ANALYSED_FILE)
                activity = move(source)
                gain_db = quiet_gain_db(activity)
                if gain_db:
                    blocks = audio_blocks(audio.path, track=audio.track, gain_db=gain_db)
                    source = write_analysis_copy(blocks, folder / _ANALYSED_FILE)
                    activity = move(source)
                    if activity.gate.any():
                        notices.append(Notice("recording_quiet"))
            if transcript is not None and not spoken_text:
                notices += save_transcript(transcript, activity.gate, folder)
            (folder / _ANALYSED_FILE).unlink(missing_ok=True)
        workspace = _wait_for(analysis, on_progress)[0]
        _report_progress(on_progress, analysis, total, total)
    workspace = _personalize(workspace, audio, model, on_progress, stopwatch)
    silence = 1 - float(activity.gate.mean())
    if workspace.person.successors:
        notices.append(Notice("other_person"))
    save_notices(folder, [*presenter_notices(workspace.presenter), *notices])
    save_checkpoint(workspace, silence)
    return workspace, audio, RenderStats(silence)


def _personalize(
    workspace: Workspace,
    audio: AudioInfo,
    model: LipModel,
    on_progress: OnProgress,
    stopwatch: Stopwatch,
) -> Workspace:
    """Learn the presenter's own mouths and choose one for every frame, where that is possible.

    Returns the workspace, with a plan that leaves memory for them.
    """
    roomy = with_atlas_memory(workspace, audio, model) if can_learn(workspace) else None
    if roomy is None:
        return workspace
    total = workspace.presenter.frames
    profile = Profile.load(workspace.profile_path)
    atlas = learn_atlas(
        roomy, profile, stopwatch, lambda done: on_progress(Progress("presenter", done, total))
    )
    if atlas is None:
        return workspace
    with stopwatch.stage("mouths"):
        choose_mouths(roomy, model, profile, atlas)
    return roomy


def _sound_notices(audio: AudioInfo) -> list[Notice]:
    """Return what the user should know about the sound, apart from its level."""
    notices = []
    if audio.track:
        notices.append(Notice("audio_track_chosen", 0.0, {"number": str(audio.track + 1)}))
    if has_opposite_channels(audio.path, audio.track):
        notices.append(Notice("channels_opposite"))
    return notices


@dataclass(frozen=True)
class _ProbedPresenter:
    """A probed presenter file; ``entry`` is its cache folder, ``cached`` the cached analysis."""

    info: PresenterInfo
    entry: PresenterEntry | None
    cached: CachedPresenter | None


def _probe(
    presenter: Path, cache: PresenterCache, config: Config, stopwatch: Stopwatch
) -> _ProbedPresenter:
    video = config.video
    with stopwatch.stage("presenter"):
        key = cache.key(presenter, config.face.index, video.max_fps, video.size)
        cached = cache.load_analysis(key, presenter) if key is not None else None
        info = open_presenter(presenter, video) if cached is None else cached.info
        return _ProbedPresenter(info, cache.entry(key) if key is not None else None, cached)


def _report_progress(
    on_progress: OnProgress, analysis: Future[_Analysis], total: int, done: int
) -> None:
    """Report the stage ``presenter`` until its analysis is done, then ``speech``."""
    if analysis.done():
        analysis.result()
        on_progress(Progress("speech", min(done, total), total))
    else:
        on_progress(Progress("presenter", 0, 1))


def _wait_for(analysis: Future[_Analysis], on_progress: OnProgress) -> _Analysis:
    """Return the result of the analysis; meanwhile, report progress."""
    while not wait([analysis], _POLL_S).done:
        on_progress(Progress("presenter", 0, 1))
    return analysis.result()


@contextmanager
def _set_on_error(stop: Event) -> Iterator[None]:
    """Set ``stop`` when an exception leaves the block: the other thread must not go on for long."""
    try:
        yield
    except BaseException:
        stop.set()
        raise


def _raise_if_set(stop: Event) -> None:
    if stop.is_set():
        raise Cancelled("cancelled")


def _analyse(
    folder: Path,
    probing: Future[_ProbedPresenter],
    audio: AudioInfo,
    model: LipModel,
    config: Config,
    learning: PresenterLearning,
    stopwatch: Stopwatch,
) -> _Analysis:
    """Make the plan, analyse the presenter, learn, and save the profile in the workspace."""
    probed = probing.result()
    info, entry, cached = probed.info, probed.entry, probed.cached
    plan = plan_for(info, audio, config, NetworkFootprint.of(model))
    with stopwatch.stage("presenter"):
        if cached is None:
            cached = CachedPresenter(
                info, *analyse_presenter(info, config.face.index, plan.threads, model)
            )
            if entry is not None:
                entry.store_analysis(cached)
    with stopwatch.stage("learning"):
        enrolment = learning.learn(cached, entry)
    cache = entry.folder if entry is not None else None
    workspace = Workspace(
        folder,
        info,
        cached.person,
        model.manifest,
        model.precision,
        config,
        plan,
        enrolment.report(),
        cache,
    )
    cached.profile.save(workspace.profile_path)
    return workspace, enrolment


def presenter_cache(config: Config, model: LipModel) -> PresenterCache:
    """Return the cache of presenter analyses.

    It is disabled for Wav2Lip models, which need landmarks that the cache does not store.
    """
    limit_mb = config.cache.max_presenters_mb if model.manifest.kind == "lectern" else 0
    digest = model.manifest.digest(model.precision)
    return PresenterCache(config.root / "cache" / "presenters", limit_mb, digest)
