"""Learn from a presenter without rendering anything, and describe what was learned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

from appliance.config import Config, apply_overrides
from appliance.enrolment.enrolment import Enrolment, Mode
from appliance.files.learning_recordings import find_recording
from appliance.inference.manifest import load_manifest
from appliance.lips.model import LipModel
from appliance.media.container import check_file
from appliance.render.prepare import presenter_cache
from appliance.render.presenter_learning import PresenterLearning, load_or_analyse
from appliance.render.render import MODELS_FOLDER


class EnrolmentSummary(TypedDict):
    """What was learned from a presenter, ready for JSON.

    ``mode`` is ``None`` if nothing was tried yet. ``enabled`` is whether videos use it,
    ``recording`` whether there is a recording for learning. ``offset_ms``, ``speech_s`` and
    ``cv_gain`` are those of the report of a video; ``missing`` lists the mouth shapes that hardly
    occur (``ah``, ``oh``, ``ee``).
    """

    mode: Mode | None
    enabled: bool
    recording: bool
    offset_ms: int | None
    speech_s: float
    cv_gain: float
    missing: list[str]


def enrol(
    presenter: Path, config: Config, *, learn: bool = True, check: Callable[[], None] = lambda: None
) -> EnrolmentSummary:
    """Return what was learned from a presenter; with ``learn``, learn now if that was not done.

    Learning works also where videos do not use it. ``check`` is called regularly; an exception that
    it raises stops the work. Raises the ``BadInput`` and ``Fault`` of every file that is read.
    """
    check_file(presenter)
    wanted = apply_overrides(config, {"personalization": {"motion": "auto"}})
    lips = config.lips
    manifest = load_manifest(lips.model, MODELS_FOLDER)
    model = LipModel.open(manifest, lips.precision, lips.providers)
    cache = presenter_cache(config, model)
    learning = PresenterLearning(model, wanted, cache, check=check)
    found: Enrolment | None = None
    if learn:
        analysis, entry = load_or_analyse(presenter, config, cache, config.face.index, model)
        found = learning.learn(analysis, entry)
    else:
        key = cache.key(presenter, config.face.index, config.video.max_fps, config.video.size)
        known = cache.load_analysis(key, presenter) if key is not None else None
        place = cache.entry(key) if key is not None and known is not None else None
        if known is not None and place is not None:
            found = learning.known(known, place)
    return _summary(found, config, find_recording(config.root, presenter) is not None)


def _summary(found: Enrolment | None, config: Config, recording: bool) -> EnrolmentSummary:
    report = (found or Enrolment("no_sound")).report()
    return {
        "mode": None if found is None else found.mode,
        "enabled": config.personalization.motion != "off",
        "recording": recording,
        "offset_ms": report["offset_ms"],
        "speech_s": report["speech_s"],
        "cv_gain": report["motion"]["cv_gain"],
        "missing": found.shapes.missing if found is not None and found.shapes is not None else [],
    }
