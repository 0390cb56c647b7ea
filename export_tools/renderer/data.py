"""Training triples for the renderer: source, target and reference frame of one clip.

The renderer learns to move the source to the mouth shape of the target; no sound is needed.
Rotation, scale, stretch, mirroring, brightness, contrast and colour are random for every sample,
but equal for its three frames. This compensates for the few faces and the little variety of
lighting in the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from appliance.lips.shape_maps import TARGET_INNER, draw_maps
from export_tools.data.sizes import STORED_SIZE, VISIBLE_SIZE
from export_tools.renderer.network import HALF, PATCH

_INNER_WEIGHT = 4.0  # additional loss weight of a pixel between the lips


@dataclass(frozen=True)
class Batch:
    """The tensors of one training step, images in 0..1.

    ``loss_weight`` (B, 1, 96, 96) is the loss weight: high at the mouth and highest between the
    lips, because viewers perceive an inner mouth of the wrong size as the wrong sound.
    """

    source_y: Tensor
    source_uv: Tensor
    reference_y: Tensor
    reference_uv: Tensor
    target_y: Tensor
    target_uv: Tensor
    maps: Tensor
    loss_weight: Tensor

    def inputs(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return the inputs of the network."""
        return self.source_y, self.source_uv, self.reference_y, self.reference_uv, self.maps


class Patches:
    """The mouth patches of the clips named in ``included`` (``None``: all), a source of triples."""

    def __init__(self, path: Path, included: list[str] | None, main_speaker: str = "s1_") -> None:
        with np.load(path) as data:
            names = [str(n) for n in data["names"]]
            wanted = set(names if included is None else included)
            chosen = [i for i, name in enumerate(names) if name in wanted]
            mask = np.isin(data["clip"], chosen)
            clip = data["clip"][mask]
            self.y, self.uv = data["y"][mask], data["uv"][mask]
            self.points = data["points"][mask]
        self.clips = [np.flatnonzero(clip == i) for i in chosen]
        self.clips = [frames for frames in self.clips if len(frames) > 8]
        self.names = [names[i] for i in chosen]
        top, bottom = self.points[:, 35], self.points[:, 25]
        self.openings = np.linalg.norm(top - bottom, axis=1)
        many = np.array([f"_{main_speaker}" in names[clip[frames[0]]] for frames in self.clips])
        # Most of the data is of one speaker: half of the samples come from the other speakers.
        share = np.where(many, 0.5 / max(many.sum(), 1), 0.5 / max((~many).sum(), 1))
        self.probabilities = share / share.sum()

    def add(self, other: Patches, share: float) -> None:
        """Add the patches of ``other``, which are then drawn for ``share`` of the samples."""
        first = len(self.points)
        self.y = np.concatenate([self.y, other.y])
        self.uv = np.concatenate([self.uv, other.uv])
        self.points = np.concatenate([self.points, other.points])
        self.openings = np.concatenate([self.openings, other.openings])
        self.clips += [frames + first for frames in other.clips]
        self.names += other.names
        self.probabilities = np.concatenate(
            [(1 - share) * self.probabilities, share * other.probabilities]
        )

    def sample(self, rng: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
        """Draw ``count`` rows of (source, target, reference) frame numbers."""
        rows = []
        for c in rng.choice(len(self.clips), count, p=self.probabilities):
            frames = self.clips[c]
            source, target = rng.choice(frames, 2, replace=False)
            if rng.random() < 0.5:  # very different, as when a speaking mouth closes in a pause
                order = frames[np.argsort(self.openings[frames])]
                quarter = max(len(order) // 4, 1)
                closed, wide = rng.choice(order[:quarter]), rng.choice(order[-quarter:])
                source, target = (wide, closed) if rng.random() < 0.6 else (closed, wide)
            kind = rng.random()
            if kind < 0.6:
                far = frames[np.abs(frames - target) > 2]
                widest = far[np.argsort(self.openings[far])[-4:]]
                reference = rng.choice(widest)
            elif kind < 0.85:
                reference = rng.choice(frames)
                reference = source if abs(reference - target) < 3 else reference
            else:
                reference = source
            rows.append((source, target, reference))
        return np.array(rows)

    def batch(
        self, rng: np.random.Generator, rows: npt.NDArray[np.int64], augment_off: bool
    ) -> Batch:
        """Cut the visible patches out of the stored ones, with one random camera per row.

        ``augment_off`` disables all augmentation.
        """
        count = len(rows)
        matrix = _random_cameras(rng, count, augment_off)  # visible [-1, 1] -> stored [-1, 1]
        y = torch.from_numpy(self.y[rows]).float() / 255.0
        uv = torch.from_numpy(self.uv[rows]).float() / 255.0
        theta = torch.from_numpy(matrix).float()
        y = _sample(y.reshape(count, 3, STORED_SIZE, STORED_SIZE), theta, PATCH)[:, :, None]
        uv = _sample(uv.reshape(count, 6, STORED_SIZE // 2, STORED_SIZE // 2), theta, HALF).reshape(
            count, 3, 2, HALF, HALF
        )
        if not augment_off:
            y, uv = _relight(rng, y, uv)
        inverse = np.linalg.inv(matrix[:, :, :2])
        stored = self.points[rows] * 2 - 1 - matrix[:, None, None, :, 2]
        points = ((stored @ inverse.transpose(0, 2, 1)[:, None]) + 1) / 2
        points = points.astype(np.float32)
        maps = np.stack([draw_maps(s, t, r) for s, t, r in points])
        source, target, reference = (
            (y[:, k].contiguous(), uv[:, k].contiguous()) for k in range(3)
        )
        near = _lip_weight(points[:, 1]) + _INNER_WEIGHT * _inner_mouth(torch.from_numpy(maps))
        return Batch(*source, *reference, *target, torch.from_numpy(maps), near)


def _inner_mouth(maps: Tensor) -> Tensor:
    """Return the inner mouth of the target and its rim, (B, 1, 96, 96) in 0..1."""
    wide = F.max_pool2d((4 * maps[:, [TARGET_INNER]]).clamp(max=1), 5, 1, 2)
    return F.interpolate(wide, scale_factor=2.0, mode="bilinear", align_corners=False)


def _random_cameras(
    rng: np.random.Generator, count: int, augment_off: bool
) -> npt.NDArray[np.float64]:
    base = VISIBLE_SIZE / STORED_SIZE
    result = np.zeros((count, 2, 3))
    for i in range(count):
        if augment_off:
            result[i, 0, 0] = result[i, 1, 1] = base
            continue
        angle = rng.uniform(-0.15, 0.15)
        scale = base * rng.uniform(0.85, 1.1)
        stretch = rng.uniform(0.92, 1.08)
        c, s = np.cos(angle), np.sin(angle)
        flip = rng.choice([-1.0, 1.0])
        result[i, :, :2] = np.array([[c, -s], [s, c]]) @ np.diag(
            [scale * stretch * flip, scale / stretch]
        )
        result[i, :, 2] = rng.uniform(-0.05, 0.05, 2)
    return result


def _sample(images: Tensor, theta: Tensor, size: int) -> Tensor:
    grid = F.affine_grid(theta, [len(images), 1, size, size], align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _relight(rng: np.random.Generator, y: Tensor, uv: Tensor) -> tuple[Tensor, Tensor]:
    def column(low: float, high: float) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (len(y), 1, 1, 1, 1))).float()

    y = (y.clamp(1e-3) ** torch.exp(column(-0.5, 0.5))) * column(0.7, 1.2) + column(-0.08, 0.08)
    angle, gain = column(-0.3, 0.3), column(0.5, 1.3)
    u, v = uv[:, :, 0:1] - 0.5, uv[:, :, 1:2] - 0.5
    c, s = torch.cos(angle) * gain, torch.sin(angle) * gain
    uv = torch.cat([c * u - s * v, s * u + c * v], dim=2) + 0.5 + column(-0.03, 0.03)
    return y.clamp(0, 1), uv.clamp(0, 1)


def _lip_weight(points: npt.NDArray[np.float32]) -> Tensor:
    """Return 1 + 5 · a Gaussian falloff around the bounding box of the target's lips."""
    lips = torch.from_numpy(points[:, :40])
    low, high = lips.amin(1), lips.amax(1)
    axis = (torch.arange(PATCH) + 0.5) / PATCH

    def falloff(k: int) -> Tensor:
        out = torch.relu(low[:, k, None] - axis) + torch.relu(axis - high[:, k, None])
        return torch.exp(-0.5 * (out / 0.06) ** 2)

    return 1 + 5 * (falloff(1)[:, None, :, None] * falloff(0)[:, None, None, :])
