"""List, add and delete the presenters of the library."""

from __future__ import annotations

import os
from pathlib import Path

from flask import url_for

from appliance.errors import BadInput, Fault
from appliance.files.names import MediaKind, find_presenter, is_ignored, match_key, media_kind
from appliance.jobs.models import display_name
from appliance.jobs.states import FINAL_STATES, JobState
from web.context import get_job_store, uploads
from web.schemas import PresenterView
from web.security.access import require_role
from web.services.job_creation import library_presenters
from web.uploads.models import clean_name

PHOTO_SUFFIXES = {
    ".jpg",
    ".jpeg",
    ".png",
    ".bmp",
    ".webp",
    ".tif",
    ".tiff",
    ".heic",
    ".heif",
    ".avif",
}
"""Suffixes of presenters that are photos."""


def list_presenters() -> list[Path]:
    """Return the files of the library, sorted by name."""
    try:
        entries = list(library_presenters().iterdir())
    except FileNotFoundError:
        return []
    found = [
        path
        for path in entries
        if not is_ignored(path.name) and media_kind(path) is MediaKind.PRESENTER and path.is_file()
    ]
    return sorted(found, key=lambda path: match_key(path.stem))


def get_presenter(name: str) -> Path:
    """Return the file of a presenter. Raises ``BadInput("presenter_unknown")``."""
    path = find_presenter(library_presenters(), name)
    if path is None:
        raise BadInput("presenter_unknown", name=name)
    return path


def add_presenter(number: str, name: str | None) -> Path:
    """Add a finished upload to the library, under ``name`` or its own, and return its path.

    Raises ``BadInput``: ``upload_unknown``, ``upload_incomplete``, ``presenter_type_unsupported``,
    ``presenter_exists``, ``file_type_unsupported``; ``Fault("output_unwritable")``.
    """
    upload = uploads().get(number, require_role("teacher").name)
    if upload.kind is not MediaKind.PRESENTER:
        raise BadInput("presenter_type_unsupported", name=upload.name)
    suffix = Path(upload.name).suffix
    path = library_presenters() / (clean_name(f"{name}{suffix}") if name else upload.name)
    if find_presenter(library_presenters(), path.stem) is not None:
        raise BadInput("presenter_exists", name=path.stem)
    try:
        library_presenters().mkdir(parents=True, exist_ok=True)
        uploads().link(upload, path)
    except FileExistsError:
        raise BadInput("presenter_exists", name=path.stem) from None
    except OSError as error:
        raise Fault("output_unwritable", name=path.name, reason=error.strerror) from error
    uploads().delete(upload)
    return path


def delete_presenter(name: str) -> None:
    """Delete a presenter from the library.

    Raises ``BadInput``: ``presenter_unknown``, ``file_in_use`` while an unfinished job needs the
    presenter; ``Fault("output_unwritable")``.
    """
    path = get_presenter(name)
    for job in get_job_store().jobs(set(JobState) - FINAL_STATES):
        if job.presenter == path:
            raise BadInput("file_in_use", name=path.name)
    try:
        os.unlink(path)
    except OSError as error:
        raise Fault("output_unwritable", name=path.name, reason=error.strerror) from error


def presenter_view(path: Path) -> PresenterView:
    """Return a presenter as the API shows it."""
    return PresenterView(
        name=display_name(path.stem),
        file=display_name(path.name),
        bytes=path.stat().st_size,
        photo=path.suffix.casefold() in PHOTO_SUFFIXES,
        thumbnail=url_for("api_presenters.thumbnail", name=display_name(path.stem)),
    )
