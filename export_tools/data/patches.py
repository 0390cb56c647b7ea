"""Mouth patches of all clips in one array, for training the renderer.

    python -m export_tools.data.patches CLIPS_DIR… --landmarks DIR --out FILE.npz

Patches keep a margin (:data:`STORED` pixels for the 96 that the network sees) so that training may
turn, shift and scale them. The file holds ``y`` (N, 112, 112), ``uv`` (N, 2, 56, 56) uint8,
``points`` (N, 57, 2) float32 in patch fractions, ``clip`` (N,) int and ``names`` of the clips.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.face.pose import Pose, fit_pose
from appliance.face.sampling import apply, chroma_matrix, compose, invert, sample_plane
from appliance.lips.geometry import MOUTH_POINTS, patch_matrix
from export_tools.data.landmarks import VIDEO_SUFFIXES, pictures
from export_tools.data.sizes import STORED, VISIBLE

_MAX_YAW = 40.0


def margin_matrix(pose: Pose, size: int = STORED) -> npt.NDArray[np.float64]:
    """The map from a patch with margin to picture pixels."""
    inner = patch_matrix(pose, VISIBLE)
    shift = (VISIBLE - size) / 2
    return compose(inner, np.array([[1.0, 0.0, shift], [0.0, 1.0, shift]]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--landmarks", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    columns: dict[str, list[npt.NDArray[np.generic]]] = {k: [] for k in ("y", "uv", "points")}
    clips: list[int] = []
    names: list[str] = []
    for path in sorted(
        p for folder in args.clips for p in folder.iterdir() if p.suffix in VIDEO_SUFFIXES
    ):
        track = np.load(args.landmarks / f"{path.parent.name}_{path.stem}.npz")
        poses = fit_pose(track["points"])
        for picture in pictures(path):
            i = picture.index
            if not track["valid"][i] or abs(float(poses.yaw[i])) > _MAX_YAW:
                continue
            pose = Pose(poses.scale[i], poses.rotation[i], poses.offset[i])
            matrix = margin_matrix(pose)
            half = chroma_matrix(matrix)
            columns["y"].append(sample_plane(picture.y, matrix, STORED, STORED))
            columns["uv"].append(
                np.stack(
                    [
                        sample_plane(c, half, STORED // 2, STORED // 2)
                        for c in (picture.u, picture.v)
                    ]
                )
            )
            local = apply(invert(matrix), track["points"][i][MOUTH_POINTS, :2])
            columns["points"].append(((local + 0.5) / STORED).astype(np.float32))
            clips.append(len(names))
        names.append(f"{path.parent.name}_{path.stem}")
    np.savez(
        args.out,
        y=np.stack(columns["y"]),
        uv=np.stack(columns["uv"]),
        points=np.stack(columns["points"]),
        clip=np.array(clips),
        names=np.array(names),
    )
    print(f"{len(clips)} patches of {len(names)} clips")


if __name__ == "__main__":
    main()
