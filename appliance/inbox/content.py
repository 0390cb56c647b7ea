"""What a file in the inbox is: by its content where it could be examined, else by its name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from enum import Enum
from pathlib import Path

from appliance.files.names import (
    PHOTO_SUFFIXES,
    SUBTITLE_SUFFIXES,
    MediaKind,
    match_key,
    media_kind,
)
from appliance.system.regular_file import is_regular


class Content(Enum):
    """The content of a file, by its code in the answers of the examining process."""

    PHOTO = "p"
    SILENT_VIDEO = "s"
    VIDEO = "v"
    """A video with sound: a presenter, or the lecture that a photo speaks."""
    AUDIO = "a"
    TEXT = "t"
    SUBTITLES = "u"
    OTHER = "o"

    @property
    def is_presenter(self) -> bool:
        """Whether the file shows a person who can speak a lecture."""
        return self in (Content.PHOTO, Content.SILENT_VIDEO, Content.VIDEO)


Contents = Mapping[Path, Content]
"""The contents of the files that were examined."""


@dataclass
class Examination:
    """The files that look incomplete, and the contents of the others."""

    incomplete: set[Path] = field(default_factory=set)
    contents: dict[Path, Content] = field(default_factory=dict)


def content_of(path: Path, contents: Contents) -> Content:
    """Return the content of a file; a link or a special file is ``OTHER``."""
    if not is_regular(path):
        return Content.OTHER
    return contents.get(path) or content_by_name(path)


def content_by_name(path: Path) -> Content:
    """Return the content that the suffix of a file promises."""
    if path.suffix.casefold() in SUBTITLE_SUFFIXES:
        return Content.SUBTITLES
    if path.suffix.casefold() in PHOTO_SUFFIXES:
        return Content.PHOTO
    return {
        MediaKind.PRESENTER: Content.SILENT_VIDEO,
        MediaKind.AUDIO: Content.AUDIO,
        MediaKind.TEXT: Content.TEXT,
        MediaKind.OTHER: Content.OTHER,
    }[media_kind(path)]


_SEPARATORS = re.compile(r"[\s_.,()\[\]-]+")
_MIN_RATIO, _MIN_LETTERS = 0.8, 3


def is_similar(stem: str, other: str) -> bool:
    """Return whether two different names were probably meant to be equal.

    They are if they differ in separators, leading zeros or a letter, but not in a number.
    """
    one, two = match_key(stem), match_key(other)
    if one == two:
        return False
    numbers = [[int(n) for n in re.findall(r"\d{1,18}", key)] for key in (one, two)]
    letters = [re.sub(r"\d", "", _SEPARATORS.sub("", key)) for key in (one, two)]
    if numbers[0] != numbers[1]:
        return False
    if letters[0] == letters[1]:
        return True
    shortest = min(map(len, letters))
    return (
        shortest >= _MIN_LETTERS
        and SequenceMatcher(None, letters[0], letters[1]).ratio() >= _MIN_RATIO
    )


def similar_name(stem: str, others: Iterable[str]) -> str | None:
    """Return the first of ``others`` that is similar to ``stem``; ``None`` if none is."""
    return next((other for other in others if is_similar(stem, other)), None)
