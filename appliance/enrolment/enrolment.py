"""What was learned from a presenter's own recording, and how it is stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict, cast

import numpy as np
import numpy.typing as npt

from appliance.enrolment.motion import (
    MIN_SPEECH_S,
    MotionFit,
    learn_motion,
    predict,
)
from appliance.enrolment.shapes import ShapeRange
from appliance.enrolment.stretch import Stretch
from appliance.enrolment.timing import Offset, related_stretches
from appliance.lips.motion import MotionBasis
from appliance.lips.speech_motion import SpeechMotion

Mode = Literal[
    "learned", "range", "no_gain", "too_short", "unrelated", "no_sound", "no_encoder", "off"
]
"""Why the motion is, or is not, that of the presenter:

- ``learned``: it is;
- ``range``: only posture and range are the presenter's, because a correction of the movement was
  not clearly better than the generic motion;
- ``no_gain``: neither was clearly better;
- ``too_short``: there is too little speech;
- ``unrelated``: the mouth does not move as the sound says;
- ``no_sound``: a photo, or a video without sound or speech;
- ``no_encoder``: the speech encoder is not installed, or the model does not support it;
- ``off``: switched off.
"""


class MotionReport(TypedDict):
    """The part ``motion`` of a report; ``cv_gain`` is the gain in the cross-validation."""

    mode: Mode
    cv_gain: float


class PersonalizationReport(TypedDict):
    """What was learned from the presenter, ready for JSON.

    ``offset_ms`` is how much later the sound is than the picture; ``None`` if it is unknown.
    """

    offset_ms: int | None
    speech_s: float
    motion: MotionReport


@dataclass(frozen=True)
class Enrolment:
    """The result of learning.

    ``motion`` replaces the generic motion if ``mode`` is ``learned`` or ``range``.
    """

    mode: Mode
    offset: Offset | None = None
    speech_s: float = 0.0
    cv_gain: float = 0.0
    shapes: ShapeRange | None = None
    motion: SpeechMotion | None = None

    def report(self) -> PersonalizationReport:
        """Return the part ``personalization`` of a report."""
        known = self.offset is not None and self.offset.is_known
        return {
            "offset_ms": round(1000 * self.offset.seconds) if known and self.offset else None,
            "speech_s": round(self.speech_s, 1),
            "motion": {"mode": self.mode, "cv_gain": round(self.cv_gain, 3)},
        }

    def save(self, path: Path) -> None:
        """Write everything to one file."""
        texts = {"mode": self.mode, "speech_s": self.speech_s, "cv_gain": self.cv_gain}
        offset = None if self.offset is None else asdict(self.offset)
        shapes = None if self.shapes is None else asdict(self.shapes)
        arrays: dict[str, Any] = {}
        if self.motion is not None:
            motion = self.motion
            matrices = motion.matrices.astype(np.float16)
            arrays = {
                "matrices": matrices,
                "taps": motion.taps,
                "bias": motion.bias,
                "wide": motion.wide,
            }
        with path.open("wb") as file:
            np.savez(file, facts=json.dumps([texts, offset, shapes]), **arrays)

    @classmethod
    def load(cls, path: Path) -> Enrolment:
        """Read what :meth:`save` wrote. Raises ``OSError``, ``ValueError`` or ``LookupError``."""
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            texts, offset, shapes = json.loads(str(data["facts"]))
            motion = None
            if "matrices" in data:
                matrices = data["matrices"].astype(np.float32)
                motion = SpeechMotion(matrices, data["taps"], data["bias"], data["wide"])
        return cls(
            cast("Mode", str(texts["mode"])),
            None if offset is None else Offset(**offset),
            float(texts["speech_s"]),
            float(texts["cv_gain"]),
            None
            if shapes is None
            else ShapeRange(*(_three(shapes[key]) for key in ("openings", "widths"))),
            motion,
        )


def learn(
    stretches: Sequence[Stretch],
    generic: SpeechMotion,
    basis: MotionBasis,
    rest: npt.NDArray[np.float64],
    amplitude: float,
) -> Enrolment:
    """Learn from the stretches of a recording.

    ``rest`` (57, 3) and ``amplitude`` are those of the presenter's profile.
    """
    speech_s = sum(stretch.speech_s for stretch in stretches)
    if speech_s == 0:
        return Enrolment("no_sound")
    spoken = np.concatenate([stretch.shapes[stretch.spoken()] for stretch in stretches])
    shapes = ShapeRange.measure(spoken, rest)
    direction = basis.opening_direction
    predicted = [predict(generic, stretch.features) @ direction for stretch in stretches]
    offset, own = related_stretches(stretches, predicted)
    if not own:
        mode: Mode = "unrelated" if speech_s >= MIN_SPEECH_S else "too_short"
        return Enrolment(mode, offset, speech_s, shapes=shapes)
    fit: MotionFit = learn_motion(
        [stretches[index] for index in own], generic, basis, rest, amplitude, offset.seconds
    )
    mode = "too_short" if fit.speech_s < MIN_SPEECH_S else "no_gain"
    if fit.motion is not None:
        mode = "learned" if fit.corrected else "range"
    return Enrolment(mode, offset, fit.speech_s, fit.gain, shapes, fit.motion)


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    first, second, third = values
    return float(first), float(second), float(third)
