"""From what people name to files, and from files to jobs.

People never name paths: an upload by its number, a presenter of the library by its name.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
import uuid
from pathlib import Path

from appliance.errors import BadInput, Fault, LecternError
from appliance.inbox.names import Kind, find_presenter
from appliance.jobs.options import with_options
from appliance.jobs.record import Job, NewJob
from web.api.schemas import Material, NewJobs
from web.care import material_folder
from web.panel import config, jobs
from web.people.access import require
from web.uploads.record import Upload
from web.uploads.tus import uploads

MAX_JOBS = 100
"""Of one request: presenters times lectures."""

_YOUNG_S = 60.0  # a folder as young may just be about to be filled


class Source:
    """A presenter or a lecture: its ``path`` now, its ``stem``, and the upload it comes from."""

    def __init__(self, path: Path, upload: Upload | None) -> None:
        self.path = path
        self.stem = path.stem
        self.upload = upload

    def own_copy(self, folder: Path) -> Path:
        """The file as one job's own, which is moved when that job ends; no bytes are copied."""
        if self.upload is None:
            return self.path
        folder.mkdir(parents=True)
        uploads().link(self.upload, folder / self.upload.name)
        return folder / self.upload.name


def find_presenter_of(material: Material) -> Source:
    """Raises ``BadInput``: ``presenter_unknown``, ``upload_unknown``, ``upload_unfinished``,
    ``not_a_presenter``, ``request_bad``."""
    if material.library is not None and material.upload is None:
        path = find_presenter(library(), material.library)
        if path is None:
            raise BadInput("presenter_unknown", name=material.library)
        return Source(path, None)
    source = _uploaded(material)
    if source.upload is not None and source.upload.kind is not Kind.PRESENTER:
        raise BadInput("not_a_presenter", name=source.upload.name)
    return source


def find_lecture_of(material: Material) -> Source:
    """Raises ``BadInput`` as :func:`find_presenter_of` does. A video may lend its sound."""
    if material.library is not None:
        raise BadInput("request_bad", reason="a lecture is an upload")
    return _uploaded(material)


def make_jobs(wanted: NewJobs) -> list[Job]:
    """Queue every pair; the uploads are used up, unless they are wanted further.

    Raises ``BadInput``: as above, ``job_options``, ``too_many_jobs``; ``Fault("disk_full")``.
    """
    count = len(wanted.presenters) * len(wanted.lectures)
    if count > MAX_JOBS:
        raise BadInput("too_many_jobs", count=count, limit=MAX_JOBS)
    settings = wanted.options.as_settings()
    with_options(config(), settings)
    presenters = [find_presenter_of(material) for material in wanted.presenters]
    lectures = [find_lecture_of(material) for material in wanted.lectures]
    owner = require("teacher").name
    new: list[NewJob] = []
    folders: list[Path] = []
    try:
        for lecture in lectures:
            for presenter in presenters:
                many = len(presenters) > 1
                stem = f"{lecture.stem} - {presenter.stem}" if many else lecture.stem
                folders.append(_folder() / uuid.uuid4().hex)
                new.append(_new_job(folders[-1], stem, presenter, lecture, settings, owner))
        made = jobs().add_all(new)
    except LecternError:
        for folder in folders:  # all jobs or none
            shutil.rmtree(folder, ignore_errors=True)
        raise
    if not wanted.keep_uploads:
        used = {s.upload.id: s.upload for s in (*presenters, *lectures) if s.upload is not None}
        for upload in used.values():
            uploads().discard(upload)
    tidy()
    return made


def _new_job(
    folder: Path,
    stem: str,
    presenter: Source,
    lecture: Source,
    settings: dict[str, dict[str, object]],
    owner: str,
) -> NewJob:
    try:
        paths = presenter.own_copy(folder / "presenter"), lecture.own_copy(folder / "lecture")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Fault("disk_full", name=stem) from error
        raise Fault("output_unwritable", name=stem, reason=error.strerror) from error
    claims = tuple(path for path in paths if path.is_relative_to(folder))
    return NewJob(stem, *paths, options=settings, claims=claims, owner=owner)


def tidy() -> None:
    """Remove the folders from which ended jobs' files have been moved."""
    for folder, _, _ in os.walk(_folder(), topdown=False):
        with contextlib.suppress(OSError):  # still in use
            young = time.time() - os.stat(folder).st_mtime < _YOUNG_S
            if not young and Path(folder) != _folder():
                os.rmdir(folder)


def library() -> Path:
    """The folder of presenters."""
    return config().root / "presenters"


def _folder() -> Path:
    return material_folder(config().root)


def _uploaded(material: Material) -> Source:
    if material.upload is None or material.library is not None:
        raise BadInput("request_bad", reason="name an upload or a presenter, not both")
    upload = uploads().get(material.upload, require("teacher").name)
    if not upload.complete:
        raise BadInput("upload_unfinished", name=upload.name)
    return Source(uploads().path(upload), upload)
