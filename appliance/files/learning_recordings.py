"""Recordings from which is learned how a presenter of the library speaks.

    presenters/wang.mp4             the clip that is shown
    presenters/learning/wang.mp4    half a minute in which the same person reads a text

The recording itself is never shown.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from appliance.files.atomic import temp_path
from appliance.files.names import PHOTO_SUFFIXES, find_presenter, match_stem

LIBRARY_FOLDER, LEARNING_FOLDER = "presenters", "learning"


def find_recording(root: Path, presenter: Path) -> Path | None:
    """Return the recording of ``presenter``; ``None`` without one, or outside of the library.

    ``root`` is the folder that contains the library. A photo is not a recording.
    """
    library = root / LIBRARY_FOLDER
    if presenter.parent.absolute() != library.absolute():
        return None
    found = find_presenter(library / LEARNING_FOLDER, match_stem(presenter))
    return None if found is None or found.suffix.casefold() in PHOTO_SUFFIXES else found


def recordings_folder(root: Path) -> list[Path]:
    """Return the folder of the recordings if it exists, for the rules of a confined child."""
    folder = root / LIBRARY_FOLDER / LEARNING_FOLDER
    return [folder] if folder.is_dir() and not folder.is_symlink() else []


def recording_path(presenter: Path, suffix: str) -> Path:
    """Return where a new recording of ``presenter``, of the type ``suffix``, belongs."""
    return presenter.parent / LEARNING_FOLDER / f"{match_stem(presenter)}{suffix}"


def store_recording(root: Path, presenter: Path, put: Callable[[Path], None], suffix: str) -> Path:
    """Store a recording of ``presenter`` in place of an earlier one and return its path.

    ``put`` creates the file at the path that it is given. Raises its ``OSError``.
    """
    target = recording_path(presenter, suffix)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = temp_path(target)
    part.unlink(missing_ok=True)
    put(part)
    earlier = find_recording(root, presenter)
    os.replace(part, target)
    if earlier is not None and earlier != target:
        earlier.unlink(missing_ok=True)
    return target


def delete_recording(root: Path, presenter: Path) -> None:
    """Delete the recording of ``presenter``, if there is one. Raises ``OSError``."""
    found = find_recording(root, presenter)
    if found is not None:
        found.unlink(missing_ok=True)
