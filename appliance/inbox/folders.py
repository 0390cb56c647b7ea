"""Pairing within a dropped folder: each of its lectures with each of its presenters, in order."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from appliance.inbox.jobfile import is_job_file, options_of, read_job_file
from appliance.inbox.names import Kind, key_of, kind_of, split_presenter, stem_of
from appliance.inbox.pairing import DEFAULT, Completion, Decision, Find, Refusal, refusal_of
from appliance.jobs.record import Job, NewJob, Reason, shown

Options = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Drop:
    """A folder dropped into the inbox with its ``entries``; no job has claimed ``loose`` yet."""

    folder: Path
    entries: Sequence[Path]
    loose: Collection[Path]


@dataclass(frozen=True)
class _Task:
    """A lecture that needs a job or a presenter, and the job that already waits with it."""

    lecture: Path
    waiting: Job | None


def decide_folder(drop: Drop, waiting: Iterable[Job], find: Find) -> Iterator[Decision]:
    """Yield the jobs, completions and refusals for a folder in which all files are stable.

    ``waiting`` are the waiting jobs; ``find`` returns a presenter of the library. A presenter that
    a job has claimed is also used for lectures that arrive later. If ``job.yaml`` has an error, no
    job is created and all unclaimed files are refused.
    """
    entries = sorted(drop.entries, key=_in_order)
    job_file = next((path for path in entries if is_job_file(path) and _plain(path)), None)
    options: Options = {}
    priority = 0
    if job_file is not None:
        settings, mistakes = read_job_file(job_file)
        if mistakes and drop.loose:
            reason = Reason.of(mistakes[0].error)
            loose = tuple(path for path in entries if path in drop.loose)
            yield Refusal(job_file if job_file in drop.loose else loose[0], reason, loose)
            return
        options, priority = options_of(settings), settings.priority
    presenters = [p for p in entries if _plain(p) and kind_of(p) is Kind.PRESENTER]
    lectures = [p for p in entries if _plain(p) and kind_of(p) in (Kind.SOUND, Kind.TEXT)]
    for path in entries:
        if path in drop.loose and path not in (*presenters, *lectures, job_file):
            yield refusal_of(path)
    jobs = [job for job in waiting if _is_in(job, drop.folder)]
    tasks = _tasks(lectures, drop.loose, jobs)
    free = [p for p in (*presenters, job_file) if p is not None and p in drop.loose]
    texts = _transcripts(lectures)
    made = list(_jobs(drop.folder, tasks, presenters, jobs, find, options, priority))
    unclaimed = set(drop.loose)
    for decision in made:
        # The first job that uses a file claims it; the file is moved when the last one has ended.
        wanted = [*decision.claims, *free]
        wanted += [text for path in decision.claims for text in texts.get(path, ())]
        claims = tuple(path for path in dict.fromkeys(wanted) if path in unclaimed)
        unclaimed -= set(claims)
        yield replace(decision, claims=claims)
    if not tasks and any(path in drop.loose for path in presenters):
        told = {"folder": shown(drop.folder.name)}
        first = next(p for p in presenters if p in drop.loose)
        yield NewJob(
            drop.folder.name, first, None, options, priority, tuple(free),
            Reason("waiting_folder_lecture", told),
        )  # fmt: skip


def _jobs(
    folder: Path,
    tasks: Sequence[_Task],
    presenters: Sequence[Path],
    waiting: Sequence[Job],
    find: Find,
    options: Options,
    priority: int,
) -> Iterator[NewJob | Completion]:
    """Yield a job for each lecture and presenter; waiting jobs are completed first."""
    open_jobs = [job for job in waiting if job.lecture is None]
    for task in tasks:
        lesson, name = split_presenter(stem_of(task.lecture))
        speakers = list(presenters)
        if name is not None or not speakers:
            speakers = [p for p in presenters if name and key_of(stem_of(p)) == key_of(name)][:1]
            found = None if speakers else find(name or DEFAULT)
            speakers += [found] if found else []
        for number, speaker in enumerate(speakers):
            by = f" - {stem_of(speaker)}" if len(speakers) > 1 else ""
            stem = f"{folder.name} - {lesson}{by}"
            job = task.waiting if number == 0 else None
            job = job or (open_jobs.pop() if open_jobs else None)
            if job is not None:
                claims = (task.lecture,)
                yield Completion(job, speaker, task.lecture, claims, stem, options, priority)
            else:
                claims = (task.lecture,)
                yield NewJob(stem, speaker, task.lecture, options, priority, claims)
        if not speakers and task.waiting is None:
            told = {"name": shown(task.lecture.name), "folder": shown(folder.name)}
            reason = Reason("waiting_folder_presenter", told)
            if name is not None:
                told |= {"presenter": shown(name), "stem": shown(stem_of(task.lecture))}
                reason = Reason("waiting_named", told)
            yield NewJob(
                f"{folder.name} - {lesson}", None, task.lecture, options, priority,
                (task.lecture,), reason,
            )  # fmt: skip


def _tasks(lectures: Sequence[Path], loose: Collection[Path], jobs: Sequence[Job]) -> list[_Task]:
    """Return the lectures that still need a job or a presenter, in order."""
    waiting = {job.lecture: job for job in jobs if job.lecture is not None}
    written = {text for texts in _transcripts(lectures).values() for text in texts}
    return [
        _Task(path, waiting.get(path))
        for path in lectures
        if path in waiting or (path in loose and path not in written)
    ]


def _transcripts(lectures: Sequence[Path]) -> dict[Path, list[Path]]:
    """Return, for each recording, the texts of the same name: the transcripts of what is said."""
    texts = [path for path in lectures if kind_of(path) is Kind.TEXT]
    return {
        path: [text for text in texts if key_of(stem_of(text)) == key_of(stem_of(path))]
        for path in lectures
        if kind_of(path) is Kind.SOUND
    }


def _is_in(job: Job, folder: Path) -> bool:
    part = job.lecture or job.presenter
    return part is not None and part.parent == folder


def _plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _in_order(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Return a sort key for natural order: lesson 2 before lesson 10."""
    words, numbers = 0, 1
    key = []
    for index, part in enumerate(re.split(r"(\d+)", path.name.casefold())):
        digits = part.lstrip("0")  # compared by length: int() rejects very long numbers
        key.append((numbers, len(digits), digits) if index % 2 else (words, 0, part))
    return key, path.name
