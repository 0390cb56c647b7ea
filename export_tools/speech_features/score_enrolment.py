"""Measure what learning from a presenter adds, and that it adds nothing from other sound.

    python -m export_tools.speech_features.score_enrolment DATA --landmarks MARKS

Every clip of ``DATA/wild`` is halved. The first half is learned from; then the opening of the mouth
in the second half is predicted from its sound, with the generic and with the learned motion, and
compared with the real one at the best lag within 320 ms. Nothing is rendered. In the second part of
the output, the sound of each clip is that of another one, of which nothing may be learned.

``MARKS`` is the folder of ``export_tools.data.landmarks``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.config import PROJECT
from appliance.enrolment.enrolment import Enrolment, learn
from appliance.enrolment.motion import predict
from appliance.enrolment.stretch import RATE_HZ, Stretch
from appliance.lips.geometry import close_mouth, mouth_opening
from appliance.lips.motion import MotionBasis
from appliance.lips.profile import speaker_amplitude
from appliance.lips.speech_motion import SpeechMotion
from appliance.speech.mel import LECTERN_MEL, compute_mel
from appliance.speech.speech_encoder import ComponentEncoder, StudentEncoder
from appliance.speech.vad import FRAME_RATE, detect_activity
from export_tools.phonetics.motion_data import OFFSET_S, REST_SHARE, load_clip
from export_tools.phonetics.motion_score import correlation
from export_tools.speech_features.train_motion import encode

TUNED_ON = (
    "sstzal_cnn2_25fps", "OpenTalker_1", "OpenTalker_3", "OpenTalker_WDA_KatieHill_000",
    "astorfi_sample_video",
)  # fmt: skip
"""The clips that were looked at while the constants were chosen."""

MAX_LAG_S, LAG_STEP_S = 0.32, 0.02
_MODEL = PROJECT / "models_lite/lectern-lite"


@dataclass(frozen=True)
class Models:
    """The generic motion and the basis of its coefficients."""

    motion: SpeechMotion
    basis: MotionBasis


def whole_clip(encoder: ComponentEncoder, video: Path, marks: Path) -> Stretch:
    """Return a clip as one stretch."""
    clip = load_clip(marks / f"wild_{video.stem}.npz", video, video.stem)
    features = encode(encoder, clip.samples)
    gate = detect_activity([compute_mel(clip.samples, LECTERN_MEL)]).gate
    steps = np.clip(np.arange(len(features)) * round(FRAME_RATE / RATE_HZ), 0, len(gate) - 1)
    times = np.arange(len(clip.shapes)) / clip.fps - OFFSET_S
    return Stretch(times, clip.shapes, clip.fps, features, gate[steps] > 0.5)


def part(stretch: Stretch, start: int, stop: int) -> Stretch:
    """Return frames ``start`` … ``stop`` - 1, with all of the sound."""
    rows = slice(start, stop)
    return Stretch(
        stretch.times[rows], stretch.shapes[rows], stretch.fps, stretch.features, stretch.speech
    )


def learn_from(stretch: Stretch, models: Models) -> Enrolment:
    """Learn as from a presenter whose profile is that of ``stretch``."""
    openings = mouth_opening(stretch.shapes)
    resting = np.argsort(openings)[: max(int(len(openings) * REST_SHARE), 1)]
    rest = close_mouth(stretch.shapes[resting].mean(axis=0))
    amplitude = speaker_amplitude(float(np.quantile(openings, 0.95) - openings.min()))
    return learn([stretch], models.motion, models.basis, rest, amplitude)


def best_r(stretch: Stretch, motion: SpeechMotion, direction: npt.NDArray[np.float64]) -> float:
    """Return r of the predicted and the real opening at the best lag."""
    predicted = predict(motion, stretch.features) @ direction
    count = round(MAX_LAG_S / LAG_STEP_S)
    lags = np.arange(-count, count + 1) * LAG_STEP_S
    return max(
        correlation(stretch.at_frames(predicted, float(lag)), stretch.openings) for lag in lags
    )


def score_halves(clips: dict[str, Stretch], models: Models) -> None:
    """Print every clip, the smallest gain first, and the medians."""
    direction = models.basis.opening_direction
    rows = []
    for name, clip in clips.items():
        middle = len(clip) // 2
        found = learn_from(part(clip, 0, middle), models)
        judged = part(clip, middle, len(clip))
        before = best_r(judged, models.motion, direction)
        after = best_r(judged, found.motion or models.motion, direction)
        rows.append((after - before, before, after, name, found))
    rows.sort(key=lambda row: row[0])
    for gain, before, after, name, found in rows:
        offset = "" if found.offset is None else f"{1000 * found.offset.seconds:+.0f} ms"
        print(
            f"{name:30} {'tuned on' if name in TUNED_ON else 'kept aside':10} "
            f"{found.speech_s:5.1f} s {found.mode:9} offset {offset:>8} "
            f"r {before:.3f} -> {after:.3f} ({gain:+.3f})"
        )
    for label, chosen in (("all", rows), ("kept aside", [r for r in rows if r[3] not in TUNED_ON])):
        before, after = np.median([(row[1], row[2]) for row in chosen], axis=0)
        print(f"median, {label}: {before:.3f} -> {after:.3f}")


def score_other_sound(clips: dict[str, Stretch], models: Models) -> None:
    """Print what is learned from a picture with the sound of another clip."""
    modes: list[str] = []
    names = list(clips)
    for name in names:
        for other in names:
            if other == name:
                continue
            picture, sound = clips[name], clips[other]
            inside = picture.times < len(sound.features) / RATE_HZ
            mixed = Stretch(
                picture.times[inside],
                picture.shapes[inside],
                picture.fps,
                sound.features,
                sound.speech,
            )
            found = learn_from(mixed, models)
            modes.append(found.mode)
            if found.motion is not None:
                print(f"learned from the picture of {name} and the sound of {other}: {found.mode}")
    counts = {mode: modes.count(mode) for mode in sorted(set(modes))}
    print(f"{len(modes)} pairs of picture and other sound: {counts}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of wild/")
    parser.add_argument("--landmarks", type=Path, required=True, help="folder of landmark files")
    options = parser.parse_args(arguments)
    encoder = StudentEncoder.open()
    models = Models(
        SpeechMotion.load(_MODEL / "motion.npz").without_scores(),
        MotionBasis.load(_MODEL / "basis.npz"),
    )
    videos = sorted((options.data / "wild").glob("*.mp4"))
    clips = {video.stem: whole_clip(encoder, video, options.landmarks) for video in videos}
    score_halves(clips, models)
    score_other_sound(clips, models)


if __name__ == "__main__":
    main()
