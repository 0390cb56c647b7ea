"""Measure the mouth of finished videos against the real mouth of the presenter.

    python -m export_tools.atlas_quality PRESENTER… --lecture SOUND --out DIR [--seconds 12]

Renders each presenter with the lecture twice, with the presenter's own mouths and with the network
alone, and prints one JSON line for each:

``r``, ``amplitude``  correlation of the opening of the mouth in the finished file with the wanted
                      one, and its slope
``pale``              share of frames whose upper lip is less red than the twelve real frames of the
                      nearest opening and width, by two deviations
``bright``            share of frames whose mouth is brighter inside than 99 % of the real ones
``flicker``           mean change of the mouth from frame to frame, compared to the real video
``jump``              change at jumps over change elsewhere, divided by the same of the real video
``sharpness``         variance of the Laplacian of the mouth, compared to the real frames of the
                      nearest opening and width
``held_s``            the longest time for which one mouth stands still while there is speech
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from appliance.atlas.atlas import Atlas
from appliance.atlas.mixing import NETWORK, MouthMix
from appliance.atlas.path import is_jump
from appliance.config import Config
from appliance.face.networks import face_networks
from appliance.face.sampling import apply, compose
from appliance.face.track import CONTEXT_FRAMES, FaceLandmarks, FaceTracker, smooth
from appliance.inference.manifest import load_manifest
from appliance.lips.geometry import (
    INNER_BOTTOM,
    INNER_TOP,
    LIPS_INNER,
    LIPS_OUTER,
    mouth_opening,
    to_face_frame,
)
from appliance.lips.motion import Motion, MotionBasis
from appliance.lips.profile import Profile, fraction_matrix
from appliance.media.picture import Picture
from appliance.media.pingpong import pingpong
from appliance.render.render import MODELS_FOLDER, render_in
from appliance.render.workspace import Workspace
from export_tools.data.landmarks import pictures

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

_NEAREST, _DEVIATIONS = 12, 2.0
_BRIGHT_QUANTILE = 0.99
_MIN_INSIDE = 12  # pixels of the patch between the lips, below which nothing is seen inside
_SIZE = 160  # pixels of the patch in which mouths are compared
_MOUTH = np.s_[30:130, 25:135]  # of the patch
_SKIN_RING = (57, 43, 106, 182, 83, 18, 313, 406, 335, 273, 287, 410, 322, 391, 393, 164, 167, 165,
              92, 186)  # fmt: skip
# from corner to corner: the outline of the upper lip
_UPPER = [*LIPS_OUTER[10:], LIPS_OUTER[0], LIPS_INNER[0], *LIPS_INNER[:9:-1]]


@dataclass(frozen=True)
class MouthLooks:
    """The mouths of the n frames of a video; ``seen`` (n,) bool where there is a face.

    ``opening``, ``width`` in eye distances; ``redness`` of the upper lip against the skin,
    ``brightness`` between the lips (NaN where nothing is seen there), ``sharpness``; ``patches``
    (n, h, w) float32 are grey pictures.
    """

    seen: npt.NDArray[np.bool_]
    opening: Array
    width: Array
    redness: Array
    brightness: Array
    sharpness: Array
    patches: npt.NDArray[np.float32]


def look_at(path: Path) -> MouthLooks:
    """Measure the mouths of a video."""
    tracker = FaceTracker(*face_networks())
    padding: list[FaceLandmarks | None] = [None] * CONTEXT_FRAMES
    faces = [*padding, *map(tracker.step, pictures(path)), *padding]
    rows = []
    patches: list[npt.NDArray[np.float32]] = []
    for index, picture in enumerate(pictures(path)):
        face = smooth(faces[index : index + 2 * CONTEXT_FRAMES + 1])
        if face is None:
            rows.append((False, *[np.nan] * 5))
            patches.append(np.zeros((100, 110), np.float32))
            continue
        row, patch = _measure(picture, face)
        rows.append((True, *row))
        patches.append(patch)
    columns = np.array(rows, np.float64).T
    seen, opening, width, redness, brightness, sharpness = columns
    return MouthLooks(seen > 0, opening, width, redness, brightness, sharpness, np.stack(patches))


def _measure(
    picture: Picture, face: FaceLandmarks
) -> tuple[tuple[float, ...], npt.NDArray[np.float32]]:
    matrix = compose(
        fraction_matrix(face.pose),
        np.array([[1 / _SIZE, 0, 0.5 / _SIZE], [0, 1 / _SIZE, 0.5 / _SIZE]]),
    )
    planes = np.concatenate([plane.ravel() for plane in picture.planes()])
    image = cv2.cvtColor(planes.reshape(-1, picture.width), cv2.COLOR_YUV2RGB_I420)
    patch = cv2.warpAffine(
        image, matrix, (_SIZE, _SIZE), flags=cv2.INTER_AREA | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    points = apply(np.asarray(cv2.invertAffineTransform(matrix)), face.points[:, :2])
    lip, inside, lips, ring = (
        _mask(points[list(outline)]) for outline in (_UPPER, LIPS_INNER, LIPS_OUTER, _SKIN_RING)
    )
    colours = patch.astype(np.float64)
    redness = (colours[..., 0] - colours[..., 1]) / np.maximum(colours.sum(axis=2), 1)
    skin = ring & ~lips
    grey = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY)
    level = max(float(np.median(grey[skin])), 1.0) if skin.any() else 1.0
    shape = to_face_frame(face.points, face.pose)
    native = _native_mouth(picture, face)
    return (
        float(mouth_opening(shape)),
        float(np.linalg.norm(shape[0] - shape[10])),
        float(redness[lip].mean() - redness[skin].mean()) if lip.any() and skin.any() else np.nan,
        float(grey[inside].mean()) / level if inside.sum() >= _MIN_INSIDE else np.nan,
        float(cv2.Laplacian(native, cv2.CV_64F).var()),
    ), cv2.GaussianBlur(grey, (0, 0), 1.0).astype(np.float32)[_MOUTH]


def _native_mouth(picture: Picture, face: FaceLandmarks) -> Image:
    """Return the luma of the mouth at the picture's own resolution, not resampled."""
    points = face.points[list(LIPS_OUTER), :2]
    margin = 0.15 * face.eye_distance
    left, top = np.maximum((points.min(axis=0) - margin).astype(int), 0)
    right, bottom = (points.max(axis=0) + margin).astype(int)
    return np.asarray(picture.y[top : max(bottom, top + 3), left : max(right, left + 3)])


def _mask(outline: Array) -> npt.NDArray[np.bool_]:
    mask = np.zeros((_SIZE, _SIZE), np.uint8)
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 1, shift=4)
    return mask.astype(bool)


def compare(
    result: MouthLooks, real: MouthLooks, frames: npt.NDArray[np.int_], wanted: Array
) -> dict[str, float]:
    """Compare a finished video with the presenter's.

    ``frames`` (n,) are the presenter's frames that the result shows, ``wanted`` (n,) openings.
    """
    seen = result.seen & real.seen[frames]
    r = float(np.corrcoef(result.opening[seen], wanted[seen])[0, 1])
    slope = float(np.polyfit(wanted[seen], result.opening[seen], 1)[0])
    bright = np.nan_to_num(result.brightness[seen], nan=0.0)
    limit = float(np.nanquantile(real.brightness, _BRIGHT_QUANTILE))
    change, real_change = _changes(result), _changes(real)
    return {
        "frames": int(seen.sum()),
        "r": round(r, 3),
        "amplitude": round(slope, 2),
        "pale": round(float(np.mean(_pale(result, real)[seen])), 3),
        "bright": round(float(np.mean(bright > limit)), 3),
        "flicker": round(float(np.nanmean(change) / np.nanmean(real_change)), 2),
        "sharpness": round(_relative_sharpness(result, real), 2),
    }


def _pale(result: MouthLooks, real: MouthLooks) -> npt.NDArray[np.bool_]:
    """Return which upper lips are too pale for their shape."""
    known = np.flatnonzero(real.seen & np.isfinite(real.redness))
    pale = np.zeros(len(result.opening), bool)
    for frame in np.flatnonzero(result.seen & np.isfinite(result.redness)):
        redness = real.redness[_nearest(result, frame, real, known)]
        pale[frame] = result.redness[frame] < redness.mean() - _DEVIATIONS * redness.std()
    return pale


def _relative_sharpness(result: MouthLooks, real: MouthLooks) -> float:
    """Return the median sharpness, compared with the real mouths of the nearest shapes."""
    known = np.flatnonzero(real.seen)
    ratios = [
        result.sharpness[frame] / np.median(real.sharpness[_nearest(result, frame, real, known)])
        for frame in np.flatnonzero(result.seen)
    ]
    return float(np.median(ratios))


def _nearest(
    result: MouthLooks, frame: np.integer, real: MouthLooks, known: npt.NDArray[np.int_]
) -> npt.NDArray[np.int_]:
    """Return which of the ``known`` real frames have the nearest opening and width."""
    opening = real.opening[known] - result.opening[frame]
    distance = np.hypot(opening, real.width[known] - result.width[frame])
    return known[np.argsort(distance)[:_NEAREST]]


def _changes(looks: MouthLooks) -> Array:
    """Return the change (n - 1,) of the mouth from each frame to the next; NaN without a face."""
    change = np.abs(np.diff(looks.patches, axis=0)).mean(axis=(1, 2)).astype(np.float64)
    change[~(looks.seen[1:] & looks.seen[:-1])] = np.nan
    return np.asarray(change)


def jump_ratio(
    result: MouthLooks, real: MouthLooks, frames: npt.NDArray[np.int_], jumps: npt.NDArray[np.bool_]
) -> float:
    """Return how much more the mouth changes at ``jumps`` (n - 1,) than elsewhere.

    That is divided by the same ratio of the real frames at these places, which is near one.
    """
    change = _changes(result)
    real_change = _changes(real)[np.minimum(frames[:-1], frames[1:]).clip(0, len(real.seen) - 2)]
    jumps = jumps & np.isfinite(change) & np.isfinite(real_change)
    others = ~jumps & np.isfinite(change) & np.isfinite(real_change)
    if not jumps.any() or not others.any():
        return float("nan")
    ratio = change[jumps].mean() / change[others].mean()
    return float(ratio / (real_change[jumps].mean() / real_change[others].mean()))


def wanted_openings(workspace: Workspace) -> Array:
    """Return the opening that the lecture's motion wants, for every output frame."""
    basis = MotionBasis.load(workspace.manifest.path("basis", workspace.precision))
    profile = Profile.load(workspace.profile_path)
    info, plan = workspace.manifest.motion, workspace.plan
    motion = Motion.load(workspace.motion_path, info["rate_hz"], info["offset_s"])
    values = motion.at_frames(plan.fps, 0, plan.frames).astype(np.float64)
    amplitude = workspace.config.lips.amplitude * profile.amplitude
    shape = profile.rest + basis.displacement(amplitude * values)
    gap = shape[:, INNER_BOTTOM] - shape[:, INNER_TOP]
    # lips that are pressed together touch; they do not pass through each other
    return np.where(gap[:, 1] > 0, np.linalg.norm(gap, axis=1), 0.0)


def measure(
    presenter: Path, lecture: Path, out: Path, real: MouthLooks
) -> Iterator[dict[str, object]]:
    """Render and measure ``presenter`` with its own mouths and with the network alone."""
    for mouth in ("auto", "off"):
        output = out / f"{presenter.stem}_{lecture.stem}_{mouth}.mp4"
        config = Config.model_validate(
            {
                "root": out,
                "video": {"crf": 14, "badge": False, "preset": "veryfast"},
                "score": {"enabled": False},
                "cache": {"max_presenters_mb": 0},
                "personalization": {"mouth": mouth},
            }
        )
        with tempfile.TemporaryDirectory(dir=out) as folder:
            report = render_in(Path(folder), presenter, lecture, output, config)
            workspace = Workspace.load(next(p for p in Path(folder).iterdir() if p.is_dir()))
            wanted = wanted_openings(workspace)
            result = look_at(output)
            count = workspace.presenter.frames
            frames = np.array([pingpong(t, count) for t in range(len(wanted))])
            row: dict[str, object] = {"presenter": presenter.stem, "mouth": mouth}
            row |= compare(result, real, frames, wanted)
            if workspace.atlas_path.is_file():
                mix, _, _ = MouthMix.load(workspace.mouths_path)
                jumps = is_jump(Atlas.load(workspace.atlas_path), mix.first)
                jumps &= (mix.first[1:] != NETWORK) & (mix.first[:-1] != NETWORK)
                row["jump"] = round(jump_ratio(result, real, frames, jumps), 2)
                row["jumps"] = round(float(jumps.mean()), 3)
                row["held_s"] = report["personalization"]["atlas"]["held_max_s"]
        yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("presenters", nargs="+", type=Path, help="videos of presenters")
    parser.add_argument("--lecture", type=Path, required=True, help="recording to speak")
    parser.add_argument("--out", type=Path, required=True, help="folder for the finished videos")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    load_manifest("lectern-lite", MODELS_FOLDER)  # report a missing model before all the work
    for presenter in args.presenters:
        real = look_at(presenter)
        for row in measure(presenter, args.lecture, args.out, real):
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
