"""Extract the landmarks of every training and scoring clip to one .npz file per clip.

    python -m export_tools.data.landmarks CLIPS_DIR… --out DIR [--jobs 2]

Each file contains ``points`` (T, 468, 3) float32, smoothed as on the device, ``valid`` (T,) bool
and ``fps``. Clips that already have a file are skipped.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import av
import numpy as np

from appliance.face.mesh import POINTS
from appliance.face.networks import face_networks
from appliance.face.track import CONTEXT_FRAMES, FaceLandmarks, FaceTracker, smooth
from appliance.media.picture import Picture

VIDEO_SUFFIXES = {".mp4", ".mov", ".mkv", ".mpg"}


def pictures(path: Path) -> Iterator[Picture]:
    """Yield all frames of a clip at its own rate."""
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if frame.format.name != "yuv420p":
                frame = frame.reformat(format="yuv420p")
            yield Picture.from_av(frame, index)


def extract(path: Path, out: Path) -> Path:
    """Track the face in ``path``, write ``out/<parent>_<stem>.npz`` and return its path."""
    target = out / f"{path.parent.name}_{path.stem}.npz"
    if target.exists():
        return target
    tracker = FaceTracker(*face_networks())
    points, valid = [], []
    padding: list[FaceLandmarks | None] = [None] * CONTEXT_FRAMES
    faces = [*padding, *map(tracker.step, pictures(path)), *padding]
    for index in range(len(faces) - 2 * CONTEXT_FRAMES):
        face = smooth(faces[index : index + 2 * CONTEXT_FRAMES + 1])
        valid.append(face is not None)
        points.append(face.points if face else np.zeros((POINTS, 3), np.float32))
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
        fps = float(rate) if rate else 25.0
    part = target.with_suffix(".part.npz")
    np.savez(part, points=np.array(points), valid=np.array(valid), fps=fps)
    part.replace(target)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="+", type=Path, help="folders of clips")
    parser.add_argument("--out", type=Path, required=True, help="output folder")
    parser.add_argument("--jobs", type=int, default=2, help="parallel processes (default: 2)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    paths = sorted(
        path for folder in args.clips for path in folder.iterdir() if path.suffix in VIDEO_SUFFIXES
    )
    with ProcessPoolExecutor(args.jobs) as pool:
        for done, path in enumerate(pool.map(partial(extract, out=args.out), paths), 1):
            print(f"{done}/{len(paths)} {path.name}", flush=True)


if __name__ == "__main__":
    main()
