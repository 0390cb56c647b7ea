"""The two kinds of generator behind one interface: prepare inputs, run a batch, composite outputs.

``look`` and ``paint`` are cheap and run on the CPU; ``run`` is the network.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from appliance.face.sampling import Matrix, Planes, chroma_matrix, sample_plane
from appliance.face.track import Sighting
from appliance.lips.composite import Answer, Reference, mouth_mask, paint
from appliance.lips.geometry import to_face_frame
from appliance.lips.layers import MAPS, Patch, inputs, layers, own_teeth
from appliance.lips.maps import draw_maps
from appliance.lips.motion import Basis
from appliance.lips.presenter import (
    PATCH,
    Profile,
    fraction_matrix,
    mouth_in_patch,
    pixel_matrix,
)
from appliance.lips.provider import Network

Array = npt.NDArray[np.float32]

# The chroma of gums, tongue and shadow differs from that of the lips by less than this, in 0..1 of
# the byte values.
_COLOUR_REACH = 0.05


class Generator(Protocol):
    """Moves the mouth of one presenter."""

    def look(self, picture: Planes, face: Sighting, speech: Array, strength: float) -> Look:
        """Prepare the network's input to move ``face`` in ``picture`` according to ``speech``.

        ``speech`` is the mouth motion at this frame: coefficients (K,), or the mel (80, 16) for
        Wav2Lip. ``strength`` in 0..1 fades the effect out towards frames that stay unchanged.
        """
        ...

    def run(self, looks: list[Look]) -> list[Answer]:
        """Return the network's outputs for ``looks``, in order."""
        ...

    def paint(self, picture: Planes, look: Look, answer: Answer) -> None:
        """Blend an output into the writable ``picture``."""
        ...


@dataclass(frozen=True)
class Look:
    """The network's input for one frame.

    ``inputs`` are the network's inputs by name (without the batch axis), ``matrix`` maps patch
    fractions to picture pixels, and ``mask`` is the soft mask.
    """

    inputs: dict[str, Array]
    matrix: Matrix
    mask: Array


class LecternGenerator:
    """Lectern's own renderer: moves the presenter's pixels and fills in only what is missing."""

    def __init__(self, network: Network, basis: Basis, profile: Profile, amplitude: float) -> None:
        self._network = network
        self._basis = basis
        self._profile = profile
        self._amplitude = amplitude * profile.amplitude
        self._reference = _patch(profile.reference, profile.reference.matrix)

    def look(self, picture: Planes, face: Sighting, speech: Array, strength: float) -> Look:
        pose = face.pose
        shape = to_face_frame(face.points, pose)
        own = self._basis.coefficients(shape - self._profile.rest)
        wanted = self._amplitude * speech.astype(np.float64)
        moved = shape + self._basis.displacement(wanted - own)
        matrix = fraction_matrix(pose)
        source = mouth_in_patch(matrix, face.points)
        shift = pose.project(moved)[:, :2] - pose.project(shape)[:, :2]
        target = source + (shift @ np.linalg.inv(matrix[:, :2]).T).astype(np.float32)
        maps = draw_maps(source, target, self._profile.reference.points)
        seen = inputs(_patch(picture, matrix), self._reference, maps)
        return Look(seen, matrix, mouth_mask(source, target) * np.float32(strength))

    def run(self, looks: list[Look]) -> list[Answer]:
        seen = {name: np.stack([look.inputs[name] for look in looks]) for name in looks[0].inputs}
        answers = self._network(seen)["answer"]
        return [_layers(answer, look) for answer, look in zip(answers, looks, strict=True)]

    def paint(self, picture: Planes, look: Look, answer: Answer) -> None:
        paint(picture, look.matrix, answer, look.mask, self._profile.reference)


def _patch(picture: Planes | Reference, matrix: Matrix) -> Patch:
    """Return the pixels under the patch in the network's format."""
    pixels = pixel_matrix(matrix)
    y = sample_plane(picture.y, pixels, PATCH, PATCH)[None]
    half = chroma_matrix(pixels)
    uv = [sample_plane(c, half, PATCH // 2, PATCH // 2) for c in (picture.u, picture.v)]
    return _centred(y), _centred(np.stack(uv))


def _centred(pixels: npt.NDArray[np.uint8]) -> Array:
    return pixels * np.float32(1 / 255) - np.float32(0.5)


def _layers(answer: Array, look: Look) -> Answer:
    """Decode ``answer`` and limit the fill's colour to near that of the presenter's own mouth."""
    cells = look.inputs["cells"]
    found = layers(answer, cells[MAPS])
    own_teeth(found, cells[MAPS])
    lips = cells[MAPS][0] > 0.5
    if not lips.any():
        return found
    own = cells[:2, lips].mean(axis=1) + np.float32(0.5)
    colour = np.clip(found.fill_uv, own - _COLOUR_REACH, own + _COLOUR_REACH)
    return replace(found, fill_uv=colour)
