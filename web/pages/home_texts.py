"""The texts and values of the home page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from appliance.jobs.models import Job, display_name
from appliance.jobs.states import JobRequest, JobState
from appliance.telemetry.reading import Reading
from web.i18n import _, localized
from web.security.access import can_view
from web.services.formatting import format_duration, format_size
from web.services.snapshot import MAX_DONE, MAX_FAILED, Snapshot

LiveValues = Mapping[str, str | float]
"""Texts and numbers by the name under which the page shows them."""

_NEAR_LIMIT_C = 10.0  # a zone this close to its limit is highlighted


@dataclass(frozen=True)
class Headline:
    """State of the device in one sentence.

    ``level`` is good, main, warn or bad; ``icon`` is the name of the icon.
    """

    level: str
    text: str
    details: str
    icon: str


class QueueRow(NamedTuple):
    """A row of the queue: one job, or several consecutive jobs of other users.

    A job has its position in the queue as ``position``; otherwise ``others`` is the number of jobs,
    and ``before_own`` is set if a job that the user may see comes after them.
    """

    position: int
    job: Job | None
    others: int = 0
    before_own: bool = False


def headline(snapshot: Snapshot) -> Headline:
    """Return the most important state of the device."""
    if snapshot.updating and not (snapshot.daemon_up and snapshot.running):
        return Headline("warn", _("The device is being updated"), update_text(), "pause")
    if snapshot.fault is not None:
        text = _("The job queue cannot be read")
        return Headline("bad", text, localized(snapshot.fault), "warning")
    if not snapshot.daemon_up:
        details = _(
            "Lectern's background service is not responding. It may still be starting. Wait two"
            " minutes; if nothing changes, restart the device."
        )
        return Headline("bad", _("Video processing has stopped"), details, "warning")
    if snapshot.holds and not snapshot.running:
        reasons = " ".join(localized(hold) for hold in snapshot.holds)
        return Headline("warn", _("On hold"), reasons, "pause")
    if snapshot.running:
        job = snapshot.running[0]
        text = _("Creating “{name}”", name=display_title(job))
        return Headline("main", text, _queue_length_text(snapshot), "play")
    if snapshot.queue:
        return Headline("main", _("Starting soon"), _queue_length_text(snapshot), "play")
    if visible_failed(snapshot):
        details = _("Some videos failed. See below.")
        return Headline("warn", _("Ready"), details, "warning")
    details = _("The queue is empty. You can create a new video.")
    return Headline("good", _("Ready"), details, "check")


def update_text() -> str:
    """Return the explanation of an update that is being installed."""
    return _(
        "It will be available again in a few minutes. Nothing is lost: videos in progress and"
        " uploads resume after the update."
    )


def live_values(snapshot: Snapshot, left_s: float | None, now: float) -> LiveValues:
    """Return all values that change without a change of the page's shape."""
    top = headline(snapshot)
    values: dict[str, str | float] = {"level": top.level, "headline": top.text, "more": top.details}
    for job in snapshot.running:
        values |= {
            f"job-{job.id}-{name}": value for name, value in progress_values(job, left_s).items()
        }
    values["title"] = _tab_title(snapshot, top)
    return values | health_values(snapshot.reading)


def progress_values(job: Job, left_s: float | None) -> dict[str, str | float]:
    """Return the progress of a running job."""
    progress = min(job.done / job.total, 1.0) if job.total else 0.0
    known = job.total > 0 and job.stage in ("presenter", "speech", "render", "score")
    return {
        "stage": stage_name(job.stage),
        "share": round(progress, 4) if known else -1,
        "percent": f"{100 * progress:.0f} %" if known else "",
        "count": _frame_count_text(job),
        "left": _("{time} left", time=format_duration(left_s))
        if known and left_s is not None
        else "",
    }


def stage_name(word: str) -> str:
    """Return the name of a stage in the user's language."""
    return {
        "": _("Preparing"),
        "check": _("Checking the files"),
        "selftest": _("Preparing the model"),
        "tts": _("Generating speech"),
        "presenter": _("Analyzing the presenter"),
        "speech": _("Analyzing the lecture"),
        "render": _("Syncing the lips"),
        "mux": _("Assembling the video"),
        "score": _("Checking the result"),
    }.get(word, word)


def health_values(reading: Reading | None) -> dict[str, str | float]:
    """Return temperature, memory and disk; a dash for each value that is not measured."""
    if reading is None:
        unknown = dict.fromkeys(("heat", "heat-more", "memory", "disk"), "–")
        return {**unknown, "heat-more": "", "heat-level": "", "disk-level": "", "memory-level": ""}
    hottest, headroom = reading.hottest, reading.headroom_c
    values: dict[str, str | float] = {
        "heat": f"{hottest[1]:.0f} °C" if hottest else "–",
        "heat-more": "",
        "heat-level": "good" if hottest else "",
        "memory": format_size(reading.memory_available_mb),
        "memory-level": "warn" if reading.memory_available_mb < 500 else "good",
        "disk": format_size(reading.disk_free_mb),
        "disk-level": "warn" if reading.disk_free_mb < 5 * 1024 else "good",
    }
    if reading.throttled:
        values |= {"heat-level": "bad", "heat-more": _("Throttled")}
    elif headroom is not None and headroom < _NEAR_LIMIT_C:
        values |= {"heat-level": "warn", "heat-more": _("Near the limit")}
    return values


def display_title(job: Job) -> str:
    """Return the name of a job, or a placeholder if the user may not see the job."""
    if not can_view(job.owner):
        return _("Another user's video")
    return "".join(c if c.isprintable() else "�" for c in display_name(job.stem))


def owner_label(job: Job) -> str:
    """Return the owner of a job, or an empty text if the user may not see the job."""
    return (job.owner or _("From the inbox")) if can_view(job.owner) else ""


def queue_rows(queue: Sequence[Job]) -> list[QueueRow]:
    """Return the rows of the queue for the current user.

    Consecutive jobs that the user may not see are combined into one row with their number.
    """
    rows: list[QueueRow] = []
    for position, job in enumerate(queue, 1):
        if can_view(job.owner):
            rows = [row._replace(before_own=True) for row in rows]
            rows.append(QueueRow(position, job))
        elif rows and rows[-1].job is None:
            rows[-1] = rows[-1]._replace(others=rows[-1].others + 1)
        else:
            rows.append(QueueRow(position, None, 1))
    return rows


def visible_failed(snapshot: Snapshot) -> list[Job]:
    """Return the latest failed jobs that the current user may see."""
    return [job for job in snapshot.failed if can_view(job.owner)][:MAX_FAILED]


def visible_done(snapshot: Snapshot) -> list[Job]:
    """Return the latest finished jobs that the current user may see."""
    return [job for job in snapshot.done if can_view(job.owner)][:MAX_DONE]


def pending_request_text(job: Job) -> str:
    """Return the pending request of a running job as text, or an empty text."""
    if job.request is JobRequest.CANCEL:
        return _("Cancelling after the current part")
    return _("Pausing after the current part") if job.request is JobRequest.PAUSE else ""


def _frame_count_text(job: Job) -> str:
    if not job.total or job.stage not in ("render", "score", "presenter"):
        return ""
    return _("{done} of {total} frames", done=f"{job.done:,}", total=f"{job.total:,}")


def _queue_length_text(snapshot: Snapshot) -> str:
    waiting = snapshot.counts[JobState.QUEUED]
    if waiting == 0:
        return ""
    if not snapshot.running:
        return _("In the queue: {count}", count=waiting)
    return _("Also in the queue: {count}", count=waiting)


def _tab_title(snapshot: Snapshot, top: Headline) -> str:
    if snapshot.running:
        percent = progress_values(snapshot.running[0], None)["percent"]
        return f"{percent} {display_title(snapshot.running[0])}".strip()
    return top.text
