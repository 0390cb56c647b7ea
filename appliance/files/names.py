"""File names: media kind, matching stems, files to be ignored, names for new files."""

from __future__ import annotations

import os
import re
import unicodedata
from enum import Enum
from pathlib import Path

from appliance.system.regular_file import is_regular


class MediaKind(Enum):
    """The role of a file in a job: presenter, recorded lecture, lecture as text, or none."""

    PRESENTER = "presenter"
    AUDIO = "audio"
    TEXT = "text"
    OTHER = "other"


PHOTO_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".pjpeg", ".png", ".bmp", ".dib", ".webp", ".tif",
    ".tiff", ".heic", ".heif", ".hif", ".avif",
)  # fmt: skip
"""Suffixes of presenters that are photos."""

PRESENTER_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".qt", ".mkv", ".webm", ".avi", ".flv", ".f4v", ".ts", ".mts", ".m2ts",
    ".mpg", ".mpeg", ".mpe", ".vob", ".wmv", ".asf", ".ogv", ".3gp", ".3g2", ".mxf", ".dv", ".gif",
    *PHOTO_SUFFIXES,
)  # fmt: skip
"""Suffixes of presenters: videos and photos."""

AUDIO_SUFFIXES = (
    ".wav", ".mp3", ".mp2", ".mpga", ".m4a", ".m4b", ".m4r", ".aac", ".adts", ".flac", ".ogg",
    ".oga", ".opus", ".spx", ".weba", ".wma", ".aif", ".aiff", ".aifc", ".amr", ".caf", ".w64",
    ".ac3", ".eac3", ".mka", ".3ga",
)  # fmt: skip
"""Suffixes of lectures that are recordings."""

TEXT_SUFFIXES = (".txt", ".md", ".docx")
"""Suffixes of lectures that are texts."""

SUBTITLE_SUFFIXES = (".srt", ".vtt")
"""Suffixes of the subtitles of a recording."""

MAX_VERDICT_PICTURES = 5
"""Maximum number of pictures that show why a finished video was not called good."""


def verdict_picture_suffix(number: int) -> str:
    """Return the suffix of picture ``number``, from 1, of a finished video's verdict."""
    return f".check-{number}.jpg"


VERDICT_TEXT_SUFFIX = ".quality.txt"
"""Suffix of the text that states the verdict on a finished video."""

SIDECAR_SUFFIXES = (
    ".jpg",
    ".srt",
    ".warnings.txt",
    ".warnings.jpg",
    VERDICT_TEXT_SUFFIX,
    *map(verdict_picture_suffix, range(1, MAX_VERDICT_PICTURES + 1)),
)
"""Suffixes of the files that accompany a finished video: thumbnail, subtitles, warnings and their
pictures, text and pictures of the verdict."""

_KIND_BY_SUFFIX = (
    dict.fromkeys(PRESENTER_SUFFIXES, MediaKind.PRESENTER)
    | dict.fromkeys(AUDIO_SUFFIXES, MediaKind.AUDIO)
    | dict.fromkeys(TEXT_SUFFIXES, MediaKind.TEXT)
)

# Endings of incomplete files and of auxiliary files of browsers, copy programs and file managers.
_TEMPORARY_SUFFIXES = (
    ".part", ".partial", ".filepart", ".crdownload", ".download", ".opdownload", ".tmp", ".temp",
    ".swp", ".bak", ".lock", ".!ut", "~",
)  # fmt: skip
_SYSTEM_FILES = {"thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "__macosx", "$recycle.bin",
         "system volume information", "lost+found", "icon\r"}  # fmt: skip


def is_ignored(name: str) -> bool:
    """Return whether a file is to be ignored: hidden, incomplete, or created by the system."""
    folded = name.casefold()
    return (
        folded.startswith((".", "~$"))
        or folded.endswith(_TEMPORARY_SUFFIXES)
        or folded in _SYSTEM_FILES
    )


def is_os_metadata(name: str) -> bool:
    """Return whether a file is metadata of an operating system that may be deleted."""
    folded = name.casefold()
    return folded in _SYSTEM_FILES or folded == ".ds_store" or folded.startswith("._")


def media_kind(path: Path) -> MediaKind:
    """Return the kind of a file by its suffix."""
    return _KIND_BY_SUFFIX.get(path.suffix.casefold(), MediaKind.OTHER)


def match_stem(path: Path) -> str:
    """Return the file name without its suffix.

    Further known suffixes are removed as well: users whose file manager hides suffixes create names
    such as ``lesson.txt.txt``. So are spaces before a suffix.
    """
    stem = path.stem.rstrip() or path.stem
    while media_kind(Path(stem)) is not MediaKind.OTHER:
        stem = Path(stem).stem.rstrip() or Path(stem).stem
    return stem


_SPACES = re.compile("[ \u00a0\u2000-\u200a\u202f\u3000]+")


def match_key(stem: str) -> str:
    """Return a key for comparing stems: case-folded, in Unicode form NFC, with single spaces.

    macOS uses decomposed characters in file names. Spaces at the ends, several spaces in a row and
    invisible characters cannot be seen, so they make no difference.
    """
    key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", stem).casefold())
    visible = "".join(c for c in key if unicodedata.category(c) != "Cf")
    return _SPACES.sub(" ", visible).strip(" ") or key


def split_presenter(stem: str) -> tuple[str, str | None]:
    """Split a stem at its last ``@`` into lecture and presenter.

    ``lesson04@wang`` is the lecture ``lesson04`` by ``wang``. Returns the whole stem and ``None``
    if one of the two names is empty.
    """
    lecture, at, presenter = stem.rpartition("@")
    return (lecture, presenter) if at and lecture and presenter else (stem, None)


def find_presenter(library: Path, name: str) -> Path | None:
    """Return the file of the presenter ``name`` in the folder ``library``, or ``None``.

    Videos are preferred to photos. Links and special files are ignored.
    """
    try:
        entries = sorted(library.iterdir())
    except OSError:
        return None
    found = [
        path
        for path in entries
        if not is_ignored(path.name)
        and match_key(match_stem(path)) == match_key(name)
        and media_kind(path) is MediaKind.PRESENTER
        and is_regular(path)
    ]
    found.sort(key=lambda path: path.suffix.casefold() in PHOTO_SUFFIXES)
    return found[0] if found else None


MAX_STEM_BYTES = 200
"""Of the 255 bytes that a file name may have; the rest is for numbers, suffixes and ``.….part``."""

FORBIDDEN_CHARS = '"*/:<>?\\|'
"""Characters not allowed in names on FAT, exFAT and NTFS, besides control characters."""

_UNSAFE = re.compile(f"[\x00-\x1f\x7f{re.escape(FORBIDDEN_CHARS)}\ud800-\udfff]")
_DEVICE_NAMES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def safe_stem(stem: str) -> str:
    """Return ``stem`` as a name that every file system accepts.

    Characters that some do not allow become ``_``. The name is shortened to ``MAX_STEM_BYTES``,
    without splitting a character.
    """
    name = shorten(_UNSAFE.sub("_", stem)).rstrip(" .").lstrip(" ") or "lecture"
    return f"_{name}" if _DEVICE_NAMES.match(name) or name.startswith(".") else name


def shorten(stem: str, max_bytes: int = MAX_STEM_BYTES) -> str:
    """Return the beginning of ``stem`` in at most ``max_bytes`` bytes, without splitting a letter.

    A stem that is short enough is returned unchanged, even if it is not valid text.
    """
    encoded = os.fsencode(stem)
    if len(encoded) <= max_bytes:
        return stem
    return encoded[:max_bytes].decode("utf-8", "ignore")


def numbered(stem: str, number: int) -> str:
    """Return ``stem`` for number 1 and otherwise ``stem (number)``, for names that are in use."""
    return stem if number == 1 else f"{stem} ({number})"
