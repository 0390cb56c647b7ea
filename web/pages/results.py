"""The results: a list of ended jobs, and a page for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

from appliance.errors import BadInput
from appliance.jobs.models import Job
from appliance.jobs.states import JobState
from web.context import get_config, get_job_store, get_thumbnails
from web.i18n import _
from web.schemas import NUMBER, JobView, Verdict
from web.security.access import can_edit, current_identity, role_required
from web.services.formatting import format_length, provider_name
from web.services.job_access import (
    existing_pictures,
    find_jobs,
    get_editable_job,
    get_visible_job,
    job_view,
    result_file,
)
from web.services.job_actions import delete_jobs
from web.services.report_texts import localized_verdict, read_report

blueprint = Blueprint("results", __name__, url_prefix="/results")

PAGE_SIZE = 12
FILTERS: dict[str, tuple[JobState, ...]] = {
    "done": (JobState.DONE,),
    "failed": (JobState.FAILED, JobState.CANCELLED),
}


@dataclass(frozen=True)
class Row:
    """A job as the page shows it."""

    job: JobView
    verdict: Verdict
    seconds: float | None
    can_edit: bool


@blueprint.get("")
@role_required("viewer")
def index() -> str:
    """Render the list of results, newest first."""
    show = request.args.get("show", "done")
    words = request.args.get("words", "")[:200]
    page = find_jobs(
        current_identity(),
        get_config().root,
        FILTERS.get(show, FILTERS["done"]),
        words=words,
        page=_page_number(request.args.get("page")),
        size=PAGE_SIZE,
    )
    return render_template(
        "results/index.html",
        rows=[_row(job) for job in page.jobs],
        page=page,
        words=words,
        show=show if show in FILTERS else "done",
        grades=grade_labels(),
    )


@blueprint.get(f"/<{NUMBER}:job>")
@role_required("viewer")
def show(job: int) -> str:
    """Render the page of a job: player, verdict and downloads."""
    found = get_visible_job(current_identity(), get_job_store(), job)
    report = read_report(result_file(found, "report"))
    return render_template(
        "results/show.html",
        row=_row(found),
        has_presenter_thumbnail=found.presenter is not None
        and get_thumbnails().get(found.presenter) is not None,
        properties=result_properties(report),
        pictures=existing_pictures(found),
        grades=grade_labels(),
    )


@blueprint.post(f"/<{NUMBER}:job>/delete")
@role_required("teacher")
def delete(job: int) -> Redirect:
    """Delete the job and its files. This cannot be undone."""
    _delete([job])
    return redirect(url_for("results.index"))


@blueprint.post("/delete")
@role_required("teacher")
def delete_several() -> Redirect:
    """Delete the selected jobs."""
    selected = request.form.getlist("job")
    if not selected or not all(map(_is_number, selected)):
        raise BadInput("bad_request", reason="no job is selected")
    _delete([int(value) for value in selected])
    return redirect(url_for("results.index"))


@blueprint.post(f"/<{NUMBER}:job>/retry")
@role_required("teacher")
def retry(job: int) -> Redirect:
    """Run the job again from the beginning."""
    store = get_job_store()
    store.retry(get_editable_job(current_identity(), store, job).id)
    return redirect(url_for("home.index"))


def grade_labels() -> dict[str, tuple[str, str]]:
    """Return the label and the colour of each grade."""
    return {
        "good": (_("Good"), "good"),
        "check": (_("Check recommended"), "warn"),
        "poor": (_("Poor"), "bad"),
        "not_measured": (_("Not measured"), ""),
    }


def result_properties(report: Any) -> list[tuple[str, str]]:
    """Return properties of a finished video as pairs of name and value."""
    output, model = report.get("output") or {}, report.get("model") or {}
    face = report.get("face") or {}
    properties: list[tuple[str, str]] = []
    try:
        if output:
            properties += [
                (_("Duration"), format_length(output["duration_s"])),
                (_("Resolution"), f"{output['width']} × {output['height']}, {output['fps']:g} fps"),
                (_("File size"), f"{output.get('bytes', 0) / 1e6:.1f} MB"),
            ]
        if "coverage" in face:
            properties.append((_("Lips synced"), f"{100 * face['coverage']:.0f} %"))
        if "wall_s" in report:
            properties.append((_("Processing time"), format_length(report["wall_s"])))
        if model:
            properties.append((_("Model"), f"{model['name']}, {model['precision']}"))
        if report.get("provider"):
            properties.append((_("Inference provider"), provider_name(str(report["provider"]))))
        for rejected in report.get("rejected_providers", []):
            name, _colon, reason = str(rejected).partition(": ")
            if reason != "not in this ONNX Runtime":  # expected on most computers
                properties.append((_("{name} is not used", name=provider_name(name)), reason))
    except (KeyError, TypeError, ValueError):  # a report of another version
        return properties
    return properties


def _delete(numbers: list[int]) -> None:
    delete_jobs(current_identity(), get_job_store(), get_thumbnails(), get_config().root, numbers)


def _row(job: Job) -> Row:
    report = result_file(job, "report")
    length = (read_report(report).get("output") or {}).get("duration_s")
    return Row(
        job=job_view(job),
        verdict=localized_verdict(report),
        seconds=length if isinstance(length, (int, float)) else None,
        can_edit=can_edit(job.owner),
    )


def _page_number(value: str | None) -> int:
    """Return the number of a page; 1 if ``value`` is not a number."""
    return int(value) if value is not None and _is_number(value) else 1


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 9
