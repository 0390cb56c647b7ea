"""Estimates how long a job takes on this device, based on finished jobs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from statistics import median
from typing import TYPE_CHECKING, Any

from appliance.config import AudioConfig, VideoConfig
from appliance.jobs.models import Job
from appliance.system.regular_file import read_regular

if TYPE_CHECKING:  # the daemon imports this module, but no codecs
    from appliance.media.probe import PresenterInfo

_SAMPLE_JOBS = 5
_MAX_REPORT_BYTES = 8 << 20


def seconds_per_pixel(jobs: Iterable[Job]) -> float | None:
    """Return the median seconds of work per pixel and frame of the latest five jobs.

    ``jobs`` must begin with the newest. Returns ``None`` if no job has a report any more.
    """
    samples: list[float] = []
    for job in jobs:
        if len(samples) == _SAMPLE_JOBS:
            break
        try:
            report = json.loads(read_regular(job.report, _MAX_REPORT_BYTES)) if job.report else {}
            output = report["output"]
            samples.append(
                report["wall_s"] / (output["frames"] * output["width"] * output["height"])
            )
        except (OSError, ValueError, LookupError, TypeError, ZeroDivisionError):
            continue
    return median(samples) if samples else None


def estimate_s(preflight_result: dict[str, Any], seconds_per_pixel: float | None) -> int | None:
    """Estimate the seconds of work after a check; ``None`` if this device has no finished job.

    ``preflight_result`` is the result of the check, ``seconds_per_pixel`` that of
    :func:`seconds_per_pixel`.
    """
    if seconds_per_pixel is None or preflight_result.get("lecture_s") is None:
        return None
    pixels = (
        preflight_result["lecture_s"]
        * preflight_result["fps"]
        * preflight_result["width"]
        * preflight_result["height"]
    )
    return round(seconds_per_pixel * float(pixels))


_FIRST_SYLLABIC = 0x2E80  # from this code point on, most characters are syllables
_LETTERS_PER_S = 15.0
_SYLLABLES_PER_S = 4.5
"""Approximate number of letters or syllables that are spoken per second at normal speed."""


def speaking_time_s(text: str) -> float:
    """Return the estimated seconds that ``text`` takes at normal speed."""
    return sum(map(_char_s, text))


def text_between(text: str, start_s: float, stop_s: float) -> str:
    """Return the words of ``text`` that are spoken between two times, roughly.

    If the text ends earlier, these are its last words.
    """
    length = stop_s - start_s
    start_s = max(min(start_s, speaking_time_s(text) - length), 0.0)
    at, words = 0.0, []
    for word in re.findall(rf"[^\s{chr(_FIRST_SYLLABIC)}-\U0010ffff]+\s*|.\s*", text, re.DOTALL):
        if start_s <= at < start_s + length:
            words.append(word)
        at += speaking_time_s(word)
    return "".join(words)


def _char_s(char: str) -> float:
    if char.isspace():
        return 0.0
    return 1 / (_SYLLABLES_PER_S if ord(char) >= _FIRST_SYLLABIC else _LETTERS_PER_S)


_MB = 1 << 20

# Bits per pixel at CRF 18, as bounds of a rough estimate: a still photo, and noisy moving video.
_MIN_BITS_PER_PIXEL, _MAX_BITS_PER_PIXEL = 0.02, 0.25
_SOURCE_FACTOR = 1.5  # other encoders, such as those of phones, may compress better than ours
_CRF_PER_HALVING = 6.0  # CRF steps that halve the size (x264's documentation)
_PEAK_COPIES = 2.1  # the chunks, and the joined file until it is published


def expected_disk_mb(
    info: PresenterInfo,
    presenter_bytes: int,
    duration_s: float,
    video: VideoConfig,
    audio: AudioConfig,
) -> float:
    """Estimate the peak disk usage in MiB for ``duration_s`` seconds of lecture.

    The estimate is more likely too high than too low. ``presenter_bytes`` is the size of the
    presenter's file.
    """
    pixels_s = info.width * info.height * float(info.fps)
    min_bits_s, max_bits_s = _MIN_BITS_PER_PIXEL * pixels_s, _MAX_BITS_PER_PIXEL * pixels_s
    source_bits_s = 0.0
    if info.kind == "video":
        source_bits_s = 8 * presenter_bytes * float(info.fps) / max(info.frames, 1)
    picture_bits_s = min(max(_SOURCE_FACTOR * source_bits_s, min_bits_s), max_bits_s)
    picture_bits_s *= 2 ** ((18 - video.crf) / _CRF_PER_HALVING)
    audio_bits_s = 1000 * audio.aac_kbps
    return _PEAK_COPIES * (picture_bits_s + audio_bits_s) * duration_s / 8 / _MB
