"""Try the presenter's own mouths against the network's before the first chunk is rendered.

A few short runs of the lecture are rendered both ways, without encoding, and measured as the score
does: opening against the wanted one, lips too pale and insides too bright against the presenter's
own frames. The opening is corrected by what was measured, and the presenter's own mouths are used
only if they are not worse than the network's in any of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from appliance.atlas.mixing import MouthMix
from appliance.atlas.paint import MouthPainter
from appliance.atlas.wanted import WantedShapes
from appliance.face.mesh import region_of_points
from appliance.face.networks import face_networks
from appliance.face.track import CONTEXT_FRAMES, FaceLandmarks, smooth
from appliance.lips.generator import Generator
from appliance.lips.geometry import mouth_opening, to_face_frame
from appliance.lips.motion import Motion
from appliance.lips.response import FaceSample
from appliance.media.picture import Picture
from appliance.render.presenter_cache import CACHED_POINTS
from appliance.render.presenter_frames import open_frames
from appliance.render.progress import Stopwatch
from appliance.render.workspace import Workspace
from appliance.score.face_tracks import FaceMeasurement
from appliance.score.mouth_look import LookTrack
from appliance.score.yardstick import compare_looks

Array = npt.NDArray[np.float64]
Motion32 = npt.NDArray[np.float32]

GAIN_RANGE = (0.7, 1.6)
"""Of the correction of the opening; beyond it, mouths are pulled wider than they ever were."""

_RUNS, _LENGTH = 6, 15  # runs of consecutive output frames, spread over the lecture's beginning
_INNER = 4  # the tip of the nose, a point inside the outline of the face
_TOLERANCE = 0.02  # shares, and r: a smaller difference is noise
_GOOD_AMPLITUDE = 1.1  # a ratio nearer to one is not counted as worse
_MIN_SPREAD = 0.003  # eye distances; from a smaller spread of openings nothing can be learned


class MouthFigures(NamedTuple):
    """What was measured of one way to render the runs.

    ``r`` and ``amplitude`` are correlation and slope of the opening against the wanted one. As in
    :class:`~appliance.score.yardstick.LookComparison`, ``pale`` is the share of frames whose lip is
    too pale, the mean of both lips, and ``bright`` the share of those that are too bright inside; 0
    where they cannot be measured.
    """

    r: float
    amplitude: float
    pale: float
    bright: float

    @property
    def misfit(self) -> float:
        """How far the amplitude is from one: the absolute value of its logarithm."""
        return float(abs(np.log(max(self.amplitude, 0.01))))


class _Sample(NamedTuple):
    """One frame of a run: output frame ``t`` shows frame ``frame`` of the presenter."""

    t: int
    frame: int
    face: FaceSample
    motion: Motion32


class MouthTrial:
    """The runs of a lecture that are rendered for comparison.

    ``usable`` (T,) tells in which of the first output frames there is speech and the presenter's
    own mouths could be painted.
    """

    def __init__(
        self,
        workspace: Workspace,
        motion: Motion,
        shapes: WantedShapes,
        usable: npt.NDArray[np.bool_],
    ) -> None:
        self._aspect = float(workspace.presenter.sar)
        self._mesh = face_networks()[1]
        self._runs = list(_read_runs(workspace, motion, usable))
        wanted = [
            float(mouth_opening(shapes.spoken(sample.motion)))
            for run in self._runs
            for sample in run
        ]
        self._wanted = np.array(wanted)
        self._real = LookTrack(self._size)
        self._measure(lambda run: [sample.face.picture for sample in run], self._real)

    @property
    def _size(self) -> int:
        return len(self._runs) * (_LENGTH + 1)

    def is_possible(self) -> bool:
        """Return whether there is enough speech to compare anything."""
        return len(self._wanted) >= 2 * _LENGTH and float(self._wanted.std()) >= _MIN_SPREAD

    def network(self, generator: Generator) -> MouthFigures:
        """Measure the network's mouths."""

        def render(run: list[_Sample]) -> list[Picture]:
            inputs = [
                generator.prepare(sample.face.picture, sample.face.face, sample.motion, 1.0)
                for sample in run
            ]
            pictures = [sample.face.picture.writable() for sample in run]
            for picture, item, output in zip(pictures, inputs, generator.run(inputs), strict=True):
                generator.composite(picture, item, output)
            return pictures

        return self._figures(render)

    def own(self, painter: MouthPainter, mix: MouthMix) -> MouthFigures:
        """Measure the presenter's own mouths."""

        def render(run: list[_Sample]) -> list[Picture]:
            pictures = []
            for t, frame, sample, motion in run:
                picture = sample.picture.writable()
                item = painter.prepare(frame, sample.face, motion, mix.at(t), 1.0)
                painter.paint(picture, item)
                pictures.append(picture)
            return pictures

        return self._figures(render)

    def _figures(self, render: Callable[[list[_Sample]], list[Picture]]) -> MouthFigures:
        track = LookTrack(self._size)
        opening = self._measure(render, track)
        look, _ = compare_looks(track, self._real)
        spread = float(opening.std())
        r = float(np.corrcoef(self._wanted, opening)[0, 1]) if spread > 0 else 0.0
        amplitude = float(np.polyfit(self._wanted, opening, 1)[0])
        pale = ((look.pale_upper or 0.0) + (look.pale_lower or 0.0)) / 2
        return MouthFigures(r, amplitude, pale, look.bright_inside or 0.0)

    def _measure(self, render: Callable[[list[_Sample]], list[Picture]], track: LookTrack) -> Array:
        """Fill ``track``; return the openings, smoothed as those of a video are."""
        openings: list[float] = []
        padding: list[FaceLandmarks | None] = [None] * CONTEXT_FRAMES
        for number, run in enumerate(self._runs):
            faces: list[FaceLandmarks | None] = []
            for k, (sample, picture) in enumerate(zip(run, render(run), strict=True)):
                region = region_of_points(sample.face.face.points, self._aspect)
                face = FaceLandmarks(*self._mesh(picture, region, self._aspect))
                faces.append(face)
                measured = FaceMeasurement.of_points(face.points)
                track.add(number * (_LENGTH + 1) + k, picture, measured)
            padded = [*padding, *faces, *padding]
            for k in range(len(run)):
                smoothed = smooth(padded[k : k + 2 * CONTEXT_FRAMES + 1])
                if smoothed is not None:
                    shape = to_face_frame(smoothed.points, smoothed.pose)
                    openings.append(float(mouth_opening(shape)))
        return np.array(openings)


def decide(own: MouthFigures, network: MouthFigures) -> str:
    """Return ``own``, or for which reason the network draws all mouths.

    The reason is ``paler``, ``brighter`` (inside), ``opening`` (its size) or ``timing``.
    """
    limit = max(network.misfit + _TOLERANCE, float(np.log(_GOOD_AMPLITUDE)))
    for reason, is_worse in (
        ("paler", own.pale > network.pale + _TOLERANCE),
        ("brighter", own.bright > network.bright + _TOLERANCE),
        ("opening", own.misfit > limit),
        ("timing", own.r < network.r - _TOLERANCE),
    ):
        if is_worse:
            return reason
    return "own"


def next_gain(tried: Sequence[tuple[float, MouthFigures]]) -> float | None:
    """Return the gain of the opening to try next; ``None`` if no other is needed.

    ``tried`` are one or more gains with what was measured. The second gain makes up for the first
    amplitude. If one of both amplitudes is too small and the other too large, a third gain is
    interpolated between them: the mesh's reading does not grow evenly with the opening.
    """
    gains, amplitudes = zip(*((g, max(f.amplitude, 0.1)) for g, f in tried), strict=True)
    if len(tried) == 1:
        return float(np.clip(gains[0] / amplitudes[0], *GAIN_RANGE))
    (first, second), (low, high) = gains[:2], np.log(amplitudes[:2])
    is_good = min(abs(low), abs(high)) <= np.log(_GOOD_AMPLITUDE)
    if len(tried) > 2 or is_good or low * high >= 0:
        return None
    return float(first * (second / first) ** (low / (low - high)))


def find_runs(usable: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return (start, stop) of up to six runs of fifteen ``usable`` (T,) frames, spread evenly.

    Shorter stretches are not used; runs do not overlap.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], usable.astype(np.int8), [0]])))
    starts = [
        start
        for first, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
        for start in range(first, stop - _LENGTH + 1, _LENGTH)
    ]
    if not starts:
        return []
    chosen = np.unique(np.linspace(0, len(starts) - 1, _RUNS).round().astype(int))
    return [(starts[k], starts[k] + _LENGTH) for k in chosen.tolist()]


def _read_runs(
    workspace: Workspace, motion: Motion, usable: npt.NDArray[np.bool_]
) -> Iterator[list[_Sample]]:
    frames = open_frames(workspace)
    try:
        for start, stop in find_runs(usable):
            run = []
            values = motion.at_frames(workspace.plan.fps, start, stop)
            tracked = frames.frames_for(start, stop, Stopwatch())
            for t, frame, coefficients in zip(range(start, stop), tracked, values, strict=True):
                if frame.face is None:
                    break
                # Cached landmarks lack some points, but not those at the outline. The result must
                # not depend on whether they come from the cache.
                points = np.repeat(frame.face.points[[_INNER]], len(frame.face.points), axis=0)
                points[CACHED_POINTS] = frame.face.points[CACHED_POINTS]
                face = FaceLandmarks(points, frame.face.confidence)
                sample = FaceSample.cut(frame.picture, face)
                run.append(_Sample(t, frame.picture.index, sample, coefficients))
            if len(run) == _LENGTH:
                yield run
    finally:
        frames.close()
