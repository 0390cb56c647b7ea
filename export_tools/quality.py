"""Compare a rendered mouth with the real one: PSNR and SSIM of the mouth patch.

Both files show the same head at the same time (a clip driven by its own sound), so the same patch,
located by the mesh of the real file, is cut from both: 128 × 128 pixels of luma. Only the mouth and
the coding errors can differ.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from appliance.face.pose import fit_pose
from appliance.face.sampling import sample_plane
from appliance.lips.geometry import patch_matrix
from appliance.media.decode import FrameReader
from appliance.media.probe import probe_presenter
from appliance.score.face_tracks import VideoTracker

Array = npt.NDArray[np.float64]

_PATCH_SIZE = 128
_MAX_FRAMES = 250  # frames that are compared: ten seconds are sufficient
# Wang et al. 2004: K1, K2 and the standard deviation of the window for 8-bit images.
_C1, _C2, _WINDOW = (0.01 * 255) ** 2, (0.03 * 255) ** 2, 1.5


def psnr(a: Array, b: Array) -> float:
    """Return the PSNR of 8-bit values in dB, at most 60."""
    error = float(((a - b) ** 2).mean())
    return 60.0 if error < 255**2 * 1e-6 else float(10 * np.log10(255**2 / error))


def ssim(a: Array, b: Array) -> float:
    """Return the mean structural similarity (Wang et al. 2004) with a Gaussian window."""

    def blur(x: Array) -> Array:
        return np.asarray(cv2.GaussianBlur(x, (11, 11), _WINDOW), np.float64)

    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    joint = blur(a * b) - mean_a * mean_b
    similar = (2 * mean_a * mean_b + _C1) * (2 * joint + _C2)
    return float((similar / ((mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2))).mean())


def mouth_quality(rendered: Path, real: Path) -> dict[str, float | None]:
    """Return the medians of ``psnr_db`` and ``ssim`` over the frames with a face, None if none."""
    rows = []
    info = probe_presenter(rendered)
    with FrameReader(info) as reader, VideoTracker(probe_presenter(real)) as tracker:
        pictures = reader.read(0, min(info.frames, _MAX_FRAMES))
        for rendered_frame, real_frame in zip(
            pictures, tracker.track(0, _MAX_FRAMES), strict=False
        ):
            if real_frame.face is None:
                continue
            matrix = patch_matrix(fit_pose(real_frame.face.points), _PATCH_SIZE)
            rendered_patch, real_patch = (
                sample_plane(picture.y, matrix, _PATCH_SIZE, _PATCH_SIZE).astype(np.float64)
                for picture in (rendered_frame, real_frame.picture)
            )
            rows.append((psnr(rendered_patch, real_patch), ssim(rendered_patch, real_patch)))
    if not rows:
        return {"psnr_db": None, "ssim": None}
    middle = np.median(np.array(rows), axis=0)
    return {"psnr_db": round(float(middle[0]), 2), "ssim": round(float(middle[1]), 4)}
