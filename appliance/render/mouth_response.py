"""Measure how far a painted mouth is read as open, compared with how far it was told to be.

The mesh that measures a presenter responds to a mouth by more or less than its opening, depending
on the person: it reads thin lips as nearly shut. A few frames are painted and measured, so that the
opening of the finished video is the wanted one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from appliance.atlas.atlas import PresenterTrack
from appliance.atlas.mixing import MouthMix
from appliance.atlas.paint import MouthPainter
from appliance.face.mesh import region_of_points
from appliance.face.networks import face_networks
from appliance.face.track import FaceLandmarks
from appliance.lips.geometry import mouth_opening, to_face_frame
from appliance.lips.motion import Motion
from appliance.render.presenter_frames import open_frames
from appliance.render.progress import Stopwatch
from appliance.render.workspace import Workspace

_INNER = 4  # the tip of the nose, a point inside the outline of the face
_PLACES = 8  # frames of the presenter that are painted over
_MOUTHS = 8  # mouths that are painted at each place
# A single frame is read with more contrast than the smoothed track of a video: by this factor, the
# median of four clips (1.11 to 1.36).
_SINGLE_FRAME = 1.25
# The response is made this much larger than wanted: what the mesh misreads does not grow with it.
_AIM = 1.08
_RANGE = (0.5, 1.6)  # of the response; others are not believed
_MIN_SPREAD = 0.004  # eye distances; from a smaller spread of openings nothing can be learned


def measure_response(
    workspace: Workspace,
    painter: MouthPainter,
    mix: MouthMix,
    motion: Motion,
    track: PresenterTrack,
    speaking: npt.NDArray[np.bool_],
) -> float:
    """Return by what to divide openings so that they are read as wanted.

    ``mix`` are the mouths of the first frames of the lecture, ``speaking`` whether there is speech.
    Returns 1 if it cannot be measured.
    """
    usable = np.flatnonzero(speaking[: len(mix.first)])
    places = np.flatnonzero(track.belongs)
    if len(usable) < _MOUTHS or not len(places):
        return 1.0
    places = places[np.linspace(0, len(places) - 1, _PLACES).astype(int)]
    times = usable[np.linspace(0, len(usable) - 1, _PLACES * _MOUTHS).astype(int)]
    _, mesh = face_networks()
    aspect = float(workspace.presenter.sar)
    told, read = [], []
    frames = open_frames(workspace)
    try:
        for number, place in enumerate(np.unique(places).tolist()):
            frame = next(iter(frames.frames_for(place, place + 1, Stopwatch())))
            if frame.face is None:
                continue
            # cached landmarks lack some points, but not those at the outline
            points = frame.face.points
            points = np.where(np.isnan(points), points[_INNER], points)
            region = region_of_points(points, aspect)
            for t in times[number::_PLACES].tolist():
                picture = frame.picture.writable()
                values = motion.at_frames(workspace.plan.fps, t, t + 1)[0]
                item = painter.prepare(place, frame.face, values, mix.at(t), 1.0)
                painter.paint(picture, item)
                points, confidence = mesh(picture, region, aspect)
                face = FaceLandmarks(points, confidence)
                told.append(float(mouth_opening(item.shape)))
                read.append(float(mouth_opening(to_face_frame(points, face.pose))))
    finally:
        frames.close()
    return fit_response(np.array(told), np.array(read))


def fit_response(told: npt.NDArray[np.float64], read: npt.NDArray[np.float64]) -> float:
    """Return by what to divide openings so that they are read as wanted.

    ``told`` and ``read`` (n,) are openings of single frames.
    """
    if len(told) < _MOUTHS or told.std() < _MIN_SPREAD:
        return 1.0
    slope = float(np.polyfit(told, read, 1)[0])
    return float(np.clip(slope / _SINGLE_FRAME, *_RANGE)) / _AIM
