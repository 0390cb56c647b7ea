"""Estimates the disk space that a job takes before it is started."""

from __future__ import annotations

from appliance.config import Config
from appliance.media.probe import PresenterInfo

_MB = 1 << 20

# Bits per pixel at CRF 18, as bounds of a rough estimate: a still photo, and noisy moving video.
_LEAST, _MOST = 0.02, 0.25
_OVER_SOURCE = 1.5  # phones use better, slower encoders than ours
_HALVED_EVERY = 6.0  # CRF steps that halve the size (x264's documentation)
_COPIES = 2.1  # the chunks, and the joined file until it is published


def expected_mb(
    info: PresenterInfo, presenter_bytes: int, duration_s: float, config: Config
) -> float:
    """Estimate the peak disk usage in MiB for ``duration_s`` seconds of lecture.

    The estimate is rather too high than too low. ``presenter_bytes`` is the size of the presenter's
    file.
    """
    pixels_s = info.width * info.height * float(info.fps)
    least, most = _LEAST * pixels_s, _MOST * pixels_s
    source = 0.0
    if info.kind == "video":
        source = 8 * presenter_bytes * float(info.fps) / max(info.frames, 1)
    picture = min(max(_OVER_SOURCE * source, least), most)
    picture *= 2 ** ((18 - config.video.crf) / _HALVED_EVERY)
    sound = 1000 * config.audio.aac_kbps
    return _COPIES * (picture + sound) * duration_s / 8 / _MB
