"""Pairing within a dropped folder: each of its lectures with each of its presenters, in order."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from appliance.config import Overrides
from appliance.files.names import match_key, match_stem, split_presenter
from appliance.inbox.content import Content, Contents, content_of
from appliance.inbox.job_file import is_job_file, read_job_file, to_overrides
from appliance.inbox.pairing import (
    DEFAULT_PRESENTER,
    Completion,
    Decision,
    FindPresenter,
    Rejection,
    rejection_of,
    subtitles_rejection,
)
from appliance.jobs.models import Job, NewJob, Reason, display_name
from appliance.system.regular_file import is_regular


@dataclass(frozen=True)
class DroppedFolder:
    """A folder in the inbox with its ``entries``; ``unclaimed`` are those that belong to no job."""

    folder: Path
    entries: Sequence[Path]
    unclaimed: Collection[Path]


@dataclass(frozen=True)
class _PendingLecture:
    """A lecture that needs a job or a presenter, and the job that already waits with it."""

    lecture: Path
    waiting_job: Job | None


def pair_folder(
    drop: DroppedFolder, waiting: Iterable[Job], find: FindPresenter, contents: Contents
) -> Iterator[Decision]:
    """Yield the jobs, completions and rejections for a folder in which all files are stable.

    ``waiting`` are the waiting jobs; ``find`` returns a presenter of the library; ``contents`` says
    what the files are. A presenter that a job has claimed is also used for lectures that arrive
    later. Photos speak the videos with sound if there is no other lecture. If ``job.yaml`` has an
    error, no job is created and all unclaimed files are rejected.
    """
    entries = sorted(drop.entries, key=_natural_sort_key)
    job_file = next((path for path in entries if is_job_file(path) and is_regular(path)), None)
    options: Overrides = {}
    priority = 0
    if job_file is not None:
        settings, problems = read_job_file(job_file)
        if problems and drop.unclaimed:
            reason = Reason.from_error(problems[0].error)
            unclaimed_files = tuple(path for path in entries if path in drop.unclaimed)
            yield Rejection(
                job_file if job_file in drop.unclaimed else unclaimed_files[0],
                reason,
                unclaimed_files,
            )
            return
        options, priority = to_overrides(settings), settings.priority
    kinds = {path: content_of(path, contents) for path in entries}
    presenters = [path for path in entries if kinds[path].is_presenter]
    lectures = [path for path in entries if kinds[path] in (Content.AUDIO, Content.TEXT)]
    photos = [path for path in presenters if kinds[path] is Content.PHOTO]
    videos = [path for path in presenters if kinds[path] is Content.VIDEO]
    if photos and videos and not any(kinds[path] is Content.AUDIO for path in lectures):
        presenters = [path for path in presenters if path not in videos]
        lectures = [path for path in entries if path in lectures or path in videos]
    transcripts = _transcripts(lectures, kinds)
    subtitles = {text for texts in transcripts.values() for text in texts}
    for path in entries:
        if path not in drop.unclaimed or path in (*presenters, *lectures, job_file, *subtitles):
            continue
        is_subtitles = kinds[path] is Content.SUBTITLES
        yield subtitles_rejection(path) if is_subtitles else rejection_of(path)
    jobs = [job for job in waiting if _is_in(job, drop.folder)]
    pending = _pending_lectures(lectures, drop.unclaimed, jobs, subtitles)
    extra_claims = [p for p in (*presenters, job_file) if p is not None and p in drop.unclaimed]
    decisions = list(
        _pair_lectures(drop.folder, pending, presenters, jobs, find, options, priority)
    )
    unclaimed = set(drop.unclaimed)
    for decision in decisions:
        # The first job that uses a file claims it; the file is moved when the last one has ended.
        claims_wanted = [*decision.claims, *extra_claims]
        claims_wanted += [text for path in decision.claims for text in transcripts.get(path, ())]
        claims = tuple(path for path in dict.fromkeys(claims_wanted) if path in unclaimed)
        unclaimed -= set(claims)
        yield replace(decision, claims=claims)
    if not pending and any(path in drop.unclaimed for path in presenters):
        details = {"folder": display_name(drop.folder.name)}
        first = next(p for p in presenters if p in drop.unclaimed)
        yield NewJob(
            drop.folder.name, first, None, options, priority, tuple(extra_claims),
            Reason("waiting_folder_lecture", details),
        )  # fmt: skip


def _pair_lectures(
    folder: Path,
    pending: Sequence[_PendingLecture],
    presenters: Sequence[Path],
    waiting: Sequence[Job],
    find: FindPresenter,
    options: Overrides,
    priority: int,
) -> Iterator[NewJob | Completion]:
    """Yield a job for each lecture and presenter; waiting jobs are completed first."""
    jobs_without_lecture = [job for job in waiting if job.lecture is None]
    for pending_lecture in pending:
        lecture_name, name = split_presenter(match_stem(pending_lecture.lecture))
        candidates = list(presenters)
        if name is not None or not candidates:
            candidates = [
                p for p in presenters if name and match_key(match_stem(p)) == match_key(name)
            ][:1]
            found = None if candidates else find(name or DEFAULT_PRESENTER)
            candidates += [found] if found else []
        for number, presenter in enumerate(candidates):
            suffix = f" - {match_stem(presenter)}" if len(candidates) > 1 else ""
            stem = f"{folder.name} - {lecture_name}{suffix}"
            job = pending_lecture.waiting_job if number == 0 else None
            job = job or (jobs_without_lecture.pop() if jobs_without_lecture else None)
            if job is not None:
                claims = (pending_lecture.lecture,)
                yield Completion(
                    job, presenter, pending_lecture.lecture, claims, stem, options, priority
                )
            else:
                claims = (pending_lecture.lecture,)
                yield NewJob(stem, presenter, pending_lecture.lecture, options, priority, claims)
        if not candidates and pending_lecture.waiting_job is None:
            details = {
                "name": display_name(pending_lecture.lecture.name),
                "folder": display_name(folder.name),
            }
            reason = Reason("waiting_folder_presenter", details)
            if name is not None:
                details |= {
                    "presenter": display_name(name),
                    "stem": display_name(match_stem(pending_lecture.lecture)),
                }
                reason = Reason("waiting_named_presenter", details)
            yield NewJob(
                f"{folder.name} - {lecture_name}", None, pending_lecture.lecture, options, priority,
                (pending_lecture.lecture,), reason,
            )  # fmt: skip


def _pending_lectures(
    lectures: Sequence[Path],
    unclaimed: Collection[Path],
    jobs: Sequence[Job],
    transcripts: Collection[Path],
) -> list[_PendingLecture]:
    """Return the lectures that still need a job or a presenter, in order."""
    waiting = {job.lecture: job for job in jobs if job.lecture is not None}
    return [
        _PendingLecture(path, waiting.get(path))
        for path in lectures
        if path in waiting or (path in unclaimed and path not in transcripts)
    ]


def _transcripts(lectures: Sequence[Path], kinds: Mapping[Path, Content]) -> dict[Path, list[Path]]:
    """Return, for each recording, the texts and subtitles of the same name: what is said in it."""
    texts = [path for path, kind in kinds.items() if kind in (Content.TEXT, Content.SUBTITLES)]
    return {
        path: [text for text in texts if match_key(match_stem(text)) == match_key(match_stem(path))]
        for path in lectures
        if kinds[path] is not Content.TEXT
    }


def _is_in(job: Job, folder: Path) -> bool:
    part = job.lecture or job.presenter
    return part is not None and part.parent == folder


def _natural_sort_key(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Return a sort key for natural order: ``lesson 2`` before ``lesson 10``."""
    words, numbers = 0, 1
    key = []
    for index, part in enumerate(re.split(r"(\d+)", path.name.casefold())):
        digits = part.lstrip("0")  # compared by length: int() rejects very long numbers
        key.append((numbers, len(digits), digits) if index % 2 else (words, 0, part))
    return key, path.name
