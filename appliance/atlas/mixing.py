"""The mouths of every output frame: mostly one, and two where a jump is blended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.atlas.atlas import Atlas
from appliance.atlas.path import is_jump

NETWORK = -1
"""In place of a mouth's number: the network draws the mouth of this frame."""

_RAMP = 3  # frames over which a jump is blended: two of them are mixed


@dataclass(frozen=True)
class MouthMix:
    """The mouths of the T frames of a lecture.

    ``first`` (T,) is the number of a mouth in the atlas or ``NETWORK``; ``second`` (T,) the one
    that is blended in with the share ``weight`` (T,), which is 0 for most frames.
    """

    first: npt.NDArray[np.int32]
    second: npt.NDArray[np.int32]
    weight: npt.NDArray[np.float32]

    def at(self, frame: int) -> list[tuple[int, float]]:
        """Return the mouths of a frame with their weights; empty if the network draws it."""
        first, share = int(self.first[frame]), float(self.weight[frame])
        if first == NETWORK:
            return []
        mouths = [(first, 1 - share)]
        return [*mouths, (int(self.second[frame]), share)] if share else mouths

    def save(self, path: Path, speaking: npt.NDArray[np.bool_], gain: float) -> None:
        """Write the mix to ``path``, in which frames there is speech (T,), and the shapes' gain."""
        np.savez(
            path, first=self.first, second=self.second, weight=self.weight, speaking=speaking,
            gain=gain,
        )  # fmt: skip

    @classmethod
    def load(cls, path: Path) -> tuple[MouthMix, npt.NDArray[np.bool_], float]:
        """Read what :meth:`save` wrote."""
        with np.load(path) as data:
            mix = cls(data["first"], data["second"], data["weight"])
            return mix, data["speaking"], float(data["gain"])


def blend_jumps(atlas: Atlas, path: npt.NDArray[np.int32]) -> MouthMix:
    """Return the mouths of the frames of one ``path`` (T,), with jumps blended.

    Around a jump, the run before it goes on and the run after it begins earlier, as they were
    filmed, while one is faded into the other.
    """
    count = len(path)
    starts = np.flatnonzero(is_jump(atlas, path)) + 1
    second = np.full(count, NETWORK, np.int32)
    weight = np.zeros(count, np.float32)
    predecessors = np.full(len(atlas), -1, np.int32)
    followed = atlas.successors >= 0
    predecessors[atlas.successors[followed]] = np.flatnonzero(followed)
    for start in starts:
        # the frame before the jump shows a third of the new run, the one after a third of the old
        early = predecessors[path[start]]
        late = atlas.successors[path[start - 1]]
        for frame, mouth, fallback in (
            (start - 1, early, path[start]),
            (start, late, path[start - 1]),
        ):
            if weight[frame] == 0:
                second[frame] = mouth if mouth >= 0 else fallback
                weight[frame] = 1 / _RAMP
    return MouthMix(path, second, weight)


def longest_hold(mix: MouthMix, speaking: npt.NDArray[np.bool_]) -> int:
    """Return for how many frames of speech in a row the same mouth is shown at most."""
    longest = run = 0
    last = NETWORK
    for mouth, spoken in zip(mix.first.tolist(), speaking.tolist(), strict=True):
        run = (run + 1 if mouth == last else 1) if spoken and mouth != NETWORK else 0
        last = mouth
        longest = max(longest, run)
    return longest
