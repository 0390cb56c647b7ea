"""All steps before the first chunk: analyse presenter and lecture, in parallel."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from appliance.config import Config
from appliance.lips.model import LipModel
from appliance.media.probe import AudioInfo, PresenterInfo, probe_audio, probe_presenter
from appliance.render.clock import Stopwatch
from appliance.render.job import SPEECH, Job
from appliance.render.plan import Network, plan_for
from appliance.render.presenter import learn_presenter
from appliance.render.presenter_cache import Known, PresenterCache, PresenterEntry
from appliance.render.progress import Listener, Progress
from appliance.render.report import Outcome
from appliance.render.resume import recall, refit, remember
from appliance.render.speech import learn_speech
from appliance.render.voice import SOUND, is_text, speak


def prepare(
    place: Path,
    presenter: Path,
    lecture: Path,
    model: LipModel,
    config: Config,
    listen: Listener,
    watch: Stopwatch,
) -> tuple[Job, AudioInfo, Outcome]:
    """Return the job in ``place``, resumed from an earlier attempt or analysed and saved now.

    Also returns the lecture's sound and the statistics that the render adds to. Raises the
    ``BadInput`` and ``Fault`` of every file that is read, and ``BadInput("memory_too_small")``.
    """
    known = recall(place)
    if known is not None:
        job, silence = known
        with watch.stage("check"):
            sound = probe_audio(place / SOUND if is_text(lecture) else lecture)
            job = refit(job, sound, model, config)
        return job, sound, Outcome(silence)
    # The presenter is analysed in a second thread, while this one analyses the lecture.
    with ThreadPoolExecutor(1) as beside:
        measured = beside.submit(_measure, presenter, _cache(config, model), config, watch)
        if is_text(lecture):
            measured.result()  # check the presenter first: speech synthesis is slow
            listen(Progress("voice", 0, 1))
            with watch.stage("voice"):
                lecture = speak(lecture, place, config, lambda *at: listen(Progress("voice", *at)))
        listen(Progress("presenter", 0, 1))
        with watch.stage("speech"):
            sound = probe_audio(lecture)
        learned = beside.submit(_learn, place, measured, sound, model, config, watch)
        total = max(int(2 * sound.duration_s), 1)
        with watch.stage("speech"):
            tick = partial(_tell, listen, learned, total)
            activity = learn_speech(sound.path, model, place / SPEECH, tick)
        job = learned.result()
        _tell(listen, learned, total, total)
    silence = 1 - float(activity.gate.mean())
    remember(job, silence)
    return job, sound, Outcome(silence)


@dataclass(frozen=True)
class _Measured:
    """A probed presenter file; ``entry`` is its cache folder, ``known`` the cached analysis."""

    info: PresenterInfo
    entry: PresenterEntry | None
    known: Known | None


def _measure(presenter: Path, cache: PresenterCache, config: Config, watch: Stopwatch) -> _Measured:
    video = config.video
    with watch.stage("presenter"):
        key = cache.key(presenter, config.face.index, video.max_fps, video.size)
        known = cache.recall(key, presenter) if key is not None else None
        if known is None:
            info = probe_presenter(presenter, max_fps=video.max_fps, short_side=video.size)
        else:
            info = known.info
        return _Measured(info, cache.entry(key) if key is not None else None, known)


def _tell(listen: Listener, learned: Future[Job], total: int, heard: int) -> None:
    """Report the presenter's progress until that is analysed, then the lecture's."""
    if learned.done():
        learned.result()
        listen(Progress("speech", min(heard, total), total))
    else:
        listen(Progress("presenter", 0, 1))


def _learn(
    folder: Path,
    measured: Future[_Measured],
    sound: AudioInfo,
    model: LipModel,
    config: Config,
    watch: Stopwatch,
) -> Job:
    """Make the plan, analyse the presenter and save the profile in the workspace."""
    found = measured.result()
    info, entry, known = found.info, found.entry, found.known
    plan = plan_for(info, sound, config, Network.of(model))
    with watch.stage("presenter"):
        if known is None:
            known = Known(info, *learn_presenter(info, config.face.index, plan.threads))
            if entry is not None:
                entry.remember(known)
    cache = entry.folder if entry is not None else None
    job = Job(folder, info, known.person, model.manifest, model.precision, config, plan, cache)
    known.profile.save(job.profile)
    return job


def _cache(config: Config, model: LipModel) -> PresenterCache:
    """Return the cache of presenter analyses.

    It is disabled for Wav2Lip models, which need landmarks that the cache does not store.
    """
    limit_mb = config.cache.presenters_mb if model.manifest.kind == "lectern" else 0
    return PresenterCache(config.root / "cache" / "presenters", limit_mb)
