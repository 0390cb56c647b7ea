"""Landmarks and training patches of a clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from appliance.face.pose import fit_pose
from appliance.face.sampling import apply, sample_plane
from appliance.lips.geometry import MOUTH_POINTS, patch_matrix
from export_tools.data.landmarks import extract, pictures
from export_tools.data.patches import PatchWriter, margin_matrix
from export_tools.data.sizes import STORED_SIZE, VISIBLE_SIZE
from tests import talking_face

pytestmark = pytest.mark.export

FRAMES = 6


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    openings = np.linspace(0, 0.2, FRAMES)
    path = tmp_path_factory.mktemp("grid") / "a.mp4"
    return talking_face.write_video(path, talking_face.talking(openings))


@pytest.fixture(scope="module")
def landmarks(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return extract(clip, tmp_path_factory.mktemp("landmarks"))


@pytest.fixture(scope="module")
def points(landmarks: Path) -> npt.NDArray[np.float32]:
    with np.load(landmarks) as found:
        assert found["valid"].all() and found["fps"] == talking_face.FPS
        return np.asarray(found["points"])


def test_landmarks_are_named_by_folder_and_extracted_once(clip: Path, landmarks: Path) -> None:
    assert landmarks.name == f"{clip.parent.name}_a.npz"
    before = landmarks.stat().st_mtime_ns
    assert extract(clip, landmarks.parent).stat().st_mtime_ns == before
    assert [path.name for path in landmarks.parent.iterdir()] == [landmarks.name]


def test_margin_surrounds_the_visible_patch(points: npt.NDArray[np.float32]) -> None:
    pose = fit_pose(points[0])
    middle = np.array([[(VISIBLE_SIZE - 1) / 2] * 2]), np.array([[(STORED_SIZE - 1) / 2] * 2])
    seen, stored = patch_matrix(pose, VISIBLE_SIZE), margin_matrix(pose)
    assert np.allclose(apply(seen, middle[0]), apply(stored, middle[1]))
    assert np.allclose(stored[:, :2], seen[:, :2])  # the same scale and rotation


def test_patches_contain_the_pixels_of_the_frames(
    clip: Path, points: npt.NDArray[np.float32], tmp_path: Path
) -> None:
    writer = PatchWriter()
    writer.begin("a")
    for picture in pictures(clip):
        assert writer.add(picture, points[picture.index])
    writer.save(tmp_path / "patches.npz")
    with np.load(tmp_path / "patches.npz") as made:
        assert made["y"].shape == (FRAMES, STORED_SIZE, STORED_SIZE)
        assert made["uv"].shape == (FRAMES, 2, STORED_SIZE // 2, STORED_SIZE // 2)
        assert made["clip"].tolist() == [0] * FRAMES and made["names"].tolist() == ["a"]
        first = next(iter(pictures(clip)))
        matrix = margin_matrix(fit_pose(points[0]))
        assert np.array_equal(made["y"][0], sample_plane(first.y, matrix, STORED_SIZE, STORED_SIZE))
        back = apply(matrix, made["points"][0].astype(np.float64) * STORED_SIZE - 0.5)
        assert np.allclose(back, points[0][MOUTH_POINTS, :2], atol=0.01)


def test_turned_head_is_skipped(clip: Path, points: npt.NDArray[np.float32]) -> None:
    angle = np.radians(60)
    turn = np.array(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    )
    middle = points[0].mean(axis=0)
    turned = ((points[0] - middle) @ turn.T + middle).astype(np.float32)
    writer = PatchWriter()
    writer.begin("a")
    assert not writer.add(next(iter(pictures(clip))), turned)
