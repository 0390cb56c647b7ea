"""Voice activity detection: where there is speech, and how loud, at 100 Hz from log-mel frames.

The **gate** is exactly 0 in digital silence and in steady background noise, and 1 during speech,
with smooth ramps between; it closes the mouth. The **loudness** is the level of the speech relative
to the average of the lecture, so that neither the microphone's gain nor its distance matter.

Method: the energies in five bands are compared with a noise floor that follows the background noise
(minimum statistics after Martin 2001, on both sides of each moment, since the whole lecture is
available). The two bands that exceed it most decide, with hysteresis. The mel frames are reduced to
these five numbers as they arrive (10 bytes per frame: 7 MB for two hours); the rest is computed at
the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.speech.mel import LECTERN_MEL, LN_FLOOR, band_edges

Array32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

FRAME_RATE = LECTERN_MEL.rate // LECTERN_MEL.hop  # 100 Hz


@dataclass(frozen=True)
class GateSettings:
    """Settings of the detector.

    Levels are in dB above the noise floor or re full scale, times in seconds.
    """

    on_db: float = 10.0  # speech starts above this level over the noise floor
    off_db: float = 5.0  # and lasts while it stays above this level over the noise floor
    range_db: float = 42.0  # audio this far below the loudest speech around is not speech
    absolute_db: float = -66.0  # audio below this level re a full-scale sine is not speech
    min_duration_s: float = 0.08  # shorter sounds are clicks
    lead_s: float = 0.06  # lips part before there is sound
    hang_s: float = 0.12  # the closure of a plosive inside a word does not close the gate
    ramp_s: float = 0.10  # half-cosine rise and fall, in addition to the above
    floor_window_s: float = 6.0  # range that is searched for a pause on each side


@dataclass(frozen=True)
class VoiceActivity:
    """The result: ``gate`` in 0...1 and ``loudness`` in -2...1.

    Both have the shape (frames,), float32 at 100 Hz. Frame ``t`` is at ``t / 100`` s, like frame
    ``t`` of ``LECTERN_MEL``. Loudness 0 is the level of the surrounding speech, -1 is 20 dB below
    it; where the gate is closed it is -2.
    """

    gate: Array32
    loudness: Array32
    peak_db: float = 0.0
    """Level of the loudest moments in dB re a full-scale sine: the 99th percentile."""


_PEAK_PERCENTILE = 99.0
# Peaks of lectures are at -10 to -30 dB; at -40 dB, 5 % of the speech is missed, at -50 dB 84 %.
_QUIET_DB, _USUAL_PEAK_DB = -38.0, -18.0
_SILENT_DB = -90.0
NO_SPEECH_LOUDNESS = -2.0  # value where there is no speech
MAX_LOUDNESS = 1.0
_DB_PER_UNIT = 20.0
_LEVEL_WINDOW_SEGMENTS = 15  # the speech level is a mean over this many segments on each side
_LOWEST_HZ = 140.0  # excludes rumble and hum; the harmonics of a low voice reach well above
_BAND_EDGES_HZ = (450.0, 1000.0, 2000.0, 4000.0)
_SMOOTH_FRAMES = 3
_BLOCK_FRAMES = 5  # the noise floor is computed from means over this many frames
_SEGMENT_FRAMES = 100  # the noise floor of a segment is its second smallest block mean
_LOWEST_DB = -100.0
# Power of a full-scale sine, summed over the spectrum: Parseval's theorem with the Hann window's
# energy of 3/8 per sample, half of it in the positive frequencies.
_FULL_SCALE_DB = 10.0 * np.log10(LECTERN_MEL.n_fft / 2 * LECTERN_MEL.win * 3 / 8 / 2)


def _mel_band_weights() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Return the widths of the mel bands in Hz and the start index of each broad band.

    The widths undo the unit area of the mel triangles; they are 0 below ``_LOWEST_HZ``.
    """
    edges = band_edges(LECTERN_MEL)
    centres = edges[1:-1]
    widths = np.where(centres < _LOWEST_HZ, 0.0, (edges[2:] - edges[:-2]) / 2.0)
    return widths, np.concatenate(([0], np.searchsorted(centres, _BAND_EDGES_HZ)))


class VoiceActivityDetector:
    """Computes the voice activity of ``LECTERN_MEL`` frames.

    :meth:`feed` accepts pieces of any length; :meth:`finish` returns the result.
    """

    def __init__(self, settings: GateSettings | None = None) -> None:
        self._settings = settings or GateSettings()
        self._pieces: list[npt.NDArray[np.float16]] = []
        widths, self._starts = _mel_band_weights()
        self._widths = widths[:, None]

    def feed(self, mel: Array32) -> None:
        """Add the next frames, (80, any number) float32."""
        # Unlike a matrix product, sums do not depend on the other frames of the piece.
        power = np.exp(mel.astype(np.float64)) * self._widths
        bands = 10.0 * np.log10(np.add.reduceat(power, self._starts, axis=0)) - _FULL_SCALE_DB
        self._pieces.append(bands.astype(np.float16))

    def finish(self) -> VoiceActivity:
        """Return the activity of all frames so far."""
        if not self._pieces:
            return VoiceActivity(np.zeros(0, np.float32), np.zeros(0, np.float32))
        bands = np.concatenate(self._pieces, axis=1)
        energy = _total_energy_db(bands, float(self._widths.sum()))
        core = _speech_mask(bands, energy, self._settings)
        gate = _widen_with_ramps(core, self._settings)
        units = (energy - _speech_level(energy, core)) / _DB_PER_UNIT
        loudness = NO_SPEECH_LOUDNESS + gate * (
            np.clip(units, NO_SPEECH_LOUDNESS, MAX_LOUDNESS) - NO_SPEECH_LOUDNESS
        )
        peak = float(np.percentile(energy, _PEAK_PERCENTILE))
        return VoiceActivity(gate, loudness.astype(np.float32), peak)


def detect_activity(mels: Iterable[Array32], settings: GateSettings | None = None) -> VoiceActivity:
    """Return the activity of ``LECTERN_MEL`` pieces, as yielded by :func:`.mel.mel_blocks`."""
    detector = VoiceActivityDetector(settings)
    for mel in mels:
        detector.feed(mel)
    return detector.finish()


def quiet_gain_db(activity: VoiceActivity) -> float:
    """Return by how many dB a recording must be amplified so that its speech can be found.

    It is 0 unless the recording is very quiet: then speech disappears in the floor of the mel
    spectrogram, not in the noise of the recording.
    """
    is_quiet = _SILENT_DB < activity.peak_db < _QUIET_DB
    return _USUAL_PEAK_DB - activity.peak_db if is_quiet else 0.0


def _total_energy_db(bands: npt.NDArray[np.float16], width: float) -> Array32:
    """Return the smoothed energy of all bands in dB re full scale.

    The floor of the logarithm in the mel frames is subtracted, because it is not sound.
    """
    total = sum((10.0 ** (band.astype(np.float32) / 10.0) for band in bands), np.float32(0.0))
    floor = LN_FLOOR * width / 10.0 ** (_FULL_SCALE_DB / 10.0)
    lowest = np.float32(10.0 ** (_LOWEST_DB / 10.0))
    return _smooth(10.0 * np.log10(np.maximum(total - np.float32(floor), lowest)))


def _smooth(track: npt.NDArray[np.floating]) -> Array32:
    padded = np.pad(track.astype(np.float32), _SMOOTH_FRAMES // 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _SMOOTH_FRAMES)
    return np.asarray(windows.mean(-1), np.float32)


def _segments(track: Array32) -> Array32:
    """Return (segments, _SEGMENT_FRAMES); the last segment is padded with its mirror image."""
    missing = -len(track) % _SEGMENT_FRAMES
    last = track[len(track) // _SEGMENT_FRAMES * _SEGMENT_FRAMES :]
    filler = np.resize(last[::-1], missing) if missing else last[:0]
    return np.concatenate((track, filler)).reshape(-1, _SEGMENT_FRAMES)


def _neighbours(values: Array32, before: int, after: int, fill: float) -> Array32:
    """Return (len(values), before + 1 + after): each value with its neighbours."""
    padded = np.pad(values, (before, after), constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(padded, before + 1 + after)


def _noise_floor(track: Array32, reach: int) -> Array32:
    """Return the background level of a band for each frame.

    It is the higher of the lowest level before and the lowest level after the frame: when a fan
    starts or stops, the floor follows at once.
    """
    means = _segments(track).reshape(-1, _SEGMENT_FRAMES // _BLOCK_FRAMES, _BLOCK_FRAMES).mean(-1)
    low = np.partition(means, 1, axis=1)[:, 1]
    past = _neighbours(low, reach, 0, np.inf).min(1)
    future = _neighbours(low, 0, reach, np.inf).min(1)
    return np.repeat(np.maximum(past, future), _SEGMENT_FRAMES)[: len(track)]


def _speech_mask(bands: npt.NDArray[np.float16], energy: Array32, s: GateSettings) -> Mask:
    """Return a mask of the frames with speech, before it is widened."""
    reach = round(s.floor_window_s * FRAME_RATE / _SEGMENT_FRAMES)
    best = np.full(len(energy), -np.inf, np.float32)
    second = best.copy()
    for band in bands:
        track = _smooth(band)
        above = track - _noise_floor(track, reach)
        second = np.maximum(second, np.minimum(best, above))
        best = np.maximum(best, above)
    salience = (best + second) / 2
    high = np.percentile(_segments(energy), 90, axis=1).astype(np.float32)
    loudest = _neighbours(high, _LEVEL_WINDOW_SEGMENTS, _LEVEL_WINDOW_SEGMENTS, -np.inf).max(1)
    audible = energy > np.repeat(loudest, _SEGMENT_FRAMES)[: len(energy)] - s.range_db
    audible &= energy > s.absolute_db
    return _select_runs(
        audible & (salience > s.off_db), salience > s.on_db, round(s.min_duration_s * FRAME_RATE)
    )


def _select_runs(mask: Mask, seed: Mask, shortest: int) -> Mask:
    """Return the runs of ``mask`` that are long enough and contain a frame of ``seed``."""
    steps = np.diff(np.concatenate(([0], mask.view(np.int8), [0])))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    seeds = np.concatenate(([0], np.cumsum(mask & seed)))
    keep = (seeds[ends] > seeds[starts]) & (ends - starts >= shortest)
    marks = np.zeros(len(mask) + 1, np.int8)
    np.add.at(marks, starts[keep], 1)
    np.add.at(marks, ends[keep], -1)
    return np.cumsum(marks[:-1]).astype(bool)


def _widen_with_ramps(core: Mask, s: GateSettings) -> Array32:
    """Return the gate: the mask widened by lead and hang, with half-cosine ramps outside."""
    far = len(core) + 10 * FRAME_RATE
    index = np.arange(len(core))
    since = index - np.maximum.accumulate(np.where(core, index, -far))
    until = np.minimum.accumulate(np.where(core, index, 2 * far)[::-1])[::-1] - index
    outside = np.minimum(since - s.hang_s * FRAME_RATE, until - s.lead_s * FRAME_RATE)
    fall = np.clip(outside / (s.ramp_s * FRAME_RATE), 0.0, 1.0)
    gate = 0.5 + 0.5 * np.cos(np.pi * fall)
    return np.where(fall >= 1.0, 0.0, gate).astype(np.float32)


def _speech_level(energy: Array32, core: Mask) -> Array32:
    """Return the mean level in dB of the speech around each frame.

    Where there is little speech, this approaches the mean of the whole lecture.
    """
    frames = _segments(core.astype(np.float32)).sum(1)
    total = _segments(np.where(core, energy, np.float32(0.0))).sum(1)
    overall = total.sum() / max(frames.sum(), 1.0)
    around_frames = _neighbours(frames, _LEVEL_WINDOW_SEGMENTS, _LEVEL_WINDOW_SEGMENTS, 0.0).sum(1)
    around_total = _neighbours(total, _LEVEL_WINDOW_SEGMENTS, _LEVEL_WINDOW_SEGMENTS, 0.0).sum(1)
    # The lecture's mean, weighted like two seconds, stabilises parts with only a word or two.
    prior = 2.0 * FRAME_RATE
    level = (around_total + prior * overall) / (around_frames + prior)
    return np.repeat(level, _SEGMENT_FRAMES)[: len(energy)]
