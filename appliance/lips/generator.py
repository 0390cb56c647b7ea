"""The two kinds of generator behind one interface: prepare inputs, run a batch, composite outputs.

``prepare`` and ``composite`` are cheap and run on the CPU; ``run`` is the network.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from appliance.face.sampling import Matrix, Planes, chroma_matrix, sample_plane
from appliance.face.track import FaceLandmarks
from appliance.inference.network import Network
from appliance.lips.composite import ReferencePatch, RendererOutput, composite, mouth_mask
from appliance.lips.geometry import to_face_frame
from appliance.lips.motion import MotionBasis
from appliance.lips.profile import (
    PATCH_SIZE,
    Profile,
    fraction_matrix,
    mouth_in_patch,
    pixel_matrix,
)
from appliance.lips.renderer_io import (
    MAPS,
    PatchImage,
    decode_output,
    network_inputs,
    prefer_reference_teeth,
)
from appliance.lips.shape_maps import draw_maps

Array = npt.NDArray[np.float32]

# The chroma of gums, tongue and shadow differs from that of the lips by less than this, in 0..1 of
# the byte values.
_MAX_CHROMA_OFFSET = 0.05


class Generator(Protocol):
    """Moves the mouth of one presenter."""

    def prepare(
        self, picture: Planes, face: FaceLandmarks, motion: Array, strength: float
    ) -> GeneratorInput:
        """Prepare the network's input to move ``face`` in ``picture`` according to ``motion``.

        ``motion`` is the mouth motion at this frame: coefficients (K,), or the mel (80, 16) for
        Wav2Lip. ``strength`` in 0..1 fades the effect out towards frames that stay unchanged.
        """
        ...

    def run(self, inputs: list[GeneratorInput]) -> list[RendererOutput]:
        """Return the network's outputs for ``inputs``, in order."""
        ...

    def composite(
        self, picture: Planes, generator_input: GeneratorInput, output: RendererOutput
    ) -> None:
        """Blend an output into the writable ``picture``."""
        ...


@dataclass(frozen=True)
class GeneratorInput:
    """The network's input for one frame.

    ``arrays`` are the network's inputs by name (without the batch axis), ``matrix`` maps patch
    fractions to picture pixels, and ``mask`` is the soft mask.
    """

    arrays: dict[str, Array]
    matrix: Matrix
    mask: Array


class LecternGenerator:
    """Lectern's own renderer: moves the presenter's pixels and fills in only what is missing."""

    def __init__(
        self, network: Network, basis: MotionBasis, profile: Profile, amplitude: float
    ) -> None:
        self._network = network
        self._basis = basis
        self._profile = profile
        self._amplitude = amplitude * profile.amplitude
        self._reference = _patch(profile.reference, profile.reference.matrix)
        direction = basis.opening_direction
        # Coefficients to add for each unit of opening: the smallest ones that open the mouth.
        self._extra_opening = (1 / profile.response - 1) * direction / (direction @ direction)

    def prepare(
        self, picture: Planes, face: FaceLandmarks, motion: Array, strength: float
    ) -> GeneratorInput:
        pose = face.pose
        shape = to_face_frame(face.points, pose)
        current = self._basis.coefficients(shape - self._profile.rest)
        target_coefficients = self._amplitude * motion.astype(np.float64)
        opening = max(float(target_coefficients @ self._basis.opening_direction), 0.0)
        target_coefficients += opening * self._extra_opening
        moved = shape + self._basis.displacement(target_coefficients - current)
        matrix = fraction_matrix(pose)
        source = mouth_in_patch(matrix, face.points)
        shift = pose.project(moved)[:, :2] - pose.project(shape)[:, :2]
        target = source + (shift @ np.linalg.inv(matrix[:, :2]).T).astype(np.float32)
        maps = draw_maps(source, target, self._profile.reference.points)
        arrays = network_inputs(_patch(picture, matrix), self._reference, maps)
        return GeneratorInput(arrays, matrix, mouth_mask(source, target) * np.float32(strength))

    def run(self, inputs: list[GeneratorInput]) -> list[RendererOutput]:
        arrays = [item.arrays for item in inputs]
        batch = {name: np.stack([item[name] for item in arrays]) for name in arrays[0]}
        outputs = self._network(batch)["answer"]
        return [
            _decode(values, item["cells"]) for values, item in zip(outputs, arrays, strict=True)
        ]

    def composite(
        self, picture: Planes, generator_input: GeneratorInput, output: RendererOutput
    ) -> None:
        composite(
            picture,
            generator_input.matrix,
            output,
            generator_input.mask,
            self._profile.reference,
        )


def _patch(picture: Planes | ReferencePatch, matrix: Matrix) -> PatchImage:
    """Return the pixels under the patch in the network's format."""
    pixels = pixel_matrix(matrix)
    y = sample_plane(picture.y, pixels, PATCH_SIZE, PATCH_SIZE)[None]
    half = chroma_matrix(pixels)
    uv = [sample_plane(c, half, PATCH_SIZE // 2, PATCH_SIZE // 2) for c in (picture.u, picture.v)]
    return _normalize(y), _normalize(np.stack(uv))


def _normalize(pixels: npt.NDArray[np.uint8]) -> Array:
    return pixels * np.float32(1 / 255) - np.float32(0.5)


def _decode(values: Array, cells: Array) -> RendererOutput:
    """Decode the network's output; limit the fill's colour to near that of the presenter's mouth.

    ``cells`` is the network's input of that name.
    """
    output = decode_output(values, cells[MAPS])
    prefer_reference_teeth(output, cells[MAPS])
    lips = cells[MAPS][0] > 0.5
    if not lips.any():
        return output
    lip_chroma = cells[:2, lips].mean(axis=1) + np.float32(0.5)
    colour = np.clip(
        output.fill_uv, lip_chroma - _MAX_CHROMA_OFFSET, lip_chroma + _MAX_CHROMA_OFFSET
    )
    return replace(output, fill_uv=colour)
