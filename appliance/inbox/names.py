"""What a file in the inbox is, by its name."""

from __future__ import annotations

import unicodedata
from enum import Enum
from pathlib import Path


class Kind(Enum):
    """The part that a file plays in a lecture."""

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

# What browsers, copy programs and file managers call a file until it is whole, or put beside it.
_UNFINISHED = (
    ".part", ".partial", ".filepart", ".crdownload", ".download", ".opdownload", ".tmp", ".temp",
    ".swp", ".bak", ".lock", ".!ut", "~",
)  # fmt: skip
_JUNK = {"thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "__macosx", "$recycle.bin",
         "system volume information", "lost+found", "icon\r"}  # fmt: skip


def is_junk(name: str) -> bool:
    """Whether a file is not meant for Lectern: hidden, unfinished, or some program's own."""
    plain = name.casefold()
    return plain.startswith((".", "~$")) or plain.endswith(_UNFINISHED) or plain in _JUNK


def is_litter(name: str) -> bool:
    """Whether a file is what some system strews about, of no use to anybody."""
    plain = name.casefold()
    return plain in _JUNK or plain == ".ds_store" or plain.startswith("._")


def kind_of(path: Path) -> Kind:
    """The kind that the name's ending tells."""
    return _KINDS.get(path.suffix.removeprefix(".").casefold(), Kind.OTHER)


def stem_of(path: Path) -> str:
    """The name without its ending; nor with a second one, as in ``lesson.txt.txt``, that people
    write whose computer hides the first."""
    stem = path.stem
    while kind_of(Path(stem)) is not Kind.OTHER:
        stem = Path(stem).stem
    return stem


def key_of(stem: str) -> str:
    """Equal for stems that people hold for equal: in any case, composed or not (macOS)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", stem).casefold())


def split_presenter(stem: str) -> tuple[str, str | None]:
    """``lesson04@wang`` is ``lesson04`` by ``wang``; without a name on both sides, it is itself."""
    lesson, at, presenter = stem.rpartition("@")
    return (lesson, presenter) if at and lesson and presenter else (stem, None)


def find_presenter(library: Path, name: str) -> Path | None:
    """The presenter called ``name`` in the library's folder; a video before a photo."""
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
