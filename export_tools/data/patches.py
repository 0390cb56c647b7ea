"""Collect the mouth patches of all clips in one file, for training the renderer.

    python -m export_tools.data.patches CLIPS_DIR… --landmarks DIR --out FILE.npz

Patches have a margin (:data:`STORED_SIZE` pixels for the 96 that the network uses), so that
training can rotate, shift and scale them. The file contains ``y`` (N, 112, 112) and ``uv`` (N, 2,
56, 56) uint8, ``points`` (N, 57, 2) float32 in patch fractions, ``clip`` (N,) int and ``names`` of
the clips.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.face.pose import Pose, fit_pose
from appliance.face.sampling import Planes, apply, chroma_matrix, compose, invert, sample_plane
from appliance.lips.geometry import MOUTH_POINTS, patch_matrix
from export_tools.data.gate import passing_clips
from export_tools.data.landmarks import VIDEO_SUFFIXES, pictures
from export_tools.data.sizes import STORED_SIZE, VISIBLE_SIZE

_MAX_YAW = 40.0


def margin_matrix(pose: Pose, size: int = STORED_SIZE) -> npt.NDArray[np.float64]:
    """Return the affine matrix from a patch with margin to frame pixels."""
    inner = patch_matrix(pose, VISIBLE_SIZE)
    shift = (VISIBLE_SIZE - size) / 2
    return compose(inner, np.array([[1.0, 0.0, shift], [0.0, 1.0, shift]]))


class PatchWriter:
    """A collector of the patches of several clips."""

    def __init__(self) -> None:
        self._y: list[npt.NDArray[np.uint8]] = []
        self._uv: list[npt.NDArray[np.uint8]] = []
        self._points: list[npt.NDArray[np.float32]] = []
        self._clips: list[int] = []
        self._names: list[str] = []

    def begin(self, name: str) -> None:
        """Start the clip ``name``, to which all patches added from now on belong."""
        self._names.append(name)

    def add(self, picture: Planes, points: npt.NDArray[np.floating]) -> bool:
        """Add the mouth patch of ``picture``, located by its mesh ``points`` (468, 3).

        Returns False if the yaw of the head is larger than 40°.
        """
        pose = fit_pose(points)
        if abs(float(pose.yaw)) > _MAX_YAW:
            return False
        matrix = margin_matrix(pose)
        half = chroma_matrix(matrix)
        side = STORED_SIZE // 2
        chroma = [sample_plane(c, half, side, side) for c in (picture.u, picture.v)]
        self._y.append(sample_plane(picture.y, matrix, STORED_SIZE, STORED_SIZE))
        self._uv.append(np.stack(chroma))
        local = apply(invert(matrix), points[MOUTH_POINTS, :2])
        self._points.append(((local + 0.5) / STORED_SIZE).astype(np.float32))
        self._clips.append(len(self._names) - 1)
        return True

    def save(self, path: Path) -> None:
        """Write all patches to ``path`` atomically."""
        part = path.with_suffix(".part.npz")
        np.savez(
            part,
            y=np.stack(self._y),
            uv=np.stack(self._uv),
            points=np.stack(self._points),
            clip=np.array(self._clips),
            names=np.array(self._names),
        )
        part.replace(path)
        print(f"{len(self._clips)} patches of {len(self._names)} clips")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="+", type=Path, help="folders of clips")
    parser.add_argument("--landmarks", type=Path, required=True, help="folder of landmark files")
    parser.add_argument("--out", type=Path, required=True, help="file to write (.npz)")
    parser.add_argument(
        "--quality", type=Path, help="output of export_tools.data.gate; excludes failed clips"
    )
    args = parser.parse_args()
    passing = passing_clips(args.quality) if args.quality else None
    writer = PatchWriter()
    for path in sorted(
        p for folder in args.clips for p in folder.iterdir() if p.suffix in VIDEO_SUFFIXES
    ):
        name = f"{path.parent.name}_{path.stem}"
        if passing is not None and name not in passing:
            continue
        track = np.load(args.landmarks / f"{name}.npz")
        writer.begin(name)
        for picture in pictures(path):
            if track["valid"][picture.index]:
                writer.add(picture, track["points"][picture.index])
    writer.save(args.out)


if __name__ == "__main__":
    main()
