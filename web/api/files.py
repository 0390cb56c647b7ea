"""The results of jobs: video, thumbnail, subtitles and report, singly or as a zip archive."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from flask import Blueprint, Response, request, send_file
from pydantic import Field

from appliance.errors import BadInput
from appliance.jobs.record import Job, shown
from appliance.jobs.store import JobStore, store_path
from web.api.operation import NUMBER, Model, operation
from web.api.schemas import JobNumber, Verdict
from web.panel import config, panel, pictures
from web.people.access import may, needs
from web.results.look import File, file_of, seen_job
from web.results.sending import noted
from web.results.words import verdict_of
from web.results.zip import flat_names, stream

TYPES: dict[File, str] = {
    "video": "video/mp4",
    "thumbnail": "image/jpeg",
    "subtitles": "application/x-subrip",
    "report": "application/json",
}
"""Media type of each result file."""

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
    all: bool = False
    """Also include subtitles and reports."""


@blueprint.get(f"/<{NUMBER}:job>/video")
@needs("viewer")
@operation("Get the finished video (supports Range)", query=FileQuery, produces="video/mp4")
def video(job: int, query: FileQuery) -> Response:
    """Return the finished video, H.264 in MP4."""
    return _file(job, "video", query.download)


@blueprint.get(f"/<{NUMBER}:job>/thumbnail")
@needs("viewer")
@operation("Get the thumbnail of the video", query=FileQuery, produces="image/jpeg")
def thumbnail(job: int, query: FileQuery) -> Response:
    """Return the thumbnail as JPEG."""
    return _file(job, "thumbnail", query.download)


@blueprint.get(f"/<{NUMBER}:job>/before")
@needs("viewer")
@operation("Get an image of the presenter as filmed", produces="image/jpeg")
def before(job: int) -> Response:
    """Return an image of the presenter before lip-sync as JPEG.

    Raises ``BadInput("file_gone")`` if no thumbnail of the presenter has been made.
    """
    found = seen_job(job)
    picture = pictures().of(found.presenter) if found.presenter else None
    if picture is None:
        raise BadInput("file_gone", job=job)
    return send_file(picture, mimetype="image/jpeg", conditional=True)


@blueprint.get(f"/<{NUMBER}:job>/subtitles")
@needs("viewer")
@operation("Get the subtitles as SubRip", query=FileQuery, produces="application/x-subrip")
def subtitles(job: int, query: FileQuery) -> Response:
    """Return the subtitles as SubRip (SRT)."""
    return _file(job, "subtitles", query.download)


@blueprint.get(f"/<{NUMBER}:job>/captions")
@needs("viewer")
@operation("Get the subtitles as WebVTT", produces="text/vtt")
def captions(job: int) -> Response:
    """Return the subtitles as WebVTT, the format that browsers play.

    It differs from SubRip in its header and in the decimal point of its time stamps.
    """
    found = seen_job(job)
    path = file_of(found, "subtitles")
    if path is None:
        raise BadInput("file_gone", job=job)
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    text = re.sub(r"(\d\d:\d\d:\d\d),(\d{3})", r"\1.\2", text)
    return Response("WEBVTT\n\n" + text, mimetype="text/vtt")


@blueprint.get(f"/<{NUMBER}:job>/report")
@needs("viewer")
@operation("Get the report of the job", query=FileQuery, produces="application/json")
def report(job: int, query: FileQuery) -> Response:
    """Return the JSON report, in the format of ``lectern render --report``."""
    return _file(job, "report", query.download)


@blueprint.get(f"/<{NUMBER}:job>/verdict")
@needs("viewer")
@operation("Get the quality verdict on the video", answer=Verdict)
def verdict(job: int) -> Verdict:
    """Return the grade of the video, the reasons for it, and the moments to check."""
    return verdict_of(file_of(seen_job(job), "report"))


@blueprint.get("/archive")
@needs("viewer")
@operation("Download several videos as a zip", query=ArchiveQuery, produces="application/zip")
def archive(query: ArchiveQuery) -> Response:
    """Stream a zip archive. Nothing is written to the disk."""
    found = [seen_job(number) for number in dict.fromkeys(query.job)]
    kinds: tuple[File, ...] = ("video", "subtitles", "report") if query.all else ("video",)
    paths: list[Path] = []
    for job in found:
        if file_of(job, "video") is None:
            raise BadInput("file_gone", job=job.id)
        paths += [path for kind in kinds if (path := file_of(job, kind)) is not None]
    note = _taken([job.id for job in found])
    response = Response(stream(flat_names(paths), note), mimetype="application/zip")
    response.headers["Content-Disposition"] = 'attachment; filename="lectern.zip"'
    return response


def _file(number: int, kind: File, download: bool) -> Response:
    job = seen_job(number)
    path = file_of(job, kind)
    if path is None:
        raise BadInput("file_gone", job=number)
    path = path.resolve()
    response = send_file(
        path,
        mimetype=TYPES[kind],
        as_attachment=download,
        download_name=_download_name(job, path),
        conditional=True,
    )
    if download and kind == "video" and request.method == "GET":
        return noted(response, path, _taken([number]))
    return response


def _taken(numbers: list[int]) -> Callable[[], None]:
    """Return a callback that marks the videos of these jobs as downloaded.

    Videos marked so may be deleted by retention. A viewer's download marks nothing.
    """
    if not may("teacher"):
        return lambda: None
    root, now = config().root, panel().now

    def note() -> None:  # called after the request, when its own connection is closed
        with JobStore(store_path(root), now=now) as store:
            for number in numbers:
                store.fetched(number)

    return note


def _download_name(job: Job, path: Path) -> str:
    return shown(path.name).replace("\ufffd", "_") or f"{job.id}"
