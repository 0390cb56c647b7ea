"""Models with Wav2Lip's interface (Prajwal et al. 2020, arXiv 2008.10010), for users with weights.

Two inputs, distinguished by shape because exports name them differently: 0.2 s of mel (N, 1, 80,
16) and the face twice, BGR in 0..1 (N, 6, 96, 96): first with its lower half black, then complete.
The output is the face (N, 3, 96, 96). Only its mouth region is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from appliance.errors import BadInput
from appliance.face.sampling import Planes, sample_rgb
from appliance.face.track import FaceLandmarks
from appliance.inference.network import Network
from appliance.lips.composite import RendererOutput, composite, mouth_mask
from appliance.lips.generator import GeneratorInput
from appliance.lips.geometry import JAW_LINE
from appliance.lips.profile import mouth_in_patch

Array = npt.NDArray[np.float32]

FACE_SIZE = 96
MEL_STEPS = 16
MEL_RATE = 80.0  # 16 kHz, hop 200
# The mesh extends higher into the forehead than the boxes that Wav2Lip was trained with, which were
# padded below the chin instead.
_FOREHEAD_CROP, _BELOW_CHIN = 0.12, 0.06
_JAW_DROP = 0.08  # how far below the current chin a generated one may extend, in face heights


@dataclass(frozen=True)
class MelTrack:
    """The mel of the whole lecture, (80, T) float32, usually memory-mapped."""

    values: Array

    def at_frames(self, fps: Fraction, start: int, stop: int) -> Array:
        """Return the mel steps of each frame, (stop - start, 80, 16) float32.

        Those of frame ``t`` start at step ``int(80 · t / fps)``; at the end the last ones repeat.
        """
        last = max(self.values.shape[1] - MEL_STEPS, 0)
        rows = []
        for t in range(start, stop):
            begin = min(int(MEL_RATE * t / fps), last)
            part = self.values[:, begin : begin + MEL_STEPS]
            rows.append(np.pad(part, ((0, 0), (0, MEL_STEPS - part.shape[1])), mode="edge"))
        return np.stack(rows).astype(np.float32)

    @classmethod
    def load(cls, path: Path) -> MelTrack:
        """Memory-map what :func:`write_mel` wrote."""
        return cls(np.load(path, mmap_mode="r"))


def write_mel(path: Path, blocks: Iterable[Array]) -> None:
    """Store a stream of (80, T) mel blocks as one array, without holding it in memory."""
    raw = path.with_suffix(".raw")
    steps = 0
    with raw.open("wb") as file:
        for block in blocks:
            file.write(np.ascontiguousarray(block.T, np.float32).tobytes())
            steps += block.shape[1]
    mapped = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(80, steps))
    if steps:
        flat = np.memmap(raw, np.float32, "r", shape=(steps, 80))
        for begin in range(0, steps, 8192):
            mapped[:, begin : begin + 8192] = flat[begin : begin + 8192].T
    mapped.flush()
    raw.unlink()


class Wav2LipGenerator:
    """A network with Wav2Lip's interface as a ``Generator``.

    Raises ``BadInput("model_interface_mismatch")`` if its inputs have other shapes.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        by_shape = {len(shape) and shape[-1]: name for name, shape in network.inputs.items()}
        if set(by_shape) != {FACE_SIZE, MEL_STEPS}:
            raise BadInput("model_interface_mismatch", name=str(network.path.name))
        self._face, self._mel = by_shape[FACE_SIZE], by_shape[MEL_STEPS]

    def prepare(
        self, picture: Planes, face: FaceLandmarks, mel: Array, strength: float
    ) -> GeneratorInput:
        low = face.points[:, :2].min(axis=0).astype(np.float64)
        high = face.points[:, :2].max(axis=0).astype(np.float64)
        height = high[1] - low[1]
        low[1] += _FOREHEAD_CROP * height
        high[1] += _BELOW_CHIN * height
        width, height = high - low
        matrix = np.array([[width, 0, low[0] - 0.5], [0, height, low[1] - 0.5]])
        pixels = matrix @ np.array(
            [[1 / FACE_SIZE, 0, 0.5 / FACE_SIZE], [0, 1 / FACE_SIZE, 0.5 / FACE_SIZE], [0, 0, 1.0]]
        )
        bgr = (
            sample_rgb(picture, pixels, FACE_SIZE, FACE_SIZE)[..., ::-1].astype(np.float32) / 255.0
        )
        whole = bgr.transpose(2, 0, 1)
        masked = whole.copy()
        masked[:, FACE_SIZE // 2 :] = 0
        points = mouth_in_patch(matrix, face.points)
        lower = points.copy()
        lower[JAW_LINE, 1] = np.minimum(lower[JAW_LINE, 1] + _JAW_DROP, 1)
        mask = mouth_mask(points, lower) * np.float32(strength)
        return GeneratorInput(
            {self._face: np.concatenate([masked, whole]), self._mel: mel[None]}, matrix, mask
        )

    def run(self, inputs: list[GeneratorInput]) -> list[RendererOutput]:
        arrays = [item.arrays for item in inputs]
        batch = {name: np.stack([item[name] for item in arrays]) for name in arrays[0]}
        (faces,) = self._network(batch).values()
        return [_decode_face(face) for face in faces]

    def composite(
        self, picture: Planes, generator_input: GeneratorInput, output: RendererOutput
    ) -> None:
        composite(picture, generator_input.matrix, output, generator_input.mask, None)


def _decode_face(face: Array) -> RendererOutput:
    """Convert the network's ``face`` (3, 96, 96) to fill without flow, in limited-range BT.601."""
    bgr = np.clip(face.transpose(1, 2, 0), 0, 1)
    y, v, u = cv2.split(cv2.cvtColor(np.ascontiguousarray(bgr), cv2.COLOR_BGR2YCrCb))
    layers = np.zeros((FACE_SIZE, FACE_SIZE, 4), np.float32)
    layers[..., 2] = 1
    layers[..., 3] = (y * 219 + 16) / 255
    return RendererOutput(
        np.zeros((2, 2, 4), np.float32),
        layers,
        np.asarray(np.stack([u, v], axis=-1), np.float32),
    )
