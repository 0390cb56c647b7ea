"""Learn from a presenter's own recording, once: the result is stored beside the profile."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import appliance.enrolment
import appliance.speech
from appliance.config import Config
from appliance.enrolment.enrolment import Enrolment, learn
from appliance.errors import BadInput, Cancelled, Fault
from appliance.files.learning_recordings import find_recording
from appliance.lips.model import LipModel
from appliance.lips.speech_motion import SpeechMotion
from appliance.media.probe import probe_audio
from appliance.render import presenter_recording
from appliance.render.presenter_analysis import analyse_presenter
from appliance.render.presenter_cache import CachedPresenter, PresenterCache, PresenterEntry
from appliance.render.presenter_file import open_presenter
from appliance.render.presenter_recording import FeatureEncoder, read_stretches
from appliance.speech.speech_encoder import DESCRIPTION, StudentEncoder, model_folder

log = logging.getLogger("lectern.render")

OpenEncoder = Callable[[], FeatureEncoder]


@dataclass(frozen=True)
class PresenterLearning:
    """Learns from presenters with the settings of one render.

    ``open_encoder`` raises ``Fault`` if the speech encoder is not installed. ``check`` is called
    regularly; an exception that it raises stops the work.
    """

    model: LipModel
    config: Config
    cache: PresenterCache
    open_encoder: OpenEncoder = StudentEncoder.open
    check: Callable[[], None] = lambda: None

    def learn(self, presenter: CachedPresenter, entry: PresenterEntry | None) -> Enrolment:
        """Return what can be learned from the presenter, from ``entry`` if it is known.

        A presenter of the library may have a recording for learning; the clip itself is used if
        there is none, or nothing can be learned from it. A file without sound, or with sound that
        cannot be read, is no error.
        """
        if self.config.personalization.motion == "off":
            return Enrolment("off")
        if self.model.manifest.kind != "lectern":
            return Enrolment("no_encoder")
        motion = self.model.speech_motion.without_scores()
        recording = find_recording(self.config.root, presenter.info.path)
        if presenter.info.is_still and recording is None:
            return Enrolment("no_sound")
        key = self._key(recording)
        found = entry.load_enrolment(key) if entry is not None else None
        if found is not None:
            return found
        try:
            found = self._learn(presenter, recording, entry, motion)
        except Cancelled:
            raise
        except Fault as error:  # the video is still worth making
            log.warning("nothing is learned from the presenter: %s", error)
            return Enrolment("no_encoder")
        if entry is not None:
            entry.store_enrolment(key, found)
        return found

    def _learn(
        self,
        presenter: CachedPresenter,
        recording: Path | None,
        entry: PresenterEntry | None,
        motion: SpeechMotion,
    ) -> Enrolment:
        """Learn from the recording, or else from the clip.

        Raises ``Fault`` without a speech encoder that works.
        """
        encoder = self.open_encoder()
        found = Enrolment("no_sound")
        if recording is not None:
            found = self._learn_from_recording(recording, presenter, motion, encoder)
        if found.motion is None and not presenter.info.is_still:
            own = self._learn_from(presenter, presenter, entry, motion, encoder)
            if own.motion is not None or recording is None:
                found = own
        return found

    def known(self, presenter: CachedPresenter, entry: PresenterEntry) -> Enrolment | None:
        """Return what was learned before; ``None`` if it is not, or no longer, in the cache."""
        if self.model.manifest.kind != "lectern":
            return None
        recording = find_recording(self.config.root, presenter.info.path)
        return entry.load_enrolment(self._key(recording))

    def _learn_from_recording(
        self,
        path: Path,
        presenter: CachedPresenter,
        motion: SpeechMotion,
        encoder: FeatureEncoder,
    ) -> Enrolment:
        try:
            analysis, entry = load_or_analyse(
                path, self.config, self.cache, face_number=0, model=self.model
            )
        except BadInput as error:
            log.warning("nothing is learned from %s: %s", path.name, error)
            return Enrolment("no_sound")
        return self._learn_from(analysis, presenter, entry, motion, encoder)

    def _learn_from(
        self,
        source: CachedPresenter,
        presenter: CachedPresenter,
        entry: PresenterEntry | None,
        motion: SpeechMotion,
        encoder: FeatureEncoder,
    ) -> Enrolment:
        """Learn from the file of ``source``, for the clip of ``presenter``."""
        info = source.info
        try:
            stretches = read_stretches(
                info,
                source.person,
                probe_audio(info.path),
                encoder,
                self.model.manifest.motion["offset_s"],
                entry,
                self.check,
            )
        except BadInput as error:
            log.info("nothing is learned from %s: %s", info.path.name, error)
            return Enrolment("no_sound")
        return learn(
            stretches, motion, self.model.basis, source.profile.rest, presenter.profile.amplitude
        )

    def _key(self, recording: Path | None) -> str:
        """Return a key of everything that the result depends on, besides the presenter's file."""
        digest = hashlib.sha256(_code_digest())
        for role in ("motion", "basis"):
            digest.update(self.model.manifest.entry(role, self.model.precision).sha256.encode())
        digest.update((model_folder() / DESCRIPTION).read_bytes())
        if recording is not None:
            video = self.config.video
            key = self.cache.key(recording, 0, video.max_fps, video.size)
            digest.update(str(key or recording.stat()).encode())
        return digest.hexdigest()[:16]


def load_or_analyse(
    path: Path, config: Config, cache: PresenterCache, face_number: int, model: LipModel
) -> tuple[CachedPresenter, PresenterEntry | None]:
    """Return the analysis of a presenter's file and its place in the cache.

    It is made and stored now if it is not there. Raises the ``BadInput`` of
    :func:`~appliance.media.probe.probe_presenter` and
    :func:`~appliance.render.presenter_analysis.analyse_presenter`.
    """
    video = config.video
    key = cache.key(path, face_number, video.max_fps, video.size)
    entry = cache.entry(key) if key is not None else None
    analysis = cache.load_analysis(key, path) if key is not None else None
    if analysis is None:
        info = open_presenter(path, config.video)
        analysis = CachedPresenter(info, *analyse_presenter(info, face_number, 1, model))
        if entry is not None:
            entry.store_analysis(analysis)
    return analysis, entry


def _code_digest() -> bytes:
    """Return a digest of the code that learns; results of other versions are not reused."""
    digest = hashlib.sha256()
    paths = [Path(__file__), Path(presenter_recording.__file__)]
    for package in (appliance.enrolment, appliance.speech):
        paths += sorted(Path(package.__path__[0]).glob("*.py"))
    for path in paths:
        digest.update(path.read_bytes())
    return digest.digest()
