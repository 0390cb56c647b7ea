"""The files that came with a job besides its presenter and its lecture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from appliance.files.names import SUBTITLE_SUFFIXES, TEXT_SUFFIXES, match_key, match_stem
from appliance.inbox.archive import dropped_folder_name
from appliance.inbox.job_file import is_job_file
from appliance.jobs.models import Job, display_name
from appliance.jobs.store import JobStore
from appliance.system.regular_file import is_regular


class Companions(NamedTuple):
    """The ``transcript`` of the recording, and the names of files that are not ``used``."""

    transcript: Path | None
    unused: tuple[str, ...] = ()


def find_companions(store: JobStore, job: Job, inbox: Path) -> Companions:
    """Return the companions of a job with a presenter and a lecture.

    Subtitles are preferred to a transcript without times. In a dropped folder, several jobs share
    the files, so the transcript is looked for beside the lecture, and no file is unused.
    """
    assert job.lecture is not None
    key = match_key(match_stem(job.lecture))
    own = [file.path for file in store.files.for_job(job.id) if file.role != "result"]
    candidates = [path for path in own if is_regular(path)]
    candidates += _siblings(job.lecture) if own else []
    texts = [
        path
        for path in dict.fromkeys(candidates)
        if path != job.lecture and match_key(match_stem(path)) == key and _is_text(path)
    ]
    texts.sort(key=lambda path: (path.suffix.casefold() in TEXT_SUFFIXES, path))
    transcript = texts[0] if texts and job.lecture.suffix.casefold() not in TEXT_SUFFIXES else None
    in_folder = bool(dropped_folder_name(job.lecture, inbox))
    used = (job.presenter, job.lecture, transcript)
    unused = [path for path in own if path not in used and not is_job_file(path)]
    return Companions(
        transcript, () if in_folder else tuple(display_name(path.name) for path in unused)
    )


def _is_text(path: Path) -> bool:
    return path.suffix.casefold() in (*SUBTITLE_SUFFIXES, *TEXT_SUFFIXES)


def _siblings(path: Path) -> Iterator[Path]:
    try:
        yield from sorted(other for other in path.parent.iterdir() if is_regular(other))
    except OSError:
        return
