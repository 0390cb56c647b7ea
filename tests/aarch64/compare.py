"""How much two videos of a still photo differ: ``compare.py A.mp4 B.mp4``.

Two builds of the same libraries round differently. Measured on the demo's photo: its way into the
encoder's colours differs by 0.8 of 255 all over the picture, which makes 44.8 dB. What moves must
move alike: over all pixels, the changes from the mean picture correlated by 0.98, and by 0.85 with
one frame's delay between the two.
"""

from __future__ import annotations

import sys
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

WORST_DB = 42.0
LEAST_CORRELATION = 0.95


def frames(path: Path) -> npt.NDArray[np.float64]:
    """Every picture, (n, height, width, 3), RGB, 0 to 255."""
    with av.open(str(path)) as video:
        pictures = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    return np.stack(pictures).astype(np.float64)


def psnr(one: npt.NDArray[np.float64], two: npt.NDArray[np.float64]) -> float:
    """Peak signal to noise in dB; ``inf`` for equal pictures."""
    error = float(np.mean((one - two) ** 2))
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))


def likeness(one: npt.NDArray[np.float64], two: npt.NDArray[np.float64]) -> float:
    """Correlation of what moves in the two, 1 for the same motion."""
    changes = [(video - video.mean(axis=0)).ravel() for video in (one, two)]
    return float(np.corrcoef(changes)[0, 1])


def main() -> int:
    """Exit status 0 where pictures and motion are equal within the tolerance."""
    one, two = (frames(Path(name)) for name in sys.argv[1:3])
    if one.shape != two.shape:
        print(f"{one.shape} and {two.shape}")
        return 1
    worst = min(psnr(a, b) for a, b in zip(one, two, strict=True))
    motion = likeness(one, two)
    print(f"{len(one)} frames, the worst at {worst:.1f} dB, motion correlated by {motion:.3f}")
    return 0 if worst >= WORST_DB and motion >= LEAST_CORRELATION else 1


if __name__ == "__main__":
    sys.exit(main())
