"""The results: a list of ended jobs, and a page for each of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

from appliance.errors import BadInput
from appliance.jobs.history import History
from appliance.jobs.record import Job
from appliance.jobs.states import State
from appliance.jobs.store import store_path
from web.api.jobs import delete_jobs
from web.api.operation import NUMBER
from web.api.schemas import JobView, Verdict
from web.home.words import provider
from web.i18n import _
from web.panel import config, jobs, pictures
from web.people.access import may_touch, needs
from web.results.look import file_of, own_job, owners, seen_job, view
from web.results.words import read_report, verdict_of

blueprint = Blueprint("results", __name__, url_prefix="/results")

PAGE_SIZE = 12
FILTERS: dict[str, tuple[State, ...]] = {
    "done": (State.DONE,),
    "failed": (State.FAILED, State.CANCELLED),
}


@dataclass(frozen=True)
class Row:
    """A job as the page shows it."""

    job: JobView
    verdict: Verdict
    seconds: float | None
    mine: bool


@blueprint.get("")
@needs("viewer")
def index() -> str:
    """Render the list of results, newest first."""
    show = request.args.get("show", "done")
    words = request.args.get("words", "")[:200]
    with History(store_path(config().root)) as history:
        page = history.page(
            FILTERS.get(show, FILTERS["done"]),
            words=words,
            owners=owners(),
            number=_number(request.args.get("page")),
            size=PAGE_SIZE,
        )
    return render_template(
        "results/index.html",
        rows=[_row(job) for job in page.jobs],
        page=page,
        words=words,
        show=show if show in FILTERS else "done",
        grades=grades(),
        clock=clock,
        date=date,
    )


@blueprint.get(f"/<{NUMBER}:job>")
@needs("viewer")
def show(job: int) -> str:
    """Render the page of a job: player, verdict and downloads."""
    found = seen_job(job)
    report = read_report(file_of(found, "report"))
    return render_template(
        "results/show.html",
        row=_row(found),
        before=found.presenter is not None and pictures().of(found.presenter) is not None,
        facts=facts(report),
        grades=grades(),
        clock=clock,
        date=date,
    )


@blueprint.post(f"/<{NUMBER}:job>/delete")
@needs("teacher")
def delete(job: int) -> Redirect:
    """Delete the job and its files. This cannot be undone."""
    delete_jobs([job])
    return redirect(url_for("results.index"))


@blueprint.post("/delete")
@needs("teacher")
def delete_several() -> Redirect:
    """Delete the selected jobs."""
    ticked = request.form.getlist("job")
    if not ticked or not all(map(_is_number, ticked)):
        raise BadInput("request_bad", reason="nothing is ticked")
    numbers = [int(value) for value in ticked]
    delete_jobs(numbers)
    return redirect(url_for("results.index"))


@blueprint.post(f"/<{NUMBER}:job>/retry")
@needs("teacher")
def retry(job: int) -> Redirect:
    """Run the job again from the beginning."""
    jobs().retry(own_job(job).id)
    return redirect(url_for("home.index"))


def grades() -> dict[str | None, tuple[str, str]]:
    """Return the label and the colour of each grade."""
    return {
        "good": (_("Good"), "good"),
        "check": (_("Check recommended"), "warn"),
        "poor": (_("Poor"), "bad"),
        None: (_("Not rated"), ""),
    }


def facts(report: Any) -> list[tuple[str, str]]:
    """Return properties of a finished video as pairs of name and value."""
    output, model = report.get("output") or {}, report.get("model") or {}
    face = report.get("face") or {}
    told: list[tuple[str, str]] = []
    try:
        if output:
            told += [
                (_("Duration"), clock(output["duration_s"])),
                (_("Resolution"), f"{output['width']} × {output['height']}, {output['fps']:g} fps"),
                (_("File size"), f"{output.get('bytes', 0) / 1e6:.1f} MB"),
            ]
        if "coverage" in face:
            told.append((_("Lips synced"), f"{100 * face['coverage']:.0f} %"))
        if "wall_s" in report:
            told.append((_("Processing time"), clock(report["wall_s"])))
        if model:
            told.append((_("Model"), f"{model['name']}, {model['precision']}"))
        if report.get("provider"):
            told.append((_("Compute backend"), provider(str(report["provider"]))))
        for passed in report.get("providers_passed_over", []):
            name, _colon, reason = str(passed).partition(": ")
            if reason != "not in this ONNX Runtime":  # expected on most computers
                told.append((_("{name} is not used", name=provider(name)), reason))
    except (KeyError, TypeError, ValueError):  # a report of another version
        return told
    return told


def clock(seconds: float) -> str:
    """Return a duration as text: 4:05 or 1:02:03."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def date(at: float | None) -> str:
    """Return a date and time in the device's time zone as text."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at)) if at is not None else ""


def _row(job: Job) -> Row:
    report = file_of(job, "report")
    length = (read_report(report).get("output") or {}).get("duration_s")
    return Row(
        job=view(job),
        verdict=verdict_of(report),
        seconds=length if isinstance(length, (int, float)) else None,
        mine=may_touch(job.owner),
    )


def _number(value: str | None) -> int:
    """Return the number of a page; 1 if ``value`` is not a number."""
    return int(value) if value is not None and _is_number(value) else 1


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 9
