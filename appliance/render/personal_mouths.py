"""The presenter's own mouths in a lecture: learned, chosen for every frame, painted.

Everything is decided before the first chunk and saved in the workspace: which frames show a mouth
of the presenter, and which one. A presenter without enough mouths is left to the network.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from appliance.atlas.atlas import MIN_MOUTHS, Atlas
from appliance.atlas.learn import AtlasBuilder
from appliance.atlas.mixing import NETWORK, MouthMix, blend_jumps, longest_hold
from appliance.atlas.paint import MouthInput, MouthPainter
from appliance.atlas.path import WantedMouths, find_path
from appliance.atlas.wanted import WantedShapes
from appliance.errors import BadInput
from appliance.face.sampling import Planes
from appliance.face.track import FaceLandmarks
from appliance.files.atomic import write_bytes
from appliance.lips.generator import Generator
from appliance.lips.model import LipModel
from appliance.lips.motion import Motion
from appliance.lips.profile import Profile
from appliance.media.pingpong import pingpong
from appliance.media.probe import AudioInfo
from appliance.render.mouth_trial import MouthTrial, decide, next_gain
from appliance.render.plan import ATLAS_MEMORY_MB, NetworkFootprint, plan_for
from appliance.render.presenter_cache import PresenterEntry
from appliance.render.presenter_frames import open_frames
from appliance.render.progress import Stopwatch
from appliance.render.workspace import Workspace
from appliance.system.malloc import trim_heap

Array = npt.NDArray[np.float32]

ATLAS_BYTES = 56_000_000
"""Limit of the pixels of an atlas; with shapes and thumbnails it stays below 60 MB at 1080p."""

_MAX_FRAMES = 30_000  # of a presenter: 20 minutes; learning from more would take too long
_TRIAL_FRAMES = 1000  # output frames from which those of the trial are taken
_BLOCK = 256  # output frames per step of the search
_SPEECH = 1e-3  # the coefficients of silence are smaller
_MAX_HELD_S = 0.2  # a mouth that stands still for longer while there is speech is noticed

OnFrame = Callable[[int], None]


def can_learn(workspace: Workspace) -> bool:
    """Return whether the presenter's own mouths may be used at all."""
    presenter = workspace.presenter
    return (
        workspace.config.personalization.mouth == "auto"
        and workspace.manifest.kind == "lectern"
        and MIN_MOUTHS <= presenter.frames <= _MAX_FRAMES
    )


def with_atlas_memory(workspace: Workspace, audio: AudioInfo, model: LipModel) -> Workspace | None:
    """Return ``workspace`` with a plan that leaves memory for an atlas; ``None`` if none fits."""
    plan = workspace.plan
    try:
        roomy = plan_for(
            workspace.presenter, audio, workspace.config, NetworkFootprint.of(model),
            budget_mb=plan.budget_mb, extra_mb=ATLAS_MEMORY_MB,
        )  # fmt: skip
    except BadInput:
        return None
    return replace(workspace, plan=replace(roomy, chunk_frames=plan.chunk_frames))


def learn_atlas(
    workspace: Workspace, profile: Profile, stopwatch: Stopwatch, on_frame: OnFrame
) -> Atlas | None:
    """Return the atlas of the presenter, from the cache or learned now; ``None`` without one.

    ``on_frame`` is called with the number of frames that were read; an exception that it raises
    stops the work.
    """
    folder = workspace.cache_folder
    entry = PresenterEntry(folder) if folder is not None else None
    if entry is not None:
        known, atlas = entry.load_atlas()
        if known:
            return atlas
    limits = workspace.config.face
    builder = AtlasBuilder(profile, limits.max_yaw_deg, limits.min_confidence, ATLAS_BYTES)
    frames = open_frames(workspace)
    try:
        tracked = frames.frames_for(0, workspace.presenter.frames, Stopwatch())
        for number, frame in enumerate(tracked, 1):
            with stopwatch.stage("mouths"):
                builder.add(frame.picture, frame.face if frame.presence == 1 else None)
            on_frame(number)
    finally:
        frames.close()
    with stopwatch.stage("mouths"):
        atlas = builder.atlas()
    if entry is not None:
        entry.store_atlas(atlas)
    del builder
    trim_heap()
    return atlas


def choose_mouths(workspace: Workspace, model: LipModel, profile: Profile, atlas: Atlas) -> None:
    """Choose a mouth for every frame of the lecture; save atlas and choice in the workspace.

    They are not saved if the network's mouths were better in a trial. The decision is saved anyway.
    """
    plan = workspace.plan
    motion = _load_motion(workspace)
    shapes = _wanted_shapes(workspace, model, profile, atlas, 1.0)
    frames = np.array([pingpong(t, workspace.presenter.frames) for t in range(plan.frames)])
    generator = model.generator(profile, workspace.config.lips.amplitude)
    gain, decision = _try_mouths(workspace, shapes, atlas, motion, frames, generator)
    report: dict[str, float | str] = {"decision": decision, "frames": len(atlas)}
    write_bytes(workspace.decision_path, json.dumps(report).encode())
    if decision != "own":
        return
    shapes = replace(shapes, gain=gain)
    mix, speaking = _find_mouths(workspace, shapes, atlas, motion, frames)
    mix.first[~atlas.track.belongs[frames]] = NETWORK
    atlas.save(workspace.atlas_path)
    mix.save(workspace.mouths_path, speaking, shapes.gain)


def _try_mouths(
    workspace: Workspace,
    shapes: WantedShapes,
    atlas: Atlas,
    motion: Motion,
    frames: npt.NDArray[np.int_],
    generator: Generator,
) -> tuple[float, str]:
    """Return the gain of the opening and the decision of :mod:`.mouth_trial`.

    Up to three gains are tried. The one whose amplitude is nearest to one is used: nothing is used
    that was not measured.
    """
    part = frames[:_TRIAL_FRAMES]
    mix, speaking = _find_mouths(workspace, shapes, atlas, motion, part)
    trial = MouthTrial(workspace, motion, shapes, speaking & atlas.track.belongs[part])
    if not trial.is_possible():
        return 1.0, "no_speech"
    tried = [(1.0, trial.own(MouthPainter(atlas, shapes), mix))]
    while (gain := next_gain(tried)) is not None:
        louder = replace(shapes, gain=gain)
        mix, _ = _find_mouths(workspace, louder, atlas, motion, part)
        tried.append((gain, trial.own(MouthPainter(atlas, louder), mix)))
    gain, own = min(tried, key=lambda each: each[1].misfit)
    return gain, decide(own, trial.network(generator))


def _find_mouths(
    workspace: Workspace,
    shapes: WantedShapes,
    atlas: Atlas,
    motion: Motion,
    frames: npt.NDArray[np.int_],
) -> tuple[MouthMix, npt.NDArray[np.bool_]]:
    """Return the mouths of the first output frames, and where there is speech.

    ``frames`` (T,) are the presenter's frames that they show.
    """
    fps = workspace.plan.fps
    speaking = np.zeros(len(frames), bool)

    def wanted() -> Iterator[WantedMouths]:
        for start in range(0, len(frames), _BLOCK):
            stop = min(start + _BLOCK, len(frames))
            coefficients = motion.at_frames(fps, start, stop)
            speaking[start:stop] = np.abs(coefficients).max(axis=1) > _SPEECH
            spoken = shapes.spoken(coefficients).astype(np.float32)
            yield WantedMouths(spoken, frames[start:stop], speaking[start:stop])

    max_held = max(int(_MAX_HELD_S * fps) - 1, 1)
    return blend_jumps(atlas, find_path(atlas, wanted(), max_held)), speaking


def report_mouths(workspace: Workspace) -> dict[str, float | str]:
    """Return what the report says about the presenter's own mouths; empty if there are none."""
    if not workspace.decision_path.is_file():
        return {}
    report: dict[str, float | str] = json.loads(workspace.decision_path.read_bytes())
    if not workspace.atlas_path.is_file():
        return report
    mix, speaking, _ = MouthMix.load(workspace.mouths_path)
    return report | {
        "used": len(np.unique(mix.first[mix.first != NETWORK])),
        "network_frames": int(np.count_nonzero(mix.first == NETWORK)),
        "held_max_s": round(float(longest_hold(mix, speaking) / workspace.plan.fps), 3),
    }


class PersonalMouths:
    """The presenter's own mouths, for rendering chunks."""

    def __init__(self, painter: MouthPainter, mix: MouthMix) -> None:
        self._painter = painter
        self._mix = mix

    @classmethod
    def load(cls, workspace: Workspace, model: LipModel) -> PersonalMouths | None:
        """Load what :func:`choose_mouths` saved; ``None`` if the network draws all mouths."""
        if not workspace.atlas_path.is_file():
            return None
        atlas = Atlas.load(workspace.atlas_path)
        profile = Profile.load(workspace.profile_path)
        mix, _, gain = MouthMix.load(workspace.mouths_path)
        shapes = _wanted_shapes(workspace, model, profile, atlas, gain)
        return cls(MouthPainter(atlas, shapes), mix)

    def prepare(
        self, t: int, index: int, face: FaceLandmarks, motion: Array, strength: float
    ) -> MouthInput | None:
        """Return what to paint in output frame ``t``, which shows frame ``index`` of the presenter.

        Returns ``None`` if the network draws this frame. See :meth:`MouthPainter.prepare`.
        """
        mouths = self._mix.at(t)
        return self._painter.prepare(index, face, motion, mouths, strength) if mouths else None

    def paint(self, picture: Planes, item: MouthInput) -> None:
        """Paint into the writable ``picture``."""
        self._painter.paint(picture, item)


def _wanted_shapes(
    workspace: Workspace, model: LipModel, profile: Profile, atlas: Atlas, gain: float
) -> WantedShapes:
    amplitude = workspace.config.lips.amplitude * profile.amplitude
    return WantedShapes.of(atlas, model.basis, profile.rest, amplitude, gain)


def _load_motion(workspace: Workspace) -> Motion:
    info = workspace.manifest.motion
    return Motion.load(workspace.motion_path, info["rate_hz"], info["offset_s"])
