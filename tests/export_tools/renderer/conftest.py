"""Generated training patches: a mouth on skin."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from appliance.lips.geometry import INNER, JAW_LINE, OUTER
from export_tools.data.sizes import STORED_SIZE
from export_tools.renderer.train import SPLITS

FRAMES = 12


def mouth(opening: float) -> npt.NDArray[np.float32]:
    """Return points (57, 2) in patch fractions of a mouth with inner lips ``opening`` apart."""
    points = np.zeros((57, 2), np.float32)
    turn = -np.arange(20) / 20 * 2 * np.pi + np.pi  # from the left corner along the lower lip
    lower = np.where(np.sin(turn) < 0, -np.sin(turn), 0)
    points[OUTER] = np.stack([0.25 * np.cos(turn), -np.sin(turn) * 0.09], axis=1)
    points[OUTER, 1] += lower * opening / 2 - (np.sin(turn) > 0) * np.sin(turn) * opening / 2
    points[INNER] = np.stack([0.21 * np.cos(turn), -np.sin(turn) * opening / 2], axis=1)
    sides = np.linspace(-1, 1, 13)
    points[JAW_LINE] = np.stack([0.4 * sides, 0.35 - 0.1 * sides**2], axis=1)
    points[53:] = np.stack([np.linspace(-0.1, 0.1, 4), np.full(4, 0.25)], axis=1)
    return points + np.array([0.5, 0.45], np.float32)


def draw(points: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Draw the face of ``points`` as luma: bright skin, darker lips, a dark inner mouth."""
    image = np.full((STORED_SIZE, STORED_SIZE), 180, np.uint8)
    for part, level in ((OUTER, 120), (INNER, 30)):
        cv2.fillPoly(image, [np.round(points[part] * STORED_SIZE).astype(np.int32)], level)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.0), np.uint8)


@pytest.fixture(scope="session")
def patches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write patches of two training clips, one validation clip and one held-out speaker."""
    splits = json.loads(SPLITS.read_text())
    names = ["grid_s1_any", f"grid_{splits['train_other_clips'][0]}"]
    names.append(f"grid_{splits['validation_s1_prefixes'][0]}xyz")
    names.append(f"grid_{splits['held_out_clips'][0]}")
    shapes = [mouth(0.16 * (k % 6) / 5) for _ in names for k in range(FRAMES)]
    path = tmp_path_factory.mktemp("patches") / "patches.npz"
    side = STORED_SIZE // 2
    np.savez(
        path,
        y=np.stack([draw(shape) for shape in shapes]),
        uv=np.full((len(shapes), 2, side, side), 128, np.uint8),
        points=np.stack(shapes),
        clip=np.repeat(np.arange(len(names)), FRAMES),
        names=np.array(names),
    )
    return path
