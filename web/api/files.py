"""What a job has made: watched, and taken along one by one or together."""

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

blueprint = Blueprint("api_files", __name__, url_prefix="/api/v1/jobs")


class FileQuery(Model):
    """``download``: as a file to keep; a video then counts as taken."""

    download: bool = False


class ArchiveQuery(Model):
    """Whose videos, and whether subtitles and reports come along."""

    job: Annotated[list[JobNumber], Field(min_length=1, max_length=200)]
    all: bool = False


@blueprint.get(f"/<{NUMBER}:job>/video")
@needs("viewer")
@operation("The finished video; parts of it by Range", query=FileQuery, produces="video/mp4")
def video(job: int, query: FileQuery) -> Response:
    """H.264 in MP4."""
    return _file(job, "video", query.download)


@blueprint.get(f"/<{NUMBER}:job>/thumbnail")
@needs("viewer")
@operation("A picture of the finished video", query=FileQuery, produces="image/jpeg")
def thumbnail(job: int, query: FileQuery) -> Response:
    """JPEG."""
    return _file(job, "thumbnail", query.download)


@blueprint.get(f"/<{NUMBER}:job>/before")
@needs("viewer")
@operation("A picture of the presenter as filmed", produces="image/jpeg")
def before(job: int) -> Response:
    """Where one was made when the presenter was looked at."""
    found = seen_job(job)
    picture = pictures().of(found.presenter) if found.presenter else None
    if picture is None:
        raise BadInput("file_gone", job=job)
    return send_file(picture, mimetype="image/jpeg", conditional=True)


@blueprint.get(f"/<{NUMBER}:job>/subtitles")
@needs("viewer")
@operation("The subtitles", query=FileQuery, produces="application/x-subrip")
def subtitles(job: int, query: FileQuery) -> Response:
    """SubRip (SRT)."""
    return _file(job, "subtitles", query.download)


@blueprint.get(f"/<{NUMBER}:job>/captions")
@needs("viewer")
@operation("The subtitles as browsers want them", produces="text/vtt")
def captions(job: int) -> Response:
    """WebVTT, which differs from SubRip by its head and by the point in its times."""
    found = seen_job(job)
    path = file_of(found, "subtitles")
    if path is None:
        raise BadInput("file_gone", job=job)
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    text = re.sub(r"(\d\d:\d\d:\d\d),(\d{3})", r"\1.\2", text)
    return Response("WEBVTT\n\n" + text, mimetype="text/vtt")


@blueprint.get(f"/<{NUMBER}:job>/report")
@needs("viewer")
@operation("What was done and measured", query=FileQuery, produces="application/json")
def report(job: int, query: FileQuery) -> Response:
    """JSON, as `lectern render --report` writes it."""
    return _file(job, "report", query.download)


@blueprint.get(f"/<{NUMBER}:job>/verdict")
@needs("viewer")
@operation("What the video is worth, in plain words", answer=Verdict)
def verdict(job: int) -> Verdict:
    """The grade, its reasons, and the moments to look at."""
    return verdict_of(file_of(seen_job(job), "report"))


@blueprint.get("/archive")
@needs("viewer")
@operation("Several videos as one zip", query=ArchiveQuery, produces="application/zip")
def archive(query: ArchiveQuery) -> Response:
    """Sent as it is made; nothing of it is written to the disk."""
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
    """Notes that these jobs' videos have been taken, whereupon they may be pruned; who may only
    look changes nothing by it."""
    if not may("teacher"):
        return lambda: None
    root, now = config().root, panel().now

    def note() -> None:  # after the request, whose own connection to the queue is closed
        with JobStore(store_path(root), now=now) as store:
            for number in numbers:
                store.fetched(number)

    return note


def _download_name(job: Job, path: Path) -> str:
    return shown(path.name).replace("\ufffd", "_") or f"{job.id}"
