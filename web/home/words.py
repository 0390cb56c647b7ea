"""The texts and values of the home page."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from appliance.jobs.record import Job, shown
from appliance.jobs.states import Request
from appliance.telemetry.reading import Reading
from web.home.snapshot import DONE, FAILED, Snapshot
from web.i18n import _, told
from web.people.access import may_see

Tick = Mapping[str, str | float]
"""Texts and numbers by the name under which the page shows them."""

_NEAR_C = 10.0  # a zone this close to its limit is highlighted


@dataclass(frozen=True)
class Headline:
    """State of the device in one sentence.

    ``level`` is good, main, warn or bad; ``sign`` is the name of the icon.
    """

    level: str
    text: str
    more: str
    sign: str


class Turn(NamedTuple):
    """A row of the queue: one job, or several consecutive jobs of other users.

    A job has its position in the queue as ``place``; otherwise ``others`` is the number of jobs,
    and ``before_own`` is set if a job that the user may see comes after them.
    """

    place: int
    job: Job | None
    others: int = 0
    before_own: bool = False


def headline(snapshot: Snapshot) -> Headline:
    """Return the most important state of the device."""
    if snapshot.updating and not (snapshot.daemon_up and snapshot.running):
        return Headline("warn", _("The device is being updated"), update_text(), "pause")
    if snapshot.fault is not None:
        text = _("The job queue cannot be read")
        return Headline("bad", text, told(snapshot.fault), "warning")
    if not snapshot.daemon_up:
        more = _(
            "The worker on the device is not responding. It may still be starting. Wait two"
            " minutes; if nothing changes, restart the device."
        )
        return Headline("bad", _("Video processing has stopped"), more, "warning")
    if snapshot.holds and not snapshot.running:
        why = " ".join(told(hold) for hold in snapshot.holds)
        return Headline("warn", _("On hold"), why, "pause")
    if snapshot.running:
        job = snapshot.running[0]
        text = _("Creating “{name}”", name=title(job))
        return Headline("main", text, _after(snapshot), "play")
    if snapshot.queue:
        return Headline("main", _("Starting soon"), _after(snapshot), "play")
    if failed(snapshot):
        more = _("Some videos failed. See below.")
        return Headline("warn", _("Ready"), more, "warning")
    more = _("The queue is empty. You can create a new video.")
    return Headline("good", _("Ready"), more, "check")


def update_text() -> str:
    """Return the explanation of an update that is being installed."""
    return _(
        "It will be available again in a few minutes. Nothing is lost: videos in progress and"
        " uploads resume after the update."
    )


def tick(snapshot: Snapshot, left_s: float | None, now: float) -> Tick:
    """Return all values that change without a change of the page's shape."""
    top = headline(snapshot)
    values: dict[str, str | float] = {"level": top.level, "headline": top.text, "more": top.more}
    for job in snapshot.running:
        values |= {f"job-{job.id}-{name}": value for name, value in moving(job, left_s).items()}
    values["title"] = _in_the_tab(snapshot, top)
    return values | vitals(snapshot.reading)


def moving(job: Job, left_s: float | None) -> dict[str, str | float]:
    """Return the progress of a running job."""
    share = min(job.done / job.total, 1.0) if job.total else 0.0
    known = job.total > 0 and job.stage in ("presenter", "speech", "render", "score")
    return {
        "stage": stage(job.stage),
        "share": round(share, 4) if known else -1,
        "percent": f"{100 * share:.0f} %" if known else "",
        "count": _count(job),
        "left": _("{time} left", time=duration(left_s)) if known and left_s is not None else "",
    }


def stage(word: str) -> str:
    """Return the name of a stage in the user's language."""
    return {
        "": _("Preparing"),
        "check": _("Checking the files"),
        "engine": _("Preparing the model"),
        "voice": _("Generating speech"),
        "presenter": _("Analyzing the presenter"),
        "speech": _("Analyzing the lecture"),
        "render": _("Syncing the lips"),
        "join": _("Assembling the video"),
        "score": _("Checking the result"),
    }.get(word, word)


def vitals(reading: Reading | None) -> dict[str, str | float]:
    """Return temperature, memory and disk; a dash for each value that is not measured."""
    if reading is None:
        unknown = dict.fromkeys(("heat", "heat-more", "memory", "disk"), "–")
        return {**unknown, "heat-more": "", "heat-level": "", "disk-level": "", "memory-level": ""}
    hottest, headroom = reading.hottest, reading.headroom_c
    values: dict[str, str | float] = {
        "heat": f"{hottest[1]:.0f} °C" if hottest else "–",
        "heat-more": "",
        "heat-level": "good" if hottest else "",
        "memory": size(reading.memory_available_mb),
        "memory-level": "warn" if reading.memory_available_mb < 500 else "good",
        "disk": size(reading.disk_free_mb),
        "disk-level": "warn" if reading.disk_free_mb < 5 * 1024 else "good",
    }
    if reading.throttled:
        values |= {"heat-level": "bad", "heat-more": _("Throttled")}
    elif headroom is not None and headroom < _NEAR_C:
        values |= {"heat-level": "warn", "heat-more": _("Near the limit")}
    return values


def title(job: Job) -> str:
    """Return the name of a job, or a placeholder if the user may not see the job."""
    if not may_see(job.owner):
        return _("Another user's video")
    return "".join(c if c.isprintable() else "�" for c in shown(job.stem))


def whose(job: Job) -> str:
    """Return the owner of a job, or an empty text if the user may not see the job."""
    return (job.owner or _("From the inbox")) if may_see(job.owner) else ""


def turns(queue: Sequence[Job]) -> list[Turn]:
    """Return the rows of the queue for the current user.

    Consecutive jobs that the user may not see are combined into one row with their number.
    """
    rows: list[Turn] = []
    for place, job in enumerate(queue, 1):
        if may_see(job.owner):
            rows = [row._replace(before_own=True) for row in rows]
            rows.append(Turn(place, job))
        elif rows and rows[-1].job is None:
            rows[-1] = rows[-1]._replace(others=rows[-1].others + 1)
        else:
            rows.append(Turn(place, None, 1))
    return rows


def failed(snapshot: Snapshot) -> list[Job]:
    """Return the latest failed jobs that the current user may see."""
    return [job for job in snapshot.failed if may_see(job.owner)][:FAILED]


def done(snapshot: Snapshot) -> list[Job]:
    """Return the latest finished jobs that the current user may see."""
    return [job for job in snapshot.done if may_see(job.owner)][:DONE]


def asked(job: Job) -> str:
    """Return the pending request of a running job as text, or an empty text."""
    if job.request is Request.CANCEL:
        return _("Cancelling after the current part")
    return _("Pausing after the current part") if job.request is Request.PAUSE else ""


def provider(name: str) -> str:
    """Return the display name of the execution provider ``name``."""
    plain = name.removesuffix("ExecutionProvider")
    return {"cpu": "CPU", "cuda": "CUDA", "tensorrt": "TensorRT"}.get(plain.casefold(), plain)


def duration(seconds: float) -> str:
    """Return an approximate time span as text."""
    if seconds < 55:
        return _("less than a minute")
    minutes = round(seconds / 60)
    if minutes < 60:
        return _("about {minutes} min", minutes=minutes)
    return _("about {hours} h {minutes} min", hours=minutes // 60, minutes=minutes % 60)


def clock(at: float | None, now: float) -> str:
    """Return a time of day as text, with the date if it is not today."""
    if at is None:
        return ""
    then, today = time.localtime(at), time.localtime(now)
    same = (then.tm_year, then.tm_yday) == (today.tm_year, today.tm_yday)
    return time.strftime("%H:%M" if same else "%Y-%m-%d %H:%M", then)


def size(mb: float) -> str:
    """Return a size in mebibytes as text."""
    return f"{mb / 1024:.1f} GB" if mb >= 1000 else f"{mb:.0f} MB"


def _count(job: Job) -> str:
    if not job.total or job.stage not in ("render", "score", "presenter"):
        return ""
    return _("{done} of {total} frames", done=f"{job.done:,}", total=f"{job.total:,}")


def _after(snapshot: Snapshot) -> str:
    waiting = len(snapshot.queue)
    if waiting == 0:
        return ""
    if not snapshot.running:
        return _("In the queue: {count}", count=waiting)
    return _("Also in the queue: {count}", count=waiting)


def _in_the_tab(snapshot: Snapshot, top: Headline) -> str:
    if snapshot.running:
        percent = moving(snapshot.running[0], None)["percent"]
        return f"{percent} {title(snapshot.running[0])}".strip()
    return top.text
