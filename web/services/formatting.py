"""Times, sizes and names as text for users."""

from __future__ import annotations

import time

from web.i18n import _


def provider_name(name: str) -> str:
    """Return the display name of the execution provider ``name``."""
    plain = name.removesuffix("ExecutionProvider")
    return {"cpu": "CPU", "cuda": "CUDA", "tensorrt": "TensorRT"}.get(plain.casefold(), plain)


def format_duration(seconds: float) -> str:
    """Return an approximate time span as text."""
    if seconds < 55:
        return _("less than a minute")
    minutes = round(seconds / 60)
    if minutes < 60:
        return _("about {minutes} min", minutes=minutes)
    return _("about {hours} h {minutes} min", hours=minutes // 60, minutes=minutes % 60)


def format_length(seconds: float) -> str:
    """Return a duration as text: 4:05 or 1:02:03."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_time(at: float | None, now: float) -> str:
    """Return a time of day as text, with the date if it is not today."""
    if at is None:
        return ""
    then, today = time.localtime(at), time.localtime(now)
    same = (then.tm_year, then.tm_yday) == (today.tm_year, today.tm_yday)
    return time.strftime("%H:%M" if same else "%Y-%m-%d %H:%M", then)


def format_date(at: float | None) -> str:
    """Return a date and time in the device's time zone as text."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at)) if at is not None else ""


def format_size(mb: float) -> str:
    """Return a size in mebibytes as text."""
    return f"{mb / 1024:.1f} GB" if mb >= 1000 else f"{mb:.0f} MB"
