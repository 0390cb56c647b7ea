"""Results: what has been made, page by page, and one of them at a time."""

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
    """One job as the page shows it."""

    job: JobView
    verdict: Verdict
    seconds: float | None
    mine: bool


@blueprint.get("")
@needs("viewer")
def index() -> str:
    """The latest first."""
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
    """The player, the verdict, and what can be taken along."""
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
    """For good."""
    delete_jobs([job])
    return redirect(url_for("results.index"))


@blueprint.post("/delete")
@needs("teacher")
def delete_several() -> Redirect:
    """What is ticked."""
    ticked = request.form.getlist("job")
    if not ticked or not all(map(_is_number, ticked)):
        raise BadInput("request_bad", reason="nothing is ticked")
    numbers = [int(value) for value in ticked]
    delete_jobs(numbers)
    return redirect(url_for("results.index"))


@blueprint.post(f"/<{NUMBER}:job>/retry")
@needs("teacher")
def retry(job: int) -> Redirect:
    """From the start."""
    jobs().retry(own_job(job).id)
    return redirect(url_for("home.index"))


def grades() -> dict[str | None, tuple[str, str]]:
    """A grade in a person's words, and how it is coloured."""
    return {
        "good": (_("Good"), "good"),
        "check": (_("Check it"), "warn"),
        "poor": (_("Poor"), "bad"),
        None: (_("Not measured"), ""),
    }


def facts(report: Any) -> list[tuple[str, str]]:
    """What a curious person asks of a finished video."""
    output, model = report.get("output") or {}, report.get("model") or {}
    face = report.get("face") or {}
    told: list[tuple[str, str]] = []
    try:
        if output:
            told += [
                (_("Length"), clock(output["duration_s"])),
                (_("Picture"), f"{output['width']} × {output['height']}, {output['fps']:g} fps"),
                (_("Size"), f"{output.get('bytes', 0) / 1e6:.1f} MB"),
            ]
        if "coverage" in face:
            told.append((_("Mouth moved in"), f"{100 * face['coverage']:.0f} %"))
        if "wall_s" in report:
            told.append((_("Time it took"), clock(report["wall_s"])))
        if model:
            told.append((_("Model"), f"{model['name']}, {model['precision']}"))
        if report.get("provider"):
            told.append((_("Computed on"), provider(str(report["provider"]))))
        for passed in report.get("providers_passed_over", []):
            name, _colon, reason = str(passed).partition(": ")
            if reason != "not in this ONNX Runtime":  # on most computers there is no other
                told.append((_("{name} is not used", name=provider(name)), reason))
    except (KeyError, TypeError, ValueError):  # a report of another version
        return told
    return told


def clock(seconds: float) -> str:
    """A length: 4:05 or 1:02:03."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def date(at: float | None) -> str:
    """A day and a time, on the box's clock."""
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
    """A page; nonsense is the first."""
    return int(value) if value is not None and _is_number(value) else 1


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 9
