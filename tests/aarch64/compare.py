"""How much two videos differ, frame by frame: ``compare.py A.mp4 B.mp4``.

Two builds of the same networks add up in another order, and an encoder turns the last bit of
difference into a bit more of noise. 45 dB is far below what can be seen.
"""

from __future__ import annotations

import sys
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

WORST_DB = 45.0


def frames(path: Path) -> list[npt.NDArray[np.uint8]]:
    """Every picture, RGB."""
    with av.open(str(path)) as video:
        return [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]


def psnr(one: npt.NDArray[np.uint8], two: npt.NDArray[np.uint8]) -> float:
    """Peak signal to noise in dB; ``inf`` for equal pictures."""
    error = float(np.mean((one.astype(np.float64) - two) ** 2))
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))


def main() -> int:
    """Exit status 0 where every frame is equal within the tolerance."""
    one, two = (frames(Path(name)) for name in sys.argv[1:3])
    if len(one) != len(two) or not one:
        print(f"{len(one)} and {len(two)} frames")
        return 1
    values = [psnr(a, b) for a, b in zip(one, two, strict=True)]
    equal = sum(value == float("inf") for value in values)
    print(f"{len(one)} frames, {equal} equal to the bit, the worst at {min(values):.1f} dB")
    return 0 if min(values) >= WORST_DB else 1


if __name__ == "__main__":
    sys.exit(main())
