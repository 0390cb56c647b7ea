"""What Home says: the one sentence at the top, and the numbers that move."""

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

_NEAR_C = 10.0  # this near to its limit a zone is worth a look


@dataclass(frozen=True)
class Headline:
    """The state of the box in a sentence; ``level`` is good, main, warn or bad, ``sign`` its
    icon."""

    level: str
    text: str
    more: str
    sign: str


class Turn(NamedTuple):
    """A row of the queue: a job at its ``place``, or so many ``others``."""

    place: int
    job: Job | None
    others: int = 0
    before_own: bool = False


def headline(snapshot: Snapshot) -> Headline:
    """What a glance must tell."""
    if snapshot.updating and not (snapshot.daemon_up and snapshot.running):
        return Headline("warn", _("The box is being updated"), update_text(), "pause")
    if snapshot.fault is not None:
        text = _("The list of videos cannot be read")
        return Headline("bad", text, told(snapshot.fault), "warning")
    if not snapshot.daemon_up:
        more = _(
            "The box's worker does not answer. It may be starting: wait two minutes, then start the"
            " box again."
        )
        return Headline("bad", _("Nothing is being made at present"), more, "warning")
    if snapshot.holds and not snapshot.running:
        why = " ".join(told(hold) for hold in snapshot.holds)
        return Headline("warn", _("On hold"), why, "pause")
    if snapshot.running:
        job = snapshot.running[0]
        text = _("Making “{name}”", name=title(job))
        return Headline("main", text, _after(snapshot), "play")
    if snapshot.queue:
        return Headline("main", _("About to begin"), _after(snapshot), "play")
    if failed(snapshot):
        more = _("Something did not work out: see below.")
        return Headline("warn", _("Ready"), more, "warning")
    more = _("Nothing to do: make a new video when you like.")
    return Headline("good", _("Ready"), more, "check")


def update_text() -> str:
    """What an update means for who looks on."""
    return _(
        "It starts anew in a few minutes and answers again by itself. Nothing is lost: videos in"
        " hand and uploads go on afterwards."
    )


def tick(snapshot: Snapshot, left_s: float | None, now: float) -> Tick:
    """Everything that moves on without a change of the page's shape."""
    top = headline(snapshot)
    values: dict[str, str | float] = {"level": top.level, "headline": top.text, "more": top.more}
    for job in snapshot.running:
        values |= {f"job-{job.id}-{name}": value for name, value in moving(job, left_s).items()}
    values["title"] = _in_the_tab(snapshot, top)
    return values | vitals(snapshot.reading)


def moving(job: Job, left_s: float | None) -> dict[str, str | float]:
    """How far a running job is."""
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
    """What the worker is doing, in a person's words."""
    return {
        "": _("Getting ready"),
        "check": _("Looking at the files"),
        "engine": _("Preparing the graphics engine"),
        "voice": _("Reading the text aloud"),
        "presenter": _("Getting to know the presenter"),
        "speech": _("Listening to the lecture"),
        "render": _("Moving the lips"),
        "join": _("Putting the video together"),
        "score": _("Checking the result"),
    }.get(word, word)


def vitals(reading: Reading | None) -> dict[str, str | float]:
    """Heat, memory and disk; a dash where nobody measures."""
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
        values |= {"heat-level": "bad", "heat-more": _("slowed down to cool")}
    elif headroom is not None and headroom < _NEAR_C:
        values |= {"heat-level": "warn", "heat-more": _("near its limit")}
    return values


def title(job: Job) -> str:
    """A job's name as the person who asks may read it."""
    if not may_see(job.owner):
        return _("Somebody else's video")
    return "".join(c if c.isprintable() else "�" for c in shown(job.stem))


def whose(job: Job) -> str:
    """Where a job that the person who asks may see came from."""
    return (job.owner or _("from the inbox")) if may_see(job.owner) else ""


def turns(queue: Sequence[Job]) -> list[Turn]:
    """The queue as the person who asks may know it: of what others wait for, only how much."""
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
    """What did not work out, as far as the person who asks may know it."""
    return [job for job in snapshot.failed if may_see(job.owner)][:FAILED]


def done(snapshot: Snapshot) -> list[Job]:
    """What was finished last, likewise."""
    return [job for job in snapshot.done if may_see(job.owner)][:DONE]


def asked(job: Job) -> str:
    """What a running job has been asked to do, or nothing."""
    if job.request is Request.CANCEL:
        return _("Stops after the part in hand")
    return _("Rests after the part in hand") if job.request is Request.PAUSE else ""


def provider(name: str) -> str:
    """What computes, as its maker writes it; ``name`` is the daemon's word."""
    plain = name.removesuffix("ExecutionProvider")
    return {"cpu": "CPU", "cuda": "CUDA", "tensorrt": "TensorRT"}.get(plain.casefold(), plain)


def duration(seconds: float) -> str:
    """A time span as people say it."""
    if seconds < 55:
        return _("less than a minute")
    minutes = round(seconds / 60)
    if minutes < 60:
        return _("about {minutes} min", minutes=minutes)
    return _("about {hours} h {minutes} min", hours=minutes // 60, minutes=minutes % 60)


def clock(at: float | None, now: float) -> str:
    """A time of day; with the date where it is not today's."""
    if at is None:
        return ""
    then, today = time.localtime(at), time.localtime(now)
    same = (then.tm_year, then.tm_yday) == (today.tm_year, today.tm_yday)
    return time.strftime("%H:%M" if same else "%Y-%m-%d %H:%M", then)


def size(mb: float) -> str:
    """Mebibytes as people say them."""
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
    return _("After it in the queue: {count}", count=waiting)


def _in_the_tab(snapshot: Snapshot, top: Headline) -> str:
    if snapshot.running:
        percent = moving(snapshot.running[0], None)["percent"]
        return f"{percent} {title(snapshot.running[0])}".strip()
    return top.text
