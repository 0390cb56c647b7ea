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

from appliance.config import apply_overrides
from appliance.errors import BadInput, Fault, LecternError
from appliance.files.names import MediaKind, find_presenter
from appliance.jobs.models import Job, NewJob
from web.context import get_config, get_job_store, material_folder, uploads
from web.schemas import FileMaterial, NewJobs
from web.security.access import require_role
from web.uploads.models import Upload

MAX_JOBS = 100
"""Maximum number of jobs of one request (presenters times lectures)."""

_MIN_AGE_S = 60.0  # a younger folder may be about to be filled


class SourceFile:
    """A presenter or a lecture.

    ``path`` is its current file, ``stem`` its name without suffix, ``upload`` the upload that it
    comes from, or ``None`` for a presenter of the library.
    """

    def __init__(self, path: Path, upload: Upload | None) -> None:
        self.path = path
        self.stem = path.stem
        self.upload = upload

    def link_into(self, folder: Path) -> Path:
        """Return the path of a file that belongs to one job, which moves it when it ends.

        An upload is linked into ``folder`` without copying bytes; a presenter of the library is
        used where it is.
        """
        if self.upload is None:
            return self.path
        folder.mkdir(parents=True)
        uploads().link(self.upload, folder / self.upload.name)
        return folder / self.upload.name


def resolve_presenter(material: FileMaterial) -> SourceFile:
    """Return the presenter that ``material`` names.

    Raises ``BadInput``: ``presenter_unknown``, ``upload_unknown``, ``upload_incomplete``,
    ``presenter_type_unsupported``, ``bad_request``.
    """
    if material.library is not None and material.upload is None:
        path = find_presenter(library_presenters(), material.library)
        if path is None:
            raise BadInput("presenter_unknown", name=material.library)
        return SourceFile(path, None)
    source = _resolve_upload(material)
    if source.upload is not None and source.upload.kind is not MediaKind.PRESENTER:
        raise BadInput("presenter_type_unsupported", name=source.upload.name)
    return source


def resolve_lecture(material: FileMaterial) -> SourceFile:
    """Return the lecture that ``material`` names; of a video only the sound is used.

    Raises ``BadInput`` as :func:`resolve_presenter` does.
    """
    if material.library is not None:
        raise BadInput("bad_request", reason="a lecture is an upload")
    return _resolve_upload(material)


def create_jobs(wanted: NewJobs) -> list[Job]:
    """Queue one job for each pair of presenter and lecture: all of them or none.

    The uploads are deleted afterwards unless ``keep_uploads`` is set. Raises ``BadInput``: as
    above, ``job_options_invalid``, ``too_many_jobs``; ``Fault``: ``disk_full``,
    ``output_unwritable``.
    """
    count = len(wanted.presenters) * len(wanted.lectures)
    if count > MAX_JOBS:
        raise BadInput("too_many_jobs", count=count, limit=MAX_JOBS)
    settings = wanted.options.as_settings()
    apply_overrides(get_config(), settings)
    presenters = [resolve_presenter(material) for material in wanted.presenters]
    lectures = [resolve_lecture(material) for material in wanted.lectures]
    owner = require_role("teacher").name
    new: list[NewJob] = []
    folders: list[Path] = []
    try:
        for lecture in lectures:
            for presenter in presenters:
                many = len(presenters) > 1
                stem = f"{lecture.stem} - {presenter.stem}" if many else lecture.stem
                folders.append(_job_files_folder() / uuid.uuid4().hex)
                new.append(_new_job(folders[-1], stem, presenter, lecture, settings, owner))
        made = get_job_store().add_all(new)
    except LecternError:
        for folder in folders:  # all jobs or none
            shutil.rmtree(folder, ignore_errors=True)
        raise
    if not wanted.keep_uploads:
        used = {s.upload.id: s.upload for s in (*presenters, *lectures) if s.upload is not None}
        for upload in used.values():
            uploads().delete(upload)
    remove_empty_folders()
    return made


def _new_job(
    folder: Path,
    stem: str,
    presenter: SourceFile,
    lecture: SourceFile,
    settings: dict[str, dict[str, object]],
    owner: str,
) -> NewJob:
    try:
        paths = presenter.link_into(folder / "presenter"), lecture.link_into(folder / "lecture")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Fault("disk_full", name=stem) from error
        raise Fault("output_unwritable", name=stem, reason=error.strerror) from error
    claims = tuple(path for path in paths if path.is_relative_to(folder))
    return NewJob(stem, *paths, options=settings, claims=claims, owner=owner)


def remove_empty_folders() -> None:
    """Remove the empty folders of jobs that have ended."""
    for folder, _, _ in os.walk(_job_files_folder(), topdown=False):
        with contextlib.suppress(OSError):  # still in use
            is_recent = time.time() - os.stat(folder).st_mtime < _MIN_AGE_S
            if not is_recent and Path(folder) != _job_files_folder():
                os.rmdir(folder)


def library_presenters() -> Path:
    """Return the folder of the presenter library."""
    return get_config().root / "presenters"


def _job_files_folder() -> Path:
    return material_folder(get_config().root)


def _resolve_upload(material: FileMaterial) -> SourceFile:
    if material.upload is None or material.library is not None:
        raise BadInput("bad_request", reason="name an upload or a presenter, not both")
    upload = uploads().get(material.upload, require_role("teacher").name)
    if not upload.complete:
        raise BadInput("upload_incomplete", name=upload.name)
    return SourceFile(uploads().path(upload), upload)
