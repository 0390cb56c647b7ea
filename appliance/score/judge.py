"""Turn what was measured in a video into its score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.media.probe import PresenterInfo
from appliance.score.face_tracks import FaceTracks
from appliance.score.moments import locate
from appliance.score.mouth_activity import ActivityFlags, MouthActivity, measure_activity
from appliance.score.mouth_look import LookTrack
from appliance.score.outside_mouth import OutsideMouth
from appliance.score.report import Reference, Score
from appliance.score.sharpness import SharpnessMeter
from appliance.score.silence import Silence, measure_jitter, measure_silence
from appliance.score.speech_activity import SpeechActivity
from appliance.score.speech_match import SpeechMatch, WantedOpening, match_speech
from appliance.score.sync import STILL_OPENING, Correlation, LandmarkDistance, correlate
from appliance.score.verdict import LIMITS, Measures, Unchanged, make_verdict
from appliance.score.yardstick import DEVIATIONS, LookComparison, Track32, compare_looks

Values = npt.NDArray[np.floating]

_CONSTANT_LOUDNESS = 0.05  # in units of 20 dB: steadier sound cannot be correlated
_MOMENT_LMD = 0.12  # limits of a single moment
_MOMENT_SHARPNESS = 0.3
_FLAGGED = 2.0  # excess of a frame that shows a fault or does not

_OVERALL = (
    "mouth_still", "mouth_late", "mouth_early", "wrong_person", "seam", "outside_mouth_changed",
)  # fmt: skip
"""Reasons that hold for the whole video."""


@dataclass(frozen=True)
class Measured:
    """All that was measured in a video; what was not is ``None``.

    ``speech`` is ``None`` without sound. ``looks`` are those of the video's mouth,
    ``presenter_looks`` those of the presenter's own frames. ``reference`` are the tracks of the
    real video. ``wanted`` is the opening that the speech asks for. ``own_lag_ms`` is the lag that a
    real recording has of its own; that of a render is 0.
    """

    info: PresenterInfo
    tracks: FaceTracks
    speech: SpeechActivity | None
    reference: FaceTracks | None
    distance: LandmarkDistance
    looks: LookTrack | None
    presenter_looks: LookTrack | None
    sharpness: SharpnessMeter | None
    outside: OutsideMouth | None
    photo_opening: float | None
    notes: tuple[str, ...]
    wanted: WantedOpening | None = None
    own_lag_ms: float = 0.0
    unchanged: Unchanged | None = None


def judge(measured: Measured) -> Score:
    """Return the score of what was measured."""
    info, tracks, speech = measured.info, measured.tracks, measured.speech
    fps, notes = tracks.fps, list(measured.notes)
    spread = float(np.nanstd(tracks.opening))
    if spread <= STILL_OPENING:
        notes.append("mouth_still")
    agreement = _compare_reference(measured, notes) if measured.reference is not None else None
    silent = np.zeros(info.frames, np.bool_)
    loudness: Correlation | None = None
    match: SpeechMatch | None = None
    activity: MouthActivity | None = None
    flags = ActivityFlags(silent, silent)
    asked = (
        measured.wanted.at_frames(info.frames, fps, measured.own_lag_ms / 1000)
        if measured.wanted is not None
        else None
    )
    if speech is None:
        notes.append("no_sound")
    else:
        silent = speech.silent(info.frames, fps) & tracks.measured
        levels = speech.loudness(info.frames, fps)
        loudness = correlate(tracks.opening, fps, levels, fps, other_still=_CONSTANT_LOUDNESS)
        speaking = speech.speaking(info.frames, fps) & tracks.measured
        activity, flags = measure_activity(tracks.opening, fps, speaking, silent, asked)
        if measured.wanted is not None:
            spoken = np.where(speaking, tracks.opening, np.nan)
            match = match_speech(spoken, fps, measured.wanted, measured.own_lag_ms / 1000)
    own = measured.presenter_looks
    silence = measure_silence(
        tracks, silent, measured.photo_opening, own.column("opening") if own is not None else None
    )
    if silence is not None and silence.misread > 0:
        notes.append("photo_mouth_open")
    if speech is not None and silence is None:
        notes.append("no_silence")
    appearance: LookComparison | None = None
    deviations: dict[str, Track32] = {}
    if measured.looks is not None and measured.presenter_looks is not None:
        appearance, deviations = compare_looks(measured.looks, measured.presenter_looks)
    sharpness = measured.sharpness.result() if measured.sharpness is not None else None
    if measured.sharpness is not None and sharpness is None:
        notes.append("source_unused")
    measures = Measures(
        face=tracks.coverage,
        speech_s=speech.speech_s if speech is not None else None,
        opening_spread=spread,
        reference=agreement.opening if agreement is not None else None,
        loudness=loudness,
        silence=silence,
        jitter=measure_jitter(tracks, silent),
        sharpness=sharpness,
        outside=measured.outside,
        match=match,
        activity=activity,
        appearance=appearance,
        unchanged=measured.unchanged,
    )
    excess = _excess(measured, silent, silence, flags, asked)
    if deviations:
        excess |= _look_excess(measured, deviations)
    # The mismatch with a predicted opening means something on average only.
    overall = _OVERALL if measured.reference is not None else (*_OVERALL, "sync_weak")
    return Score(
        video=info.path.name,
        seconds=info.duration_s,
        measured_s=float(tracks.measured.sum()) / fps,
        fps=fps,
        face=tracks.coverage,
        reference=agreement,
        loudness=loudness,
        match=match,
        activity=activity,
        silence=silence,
        jitter=measures.jitter,
        appearance=appearance,
        sharpness=sharpness,
        outside=measured.outside,
        unchanged=measured.unchanged,
        verdict=locate(make_verdict(measures, STILL_OPENING), fps, excess, overall),
        notes=tuple(notes),
    )


def _excess(
    measured: Measured,
    silent: npt.NDArray[np.bool_],
    silence: Silence | None,
    flags: ActivityFlags,
    asked: npt.NDArray[np.float64] | None,
) -> dict[str, Values]:
    """Return, by reason, how far each frame is beyond the limit (1), of what moves."""
    tracks = measured.tracks
    known = np.where(np.isfinite(tracks.opening), 0.0, np.nan)
    rest = max(silence.misread, silence.own_rest) if silence is not None else 0.0
    missing = np.where(tracks.measured, np.isnan(tracks.opening), np.nan)
    opening = tracks.opening - rest
    mismatch = known if asked is None else _mismatch(tracks.opening, asked)
    excess: dict[str, Values] = {
        "face_missing": _FLAGGED * missing,
        "open_in_silence": np.where(silent, opening, np.nan) / LIMITS["open_in_silence"][0],
        "mouth_trembling": np.where(silent, tracks.lips_moved, np.nan)
        / LIMITS["mouth_trembling"][0],
        "mouth_shut": known + _FLAGGED * flags.still,
        "moves_in_silence": known + _FLAGGED * flags.moving,
        "sync_weak": mismatch,
    }
    excess |= dict.fromkeys(("mouth_still", "mouth_late", "mouth_early"), mismatch)
    excess |= dict.fromkeys(("wrong_person", "seam", "outside_mouth_changed"), known)
    if measured.reference is not None:
        excess["sync_weak"] = measured.distance.per_frame / _MOMENT_LMD
    if measured.sharpness is not None:
        excess["mouth_blurred"] = _MOMENT_SHARPNESS / np.maximum(measured.sharpness.per_frame, 1e-3)
    return excess


def _look_excess(measured: Measured, deviations: dict[str, Track32]) -> dict[str, Values]:
    """Return the same for the look of the mouth."""
    excess: dict[str, Values] = {
        "lips_pale": deviations["pale"] / DEVIATIONS,
        "inside_bright": deviations["inside_light"] / DEVIATIONS,
        "mouth_too_sharp": deviations["sharpness"] / DEVIATIONS,
    }
    if measured.sharpness is None:
        excess["mouth_blurred"] = -deviations["sharpness"] / DEVIATIONS
    if measured.looks is not None and measured.presenter_looks is not None:
        own = measured.presenter_looks.flicker
        usual = float(np.median(own[np.isfinite(own)])) if np.isfinite(own).any() else np.inf
        excess["mouth_flickers"] = measured.looks.flicker / max(
            usual * LIMITS["mouth_flickers"][0], 1e-6
        )
    return excess


def _mismatch(opening: Values, asked: npt.NDArray[np.float64]) -> Values:
    """Return the distance of the standardised openings: 1 is one standard deviation."""
    both = np.isfinite(opening) & np.isfinite(asked)
    if not both.any():
        return np.where(np.isfinite(opening), 0.0, np.nan)
    shown, wanted = (
        (values - values[both].mean()) / max(float(values[both].std()), 1e-6)
        for values in (opening.astype(np.float64), asked)
    )
    return np.asarray(np.abs(shown - wanted) / 2)


def _compare_reference(measured: Measured, notes: list[str]) -> Reference:
    tracks, reference = measured.tracks, measured.reference
    assert reference is not None
    if reference.coverage == 0:
        notes.append("no_reference_face")
    elif np.nanstd(reference.opening) <= STILL_OPENING:
        notes.append("reference_still")
    opening = correlate(tracks.opening, tracks.fps, reference.opening, reference.fps)
    distance = measured.distance
    return Reference(opening, distance.mean, int(np.isfinite(distance.per_frame).sum()))
