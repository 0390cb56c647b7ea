"""Find the files that a request names, and create jobs from them.

Requests never contain paths: they name an upload by its number and a presenter of the library by
its name.
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
"""Maximum number of jobs of one request (presenters times lectures)."""

_YOUNG_S = 60.0  # a younger folder may be about to be filled


class Source:
    """A presenter or a lecture.

    ``path`` is its current file, ``stem`` its name without suffix, ``upload`` the upload that it
    comes from, or ``None`` for a presenter of the library.
    """

    def __init__(self, path: Path, upload: Upload | None) -> None:
        self.path = path
        self.stem = path.stem
        self.upload = upload

    def own_copy(self, folder: Path) -> Path:
        """Return the path of a file that belongs to one job, which moves it when it ends.

        An upload is linked into ``folder`` without copying bytes; a presenter of the library is
        used where it is.
        """
        if self.upload is None:
            return self.path
        folder.mkdir(parents=True)
        uploads().link(self.upload, folder / self.upload.name)
        return folder / self.upload.name


def find_presenter_of(material: Material) -> Source:
    """Return the presenter that ``material`` names.

    Raises ``BadInput``: ``presenter_unknown``, ``upload_unknown``, ``upload_unfinished``,
    ``not_a_presenter``, ``request_bad``.
    """
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
    """Return the lecture that ``material`` names; of a video only the sound is used.

    Raises ``BadInput`` as :func:`find_presenter_of` does.
    """
    if material.library is not None:
        raise BadInput("request_bad", reason="a lecture is an upload")
    return _uploaded(material)


def make_jobs(wanted: NewJobs) -> list[Job]:
    """Queue one job for each pair of presenter and lecture: all of them or none.

    The uploads are deleted afterwards unless ``keep_uploads`` is set. Raises ``BadInput``: as
    above, ``job_options``, ``too_many_jobs``; ``Fault``: ``disk_full``, ``output_unwritable``.
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
    """Remove the empty folders of jobs that have ended."""
    for folder, _, _ in os.walk(_folder(), topdown=False):
        with contextlib.suppress(OSError):  # still in use
            young = time.time() - os.stat(folder).st_mtime < _YOUNG_S
            if not young and Path(folder) != _folder():
                os.rmdir(folder)


def library() -> Path:
    """Return the folder of the presenter library."""
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
