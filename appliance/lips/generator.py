"""The two kinds of generator behind one interface: look at a frame, run a batch, paint the answers.

``look`` and ``paint`` are cheap and run on the CPU; ``run`` is the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from appliance.face.pose import fit_pose
from appliance.face.sampling import Matrix, Planes, chroma_matrix, compose, sample_plane
from appliance.face.track import Sighting
from appliance.lips.composite import Answer, Reference, mouth_mask, paint
from appliance.lips.geometry import to_face_frame
from appliance.lips.maps import draw_maps
from appliance.lips.motion import Basis
from appliance.lips.presenter import Profile, fraction_matrix, mouth_in_patch
from appliance.lips.provider import Network

Array = npt.NDArray[np.float32]

_PATCH = 96
# Gums, tongue and shadow differ from the lips by less than this, in 0..1 of the chroma bytes.
_COLOUR_REACH = 0.05


class Generator(Protocol):
    """Moves the mouth of one presenter."""

    def look(self, picture: Planes, face: Sighting, speech: Array, strength: float) -> Look:
        """Take from ``picture`` what the network needs to make ``face`` say ``speech``.

        ``strength`` in 0..1 fades the painting out towards frames that stay untouched.
        """
        ...

    def run(self, looks: list[Look]) -> list[Answer]:
        """The network's answers, in order."""
        ...

    def paint(self, picture: Planes, look: Look, answer: Answer) -> None:
        """Blend an answer into the writable ``picture``."""
        ...


@dataclass(frozen=True)
class Look:
    """A frame as the network sees it: its inputs by name (without the batch axis), the map from
    patch fractions to picture pixels, and the soft mask."""

    inputs: dict[str, Array]
    matrix: Matrix
    mask: Array


class LecternGenerator:
    """Our own renderer: the presenter's pixels moved, only the missing painted."""

    def __init__(self, network: Network, basis: Basis, profile: Profile, amplitude: float) -> None:
        self._network = network
        self._basis = basis
        self._profile = profile
        self._amplitude = amplitude * profile.amplitude
        self._reference = _patch(profile.reference, profile.reference.matrix)

    def look(self, picture: Planes, face: Sighting, speech: Array, strength: float) -> Look:
        pose = fit_pose(face.points)
        shape = to_face_frame(face.points, pose)
        own = self._basis.coefficients(shape - self._profile.rest)
        wanted = self._amplitude * speech.astype(np.float64)
        moved = shape + self._basis.displacement(wanted - own)
        matrix = fraction_matrix(pose)
        source = mouth_in_patch(matrix, face.points)
        shift = pose.project(moved)[:, :2] - pose.project(shape)[:, :2]
        target = source + (shift @ np.linalg.inv(matrix[:, :2]).T).astype(np.float32)
        y, uv = _patch(picture, matrix)
        inputs = {
            "source_y": y,
            "source_uv": uv,
            "reference_y": self._reference[0],
            "reference_uv": self._reference[1],
            "maps": draw_maps(source, target, self._profile.reference.points),
        }
        return Look(inputs, matrix, mouth_mask(source, target) * np.float32(strength))

    def run(self, looks: list[Look]) -> list[Answer]:
        inputs = {name: np.stack([look.inputs[name] for look in looks]) for name in looks[0].inputs}
        out = self._network(inputs)
        flow, weights = _last(out["flow"]), _last(out["weights"])
        fill_uv = _last(out["fill_uv"])
        return [
            Answer(flow[i], weights[i], out["fill_y"][i, 0], _plausible(fill_uv[i], look))
            for i, look in enumerate(looks)
        ]

    def paint(self, picture: Planes, look: Look, answer: Answer) -> None:
        paint(picture, look.matrix, answer, look.mask, self._profile.reference)


def _patch(picture: Planes | Reference, matrix: Matrix) -> tuple[Array, Array]:
    """The (1, 96, 96) luma and (2, 48, 48) chroma under the patch, in 0..1."""
    pixels = compose(
        matrix, np.array([[1 / _PATCH, 0, 0.5 / _PATCH], [0, 1 / _PATCH, 0.5 / _PATCH]])
    )
    y = sample_plane(picture.y, pixels, _PATCH, _PATCH)[None]
    half = chroma_matrix(pixels)
    uv = [sample_plane(c, half, _PATCH // 2, _PATCH // 2) for c in (picture.u, picture.v)]
    scale = np.float32(1 / 255)
    return y.astype(np.float32) * scale, np.stack(uv).astype(np.float32) * scale


def _plausible(fill_uv: Array, look: Look) -> Array:
    """The paint's colour (48, 48, 2), held near that of the presenter's own mouth."""
    lips = look.inputs["maps"][0] > 0.5
    if not lips.any():
        return fill_uv
    own = look.inputs["source_uv"][:, lips].mean(axis=1)
    return np.clip(fill_uv, own - _COLOUR_REACH, own + _COLOUR_REACH).astype(np.float32)


def _last(batch: Array) -> Array:
    """Channels last, contiguous, as OpenCV wants them."""
    return np.ascontiguousarray(batch.transpose(0, 2, 3, 1))
