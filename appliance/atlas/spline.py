"""Thin plate splines: smooth maps of the plane that move given points to given places.

Bookstein, "Principal Warps: Thin-Plate Splines and the Decomposition of Deformations" (1989).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Points = npt.NDArray[np.floating]

_TINY = np.float32(1e-9)  # keeps the logarithm finite


@dataclass(frozen=True)
class Spline:
    """The displacement that moves ``knots`` (n, 2) by given vectors.

    ``weights`` (n + 3, 2) belong to the radial functions, then to the affine part 1, x, y.
    """

    knots: Array
    weights: Array

    @classmethod
    def fit(cls, knots: Points, moved: Points, smoothing: float) -> Spline:
        """Return the spline that moves ``knots`` by ``moved`` - ``knots``, both (n, 2).

        ``smoothing`` (λ ≥ 0) is how far exactness gives way to a smooth map.
        """
        count = len(knots)
        places = np.asarray(knots, np.float64)
        system = np.zeros((count + 3, count + 3))
        system[:count, :count] = _radial(places, places)
        system[np.arange(count), np.arange(count)] += smoothing
        system[:count, count] = system[count, :count] = 1
        system[:count, count + 1 :] = places
        system[count + 1 :, :count] = places.T
        wanted = np.zeros((count + 3, 2))
        wanted[:count] = moved - places
        weights = np.linalg.solve(system, wanted)
        return cls(places.astype(np.float32), weights.astype(np.float32))

    def __call__(self, points: Points) -> Array:
        """Return the displacement (…, 2) at ``points`` (…, 2)."""
        places = np.asarray(points, np.float32).reshape(-1, 2)
        count = len(self.knots)
        kernel = _radial(places, self.knots)
        moved = kernel @ self.weights[:count]
        moved += places @ self.weights[count + 1 :]
        moved += self.weights[count]
        return np.asarray(moved.reshape(np.shape(points)), np.float32)

    def inverse(self, points: Points, steps: int = 3) -> Array:
        """Return where the points lie that the map p → p + displacement takes to ``points``."""
        wanted = np.asarray(points, np.float32)
        places = wanted
        for _ in range(steps):
            places = wanted - self(places)
        return places


def _radial(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return r² log r (len(a), len(b)) of the distances r between ``a`` and ``b``."""
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * (a @ b.T)
    np.maximum(squares, _TINY, out=squares)
    kernel = np.log(squares)
    kernel *= squares
    kernel *= np.asarray(0.5, kernel.dtype)
    return np.asarray(kernel)
