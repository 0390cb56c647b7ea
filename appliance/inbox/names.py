"""Classification of files by their names: media kind, matching stems, files to be ignored."""

from __future__ import annotations

import unicodedata
from enum import Enum
from pathlib import Path


class Kind(Enum):
    """The role of a file in a job: presenter, recorded lecture, lecture as text, or none."""

    PRESENTER = "presenter"
    SOUND = "sound"
    TEXT = "text"
    OTHER = "other"


_SUFFIXES = {
    Kind.PRESENTER: "mp4 m4v mov mkv webm avi flv ts mts m2ts mpg mpeg wmv 3gp mxf dv gif "
    "jpg jpeg png bmp webp tif tiff heic heif avif",
    Kind.SOUND: "wav mp3 m4a aac flac ogg oga opus wma aif aiff amr caf w64 ac3 mka",
    Kind.TEXT: "txt md docx",
}
_KINDS = {suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}

# Endings of incomplete files and of auxiliary files of browsers, copy programs and file managers.
_UNFINISHED = (
    ".part", ".partial", ".filepart", ".crdownload", ".download", ".opdownload", ".tmp", ".temp",
    ".swp", ".bak", ".lock", ".!ut", "~",
)  # fmt: skip
_JUNK = {"thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "__macosx", "$recycle.bin",
         "system volume information", "lost+found", "icon\r"}  # fmt: skip


def is_junk(name: str) -> bool:
    """Return whether a file is to be ignored: hidden, incomplete, or created by the system."""
    plain = name.casefold()
    return plain.startswith((".", "~$")) or plain.endswith(_UNFINISHED) or plain in _JUNK


def is_litter(name: str) -> bool:
    """Return whether a file is metadata of an operating system that may be deleted."""
    plain = name.casefold()
    return plain in _JUNK or plain == ".ds_store" or plain.startswith("._")


def kind_of(path: Path) -> Kind:
    """Return the kind of a file by its suffix."""
    return _KINDS.get(path.suffix.removeprefix(".").casefold(), Kind.OTHER)


def stem_of(path: Path) -> str:
    """Return the file name without its suffix.

    Further known suffixes are removed as well: users whose file manager hides suffixes create names
    such as ``lesson.txt.txt``.
    """
    stem = path.stem
    while kind_of(Path(stem)) is not Kind.OTHER:
        stem = Path(stem).stem
    return stem


def key_of(stem: str) -> str:
    """Return a key for comparing stems: case-folded, in Unicode normal form NFC.

    macOS uses decomposed characters in file names.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", stem).casefold())


def split_presenter(stem: str) -> tuple[str, str | None]:
    """Split a stem at its last ``@`` into lecture and presenter.

    ``lesson04@wang`` is the lecture ``lesson04`` by ``wang``. Returns the whole stem and ``None``
    if one of the two names is empty.
    """
    lesson, at, presenter = stem.rpartition("@")
    return (lesson, presenter) if at and lesson and presenter else (stem, None)


def find_presenter(library: Path, name: str) -> Path | None:
    """Return the file of the presenter ``name`` in the folder ``library``, or ``None``.

    Videos are preferred to photos.
    """
    try:
        entries = sorted(library.iterdir())
    except OSError:
        return None
    found = [
        path
        for path in entries
        if not is_junk(path.name)
        and key_of(stem_of(path)) == key_of(name)
        and kind_of(path) is Kind.PRESENTER
        and path.is_file()
    ]
    photos = {"jpg", "jpeg", "png", "bmp", "webp", "tif", "tiff", "heic", "heif", "avif"}
    found.sort(key=lambda path: path.suffix.removeprefix(".").casefold() in photos)
    return found[0] if found else None
