"""List, add and delete the presenters of the library."""

from __future__ import annotations

import os
from pathlib import Path

from flask import url_for

from appliance.errors import BadInput, Fault
from appliance.files.learning_recordings import (
    delete_recording,
    find_recording,
    store_recording,
)
from appliance.files.names import (
    PHOTO_SUFFIXES,
    MediaKind,
    find_presenter,
    is_ignored,
    match_key,
    media_kind,
)
from appliance.jobs.models import display_name
from appliance.jobs.states import FINAL_STATES, JobState
from appliance.jobs.store import JobStore
from appliance.system.regular_file import is_regular
from web.presenter_schemas import PresenterView
from web.security.access import Identity
from web.services.job_creation import library_folder
from web.uploads.models import clean_name
from web.uploads.store import UploadStore


def list_presenters(root: Path) -> list[Path]:
    """Return the files of the library, sorted by name."""
    try:
        entries = list(library_folder(root).iterdir())
    except FileNotFoundError:
        return []
    found = [
        path
        for path in entries
        if not is_ignored(path.name)
        and media_kind(path) is MediaKind.PRESENTER
        and is_regular(path)
    ]
    return sorted(found, key=lambda path: match_key(path.stem))


def get_presenter(root: Path, name: str) -> Path:
    """Return the file of a presenter. Raises ``BadInput("presenter_unknown")``."""
    path = find_presenter(library_folder(root), name)
    if path is None:
        raise BadInput("presenter_unknown", name=name)
    return path


def add_presenter(
    identity: Identity, uploads: UploadStore, root: Path, number: str, name: str | None
) -> Path:
    """Add a finished upload of the user to the library and return its path.

    ``number`` is the number of the upload, ``name`` the name of the presenter; ``None`` keeps the
    name of the upload.

    Raises ``BadInput``: ``upload_unknown``, ``upload_incomplete``, ``presenter_type_unsupported``,
    ``presenter_exists``, ``file_type_unsupported``; ``Fault("output_unwritable")``.
    """
    upload = uploads.get(number, identity.require_role("teacher").name)
    if upload.kind is not MediaKind.PRESENTER:
        raise BadInput("presenter_type_unsupported", name=upload.name)
    suffix = Path(upload.name).suffix
    folder = library_folder(root)
    path = folder / (clean_name(f"{name}{suffix}") if name else upload.name)
    if find_presenter(folder, path.stem) is not None:
        raise BadInput("presenter_exists", name=path.stem)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        uploads.link(upload, path)
    except FileExistsError:
        raise BadInput("presenter_exists", name=path.stem) from None
    except OSError as error:
        raise Fault("output_unwritable", name=path.name, reason=error.strerror) from error
    uploads.delete(upload)
    return path


def delete_presenter(store: JobStore, root: Path, name: str) -> None:
    """Delete a presenter from the library.

    Raises ``BadInput``: ``presenter_unknown``, ``file_in_use`` while an unfinished job needs the
    presenter; ``Fault("output_unwritable")``.
    """
    path = get_presenter(root, name)
    _check_unused(store, path)
    try:
        delete_recording(root, path)
        os.unlink(path)
    except OSError as error:
        raise Fault("output_unwritable", name=path.name, reason=error.strerror) from error


def add_recording(
    identity: Identity, uploads: UploadStore, root: Path, number: str, name: str
) -> Path:
    """Store a finished upload of the user as the recording of presenter ``name``.

    It replaces an earlier one. Returns the presenter's file. Raises ``BadInput``:
    ``presenter_unknown``, ``upload_unknown``, ``upload_incomplete``,
    ``recording_type_unsupported``; ``Fault("output_unwritable")``.
    """
    path = get_presenter(root, name)
    upload = uploads.get(number, identity.require_role("teacher").name)
    suffix = Path(upload.name).suffix
    if upload.kind is not MediaKind.PRESENTER or suffix.casefold() in PHOTO_SUFFIXES:
        raise BadInput("recording_type_unsupported", name=upload.name)
    try:
        store_recording(root, path, lambda target: uploads.link(upload, target), suffix)
    except OSError as error:
        raise Fault("output_unwritable", name=path.name, reason=error.strerror) from error
    uploads.delete(upload)
    return path


def remove_recording(root: Path, name: str) -> Path:
    """Delete the recording of presenter ``name``, if there is one; return the presenter's file.

    Raises ``BadInput("presenter_unknown")`` and ``Fault("output_unwritable")``.
    """
    path = get_presenter(root, name)
    try:
        delete_recording(root, path)
    except OSError as error:
        raise Fault("output_unwritable", name=path.name, reason=error.strerror) from error
    return path


def has_recording(root: Path, presenter: Path) -> bool:
    """Return whether ``presenter`` has a recording from which is learned."""
    return find_recording(root, presenter) is not None


def _check_unused(store: JobStore, path: Path) -> None:
    """Raise ``BadInput("file_in_use")`` while an unfinished job needs the presenter."""
    for job in store.jobs(set(JobState) - FINAL_STATES):
        if job.presenter == path:
            raise BadInput("file_in_use", name=path.name)


def presenter_view(path: Path) -> PresenterView:
    """Return a presenter as the API shows it."""
    return PresenterView(
        name=display_name(path.stem),
        file=display_name(path.name),
        bytes=path.stat().st_size,
        photo=path.suffix.casefold() in PHOTO_SUFFIXES,
        thumbnail=url_for("api_presenters.thumbnail", name=display_name(path.stem)),
    )
