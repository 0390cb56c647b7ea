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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.config import Config, apply_overrides
from appliance.errors import BadInput, Fault, LecternError
from appliance.files.names import MediaKind, find_presenter
from appliance.jobs.models import Job, NewJob
from appliance.jobs.states import JobState
from appliance.jobs.store import JobStore
from web.context import job_files_folder
from web.schemas import FileMaterial, NewJobs
from web.security.access import Identity
from web.uploads.models import Limits, Upload
from web.uploads.store import UploadStore

MAX_JOBS = 100
"""Maximum number of jobs of one request (presenters times lectures)."""

MAX_QUEUED = 500
"""Number of jobs of one user that have not ended."""

_MIN_AGE_S = 60.0  # a younger folder may be about to be filled


@dataclass(frozen=True)
class SourceFile:
    """A presenter or a lecture.

    ``path`` is its current file. ``upload`` is the upload that it comes from, with its store; both
    are ``None`` for a presenter of the library.
    """

    path: Path
    upload: Upload | None = None
    uploads: UploadStore | None = None

    @property
    def stem(self) -> str:
        """Name of the file without its suffix."""
        return self.path.stem

    def link_into(self, folder: Path) -> Path:
        """Return the path of a file that belongs to one job, which moves it when it ends.

        An upload is linked into ``folder`` without copying bytes; a presenter of the library is
        used where it is.
        """
        if self.upload is None or self.uploads is None:
            return self.path
        folder.mkdir(parents=True)
        self.uploads.link(self.upload, folder / self.upload.name)
        return folder / self.upload.name


def resolve_presenter(
    identity: Identity, uploads: UploadStore, root: Path, material: FileMaterial
) -> SourceFile:
    """Return the presenter that ``material`` names.

    Raises ``BadInput``: ``presenter_unknown``, ``upload_unknown``, ``upload_incomplete``,
    ``presenter_type_unsupported``, ``bad_request``.
    """
    if material.library is not None and material.upload is None:
        path = find_presenter(library_folder(root), material.library)
        if path is None:
            raise BadInput("presenter_unknown", name=material.library)
        return SourceFile(path)
    source = _resolve_upload(identity, uploads, material)
    if source.upload is not None and source.upload.kind is not MediaKind.PRESENTER:
        raise BadInput("presenter_type_unsupported", name=source.upload.name)
    return source


def resolve_lecture(identity: Identity, uploads: UploadStore, material: FileMaterial) -> SourceFile:
    """Return the lecture that ``material`` names; of a video only the sound is used.

    Raises ``BadInput`` as :func:`resolve_presenter` does.
    """
    if material.library is not None:
        raise BadInput("bad_request", reason="a lecture is an upload")
    return _resolve_upload(identity, uploads, material)


def create_jobs(
    identity: Identity, store: JobStore, uploads: UploadStore, config: Config, wanted: NewJobs
) -> list[Job]:
    """Queue one job for each pair of presenter and lecture: all of them or none.

    The uploads are deleted afterwards unless ``keep_uploads`` is set. Raises ``BadInput``: as
    above, ``job_options_invalid``, ``too_many_jobs``, ``too_many_queued_jobs``,
    ``queue_quota_exceeded``; ``Fault``: ``disk_full``,
    ``output_unwritable``.
    """
    count = len(wanted.presenters) * len(wanted.lectures)
    if count > MAX_JOBS:
        raise BadInput("too_many_jobs", count=count, limit=MAX_JOBS)
    settings = wanted.options.as_settings()
    apply_overrides(config, settings)
    presenters = [
        resolve_presenter(identity, uploads, config.root, material)
        for material in wanted.presenters
    ]
    lectures = [resolve_lecture(identity, uploads, material) for material in wanted.lectures]
    owner = identity.require_role("teacher").name
    new: list[NewJob] = []
    folders: list[Path] = []
    try:
        for lecture in lectures:
            for presenter in presenters:
                many = len(presenters) > 1
                stem = f"{lecture.stem} - {presenter.stem}" if many else lecture.stem
                folders.append(job_files_folder(config.root) / uuid.uuid4().hex)
                new.append(_new_job(folders[-1], stem, presenter, lecture, settings, owner))
        _check_share(store, config, owner, new)
        created = store.add_all(new)
    except LecternError:
        for folder in folders:  # all jobs or none
            shutil.rmtree(folder, ignore_errors=True)
        raise
    if not wanted.keep_uploads:
        used = {s.upload.id: s.upload for s in (*presenters, *lectures) if s.upload is not None}
        for upload in used.values():
            uploads.delete(upload)
    remove_empty_folders(config.root)
    return created


def _check_share(store: JobStore, config: Config, owner: str, new: Sequence[NewJob]) -> None:
    """Check that ``owner`` does not take more of the queue and of the disk than one user may.

    The files of waiting jobs count like uploads, from which they were made: together they are
    limited to ``uploads.user_quota_gb``. Raises ``BadInput``: ``too_many_queued_jobs``,
    ``queue_quota_exceeded``.
    """
    states = (JobState.QUEUED, JobState.WAITING, JobState.PAUSED, JobState.RUNNING)
    counts = store.counts(owner)
    count = sum(counts[state] for state in states)
    if count + len(new) > MAX_QUEUED:
        raise BadInput("too_many_queued_jobs", count=count, limit=MAX_QUEUED)
    claimed = {path for job in new for path in job.claims} | set(store.files.source_paths(owner))
    sizes: dict[tuple[int, int], int] = {}
    for path in claimed:
        with contextlib.suppress(OSError):  # several jobs may share the bytes of one upload
            status = path.stat()
            sizes[status.st_dev, status.st_ino] = status.st_size
    limit = Limits.from_config(config).user_bytes
    if sum(sizes.values()) > limit:
        raise BadInput("queue_quota_exceeded", limit=f"{limit / 1e9:g} GB")


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


def remove_empty_folders(root: Path) -> None:
    """Remove the empty folders of jobs that have ended."""
    top = job_files_folder(root)
    for folder, _, _ in os.walk(top, topdown=False):
        with contextlib.suppress(OSError):  # still in use
            is_recent = abs(time.time() - os.stat(folder).st_mtime) < _MIN_AGE_S
            if not is_recent and Path(folder) != top:
                os.rmdir(folder)


def library_folder(root: Path) -> Path:
    """Return the folder of the presenter library."""
    return root / "presenters"


def _resolve_upload(identity: Identity, uploads: UploadStore, material: FileMaterial) -> SourceFile:
    if material.upload is None or material.library is not None:
        raise BadInput("bad_request", reason="exactly one of upload and library must be set")
    upload = uploads.get(material.upload, identity.require_role("teacher").name)
    if not upload.complete:
        raise BadInput("upload_incomplete", name=upload.name)
    return SourceFile(uploads.path(upload), upload, uploads)
