"""The results of jobs: video, thumbnail, subtitles and report, singly or as a zip archive."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from flask import Blueprint, Response, request
from pydantic import Field

from appliance.errors import BadInput
from appliance.jobs.models import Job, display_name
from appliance.system.regular_file import read_regular_text
from web.api.operation import operation
from web.context import get_job_store, get_panel, get_thumbnails
from web.schemas import NUMBER, JobNumber, Model, Verdict
from web.security.access import current_identity, role_required
from web.services.client_limits import download_limits
from web.services.downloads import download_callback, send_path
from web.services.job_access import ResultKind, get_visible_job, result_file, verdict_picture
from web.services.report_texts import localized_verdict
from web.services.zip_stream import flat_entries, stream_zip

TYPES: dict[ResultKind, str] = {
    "video": "video/mp4",
    "thumbnail": "image/jpeg",
    "subtitles": "application/x-subrip",
    "report": "application/json",
    "warnings": "text/plain",
    "warning_pictures": "image/jpeg",
}
"""Media type of each result file."""

MAX_SUBTITLE_BYTES = 8 << 20
"""Maximum size of the subtitles that are converted; those of 24 hours have about 2 MB."""

blueprint = Blueprint("api_files", __name__, url_prefix="/api/v1/jobs")


class FileQuery(Model):
    """How the file is sent."""

    download: bool = False
    """Send the file as an attachment. A teacher's or administrator's complete download of a video
    marks the video as downloaded."""


class ArchiveQuery(Model):
    """Contents of the archive."""

    job: Annotated[list[JobNumber], Field(min_length=1, max_length=200)]
    """Numbers of the jobs."""
    include_sidecars: bool = False
    """Also include subtitles, reports and warnings."""


@blueprint.get(f"/<{NUMBER}:job>/video")
@role_required("viewer")
@operation("Get the finished video (supports Range)", query=FileQuery, produces="video/mp4")
def video(job: int, query: FileQuery) -> Response:
    """Return the finished video, H.264 in MP4."""
    return _send_result(job, "video", query.download)


@blueprint.get(f"/<{NUMBER}:job>/thumbnail")
@role_required("viewer")
@operation("Get the thumbnail of the video", query=FileQuery, produces="image/jpeg")
def thumbnail(job: int, query: FileQuery) -> Response:
    """Return the thumbnail as JPEG."""
    return _send_result(job, "thumbnail", query.download)


@blueprint.get(f"/<{NUMBER}:job>/presenter-thumbnail")
@role_required("viewer")
@operation("Get an image of the presenter from the source file", produces="image/jpeg")
def presenter_thumbnail(job: int) -> Response:
    """Return an image of the presenter before lip-sync as JPEG.

    Raises ``BadInput("result_file_missing")`` if no thumbnail of the presenter has been made.
    """
    found = _visible_job(job)
    thumbnail = get_thumbnails().get(found.presenter) if found.presenter else None
    if thumbnail is None:
        raise BadInput("result_file_missing", job=job)
    return send_path(thumbnail, "image/jpeg")


@blueprint.get(f"/<{NUMBER}:job>/subtitles")
@role_required("viewer")
@operation("Get the subtitles as SubRip", query=FileQuery, produces="application/x-subrip")
def subtitles(job: int, query: FileQuery) -> Response:
    """Return the subtitles as SubRip (SRT)."""
    return _send_result(job, "subtitles", query.download)


@blueprint.get(f"/<{NUMBER}:job>/captions")
@role_required("viewer")
@operation("Get the subtitles as WebVTT", produces="text/vtt")
def captions(job: int) -> Response:
    """Return the subtitles as WebVTT, the format that browsers play.

    It differs from SubRip in its header and in the decimal point of its time stamps.
    """
    found = _visible_job(job)
    path = result_file(found, "subtitles")
    if path is None:
        raise BadInput("result_file_missing", job=job)
    try:
        text = read_regular_text(path, MAX_SUBTITLE_BYTES, errors="replace")
    except OSError:
        raise BadInput("result_file_missing", job=job) from None
    text = re.sub(r"(\d\d:\d\d:\d\d),(\d{3})", r"\1.\2", text)
    return Response("WEBVTT\n\n" + text, mimetype="text/vtt")


@blueprint.get(f"/<{NUMBER}:job>/report")
@role_required("viewer")
@operation("Get the report of the job", query=FileQuery, produces="application/json")
def report(job: int, query: FileQuery) -> Response:
    """Return the JSON report, in the format of ``lectern render --report``."""
    return _send_result(job, "report", query.download)


@blueprint.get(f"/<{NUMBER}:job>/warnings")
@role_required("viewer")
@operation("Get the warnings as text", query=FileQuery, produces="text/plain")
def warnings(job: int, query: FileQuery) -> Response:
    """Return the warnings with their times, in English and Chinese."""
    return _send_result(job, "warnings", query.download)


@blueprint.get(f"/<{NUMBER}:job>/warning-pictures")
@role_required("viewer")
@operation("Get the pictures of the warnings", query=FileQuery, produces="image/jpeg")
def warning_pictures(job: int, query: FileQuery) -> Response:
    """Return one JPEG with the frames at the times of the warnings."""
    return _send_result(job, "warning_pictures", query.download)


@blueprint.get(f"/<{NUMBER}:job>/verdict")
@role_required("viewer")
@operation("Get the quality verdict on the video", response=Verdict)
def verdict(job: int) -> Verdict:
    """Return the grade of the video, the reasons for it, and the moments to check."""
    return localized_verdict(result_file(_visible_job(job), "report"))


@blueprint.get(f"/<{NUMBER}:job>/pictures/<{NUMBER}:number>")
@role_required("viewer")
@operation("Get a picture that shows a reason of the verdict", produces="image/jpeg")
def picture(job: int, number: int) -> Response:
    """Return a frame of the video with the mouth marked, and the mouth enlarged, as JPEG.

    Raises ``BadInput("result_file_missing")`` if there is no such picture.
    """
    path = verdict_picture(_visible_job(job), number)
    if path is None:
        raise BadInput("result_file_missing", job=job)
    return send_path(path, "image/jpeg")


@blueprint.get("/archive")
@role_required("viewer")
@operation(
    "Download several videos as a ZIP archive", query=ArchiveQuery, produces="application/zip"
)
def archive(query: ArchiveQuery) -> Response:
    """Stream a zip archive. Nothing is written to the disk."""
    found = [_visible_job(number) for number in dict.fromkeys(query.job)]
    kinds: tuple[ResultKind, ...] = (
        ("video", "subtitles", "report", "warnings", "warning_pictures")
        if query.include_sidecars
        else ("video",)
    )
    paths: list[Path] = []
    for job in found:
        if result_file(job, "video") is None:
            raise BadInput("result_file_missing", job=job.id)
        paths += [path for kind in kinds if (path := result_file(job, kind)) is not None]
    mark_downloaded = _download_callback([job.id for job in found])
    entries = flat_entries(paths)
    response = Response(stream_zip(entries, mark_downloaded), mimetype="application/zip")
    response.call_on_close(_start_download())
    response.headers["Content-Disposition"] = 'attachment; filename="lectern.zip"'
    return response


def _send_result(number: int, kind: ResultKind, download: bool) -> Response:
    job = _visible_job(number)
    path = result_file(job, kind)
    if path is None:
        raise BadInput("result_file_missing", job=number)
    path = path.resolve()
    marks = download and kind == "video"
    return send_path(
        path,
        TYPES[kind],
        as_attachment=download,
        download_name=_download_name(job, path),
        on_complete=_download_callback([number]) if marks else lambda: None,
        on_close=_start_download() if kind == "video" else lambda: None,
    )


def _start_download() -> Callable[[], None]:
    """Count a download and return the function that ends it.

    Raises ``BadInput("too_many_downloads")``.
    """
    user = current_identity().require_role("viewer")
    release = download_limits().acquire(user.name, request.remote_addr or "")
    if release is None:
        raise BadInput("too_many_downloads")
    return release


def _visible_job(number: int) -> Job:
    return get_visible_job(current_identity(), get_job_store(), number)


def _download_callback(numbers: list[int]) -> Callable[[], None]:
    panel = get_panel()
    return download_callback(current_identity(), panel.config.root, panel.now, numbers)


def _download_name(job: Job, path: Path) -> str:
    return display_name(path.name).replace("\ufffd", "_") or f"{job.id}"
