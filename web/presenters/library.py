"""List, add and delete the presenters of the library."""

from __future__ import annotations

import os
from pathlib import Path

from appliance.errors import BadInput, Fault
from appliance.inbox.names import Kind, find_presenter, is_junk, key_of, kind_of
from appliance.jobs.states import FINAL, State
from web.new.material import library
from web.panel import jobs
from web.people.access import require
from web.uploads.record import clean_name
from web.uploads.tus import uploads

PHOTOS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".heif", ".avif"}
"""Suffixes of presenters that are photos."""


def presenters() -> list[Path]:
    """Return the files of the library, sorted by name."""
    try:
        entries = list(library().iterdir())
    except FileNotFoundError:
        return []
    found = [
        path
        for path in entries
        if not is_junk(path.name) and kind_of(path) is Kind.PRESENTER and path.is_file()
    ]
    return sorted(found, key=lambda path: key_of(path.stem))


def find(name: str) -> Path:
    """Return the file of a presenter. Raises ``BadInput("presenter_unknown")``."""
    path = find_presenter(library(), name)
    if path is None:
        raise BadInput("presenter_unknown", name=name)
    return path


def add(number: str, name: str | None) -> Path:
    """Add a finished upload to the library, under ``name`` or its own, and return its path.

    Raises ``BadInput``: ``upload_unknown``, ``upload_unfinished``, ``not_a_presenter``,
    ``presenter_exists``, ``file_kind``; ``Fault("output_unwritable")``.
    """
    upload = uploads().get(number, require("teacher").name)
    if upload.kind is not Kind.PRESENTER:
        raise BadInput("not_a_presenter", name=upload.name)
    ending = Path(upload.name).suffix
    path = library() / (clean_name(f"{name}{ending}") if name else upload.name)
    if find_presenter(library(), path.stem) is not None:
        raise BadInput("presenter_exists", name=path.stem)
    try:
        library().mkdir(parents=True, exist_ok=True)
        uploads().link(upload, path)
    except FileExistsError:
        raise BadInput("presenter_exists", name=path.stem) from None
    except OSError as error:
        raise Fault("output_unwritable", name=path.name, reason=error.strerror) from error
    uploads().discard(upload)
    return path


def remove(name: str) -> None:
    """Delete a presenter from the library.

    Raises ``BadInput``: ``presenter_unknown``, ``file_claimed`` while an unfinished job needs the
    presenter; ``Fault("output_unwritable")``.
    """
    path = find(name)
    for job in jobs().jobs(set(State) - FINAL):
        if job.presenter == path:
            raise BadInput("file_claimed", name=path.name)
    try:
        os.unlink(path)
    except OSError as error:
        raise Fault("output_unwritable", name=path.name, reason=error.strerror) from error
