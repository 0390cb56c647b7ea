"""Pairing of files to jobs: a pure function of the files in the inbox and the waiting jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.inbox.jobfile import is_job_file
from appliance.inbox.names import Kind, key_of, kind_of, split_presenter, stem_of
from appliance.jobs.record import Job, NewJob, Reason, shown

DEFAULT = "default"
"""Name of the presenter in the library who is used for lectures without a presenter."""


Find = Callable[[str], Path | None]
"""Returns the file of the presenter of that name in the library, or ``None``."""


@dataclass(frozen=True)
class Completion:
    """A waiting job and the presenter and lecture that complete it."""

    job: Job
    presenter: Path
    lecture: Path
    claims: tuple[Path, ...]
    stem: str | None = None
    options: Mapping[str, Mapping[str, Any]] | None = None
    priority: int = 0


@dataclass(frozen=True)
class Refusal:
    """A file that cannot be used for a job; ``claims`` are all files refused together with it."""

    path: Path
    reason: Reason
    claims: tuple[Path, ...] = ()


Decision = NewJob | Completion | Refusal


@dataclass
class _Group:
    """The files of the same stem."""

    presenters: list[Path] = field(default_factory=list)
    lectures: list[Path] = field(default_factory=list)


def decide(
    arrived: Iterable[Path],
    arriving: Collection[Path],
    waiting: Iterable[Job],
    find: Find,
) -> Iterator[Decision]:
    """Yield the jobs, completions and refusals for the files that belong to no job yet.

    ``arrived`` are the complete files. A file without a partner is not used yet while another one
    of the same stem is still ``arriving``. ``waiting`` are the waiting jobs with files in the same
    folder; ``find`` returns a presenter of the library.
    """
    groups: dict[str, _Group] = {}
    for path in sorted(arrived):
        kind = Kind.OTHER if path.is_symlink() or not path.is_file() else kind_of(path)
        if kind is Kind.OTHER:
            yield refusal_of(path)
            continue
        group = groups.setdefault(key_of(stem_of(path)), _Group())
        (group.presenters if kind is Kind.PRESENTER else group.lectures).append(path)
    for job in waiting:
        part = job.lecture or job.presenter
        group = groups.get(key_of(stem_of(part)), _Group()) if part else _Group()
        completion = _complete(job, group, find)
        if completion is not None:
            yield completion
    half = {key_of(stem_of(path)) for path in arriving}
    for key, group in groups.items():
        yield from _pairs(group, key in half, find)


def _complete(job: Job, group: _Group, find: Find) -> Completion | None:
    if job.presenter is not None and group.lectures:
        lecture = _take_lecture(group)
        return Completion(job, job.presenter, lecture, (lecture,))
    if job.lecture is not None and job.presenter is None:
        if group.presenters:
            presenter = group.presenters.pop(0)
            return Completion(job, presenter, job.lecture, (presenter,))
        name = split_presenter(stem_of(job.lecture))[1] or DEFAULT
        found = find(name)
        if found is not None:
            return Completion(job, found, job.lecture, ())
    return None


def _pairs(group: _Group, more_to_come: bool, find: Find) -> Iterator[NewJob]:
    while group.presenters and group.lectures:
        presenter, lecture = group.presenters.pop(0), _take_lecture(group)
        yield NewJob(stem_of(lecture), presenter, lecture, claims=(presenter, lecture))
    if more_to_come:
        return
    for lecture in group.lectures:
        stem, name = split_presenter(stem_of(lecture))
        found = find(name or DEFAULT)
        reason = None if found else _awaited_presenter(lecture, name)
        yield NewJob(stem, found, lecture, claims=(lecture,), waits_for=reason)
    for presenter in group.presenters:
        told = {"name": shown(presenter.name), "stem": shown(stem_of(presenter))}
        reason = Reason("waiting_lecture", told)
        yield NewJob(stem_of(presenter), presenter, None, claims=(presenter,), waits_for=reason)


def _take_lecture(group: _Group) -> Path:
    """Remove and return the first lecture of a group, recordings first.

    If there are both, the text is the transcript of the recording.
    """
    group.lectures.sort(key=lambda path: (kind_of(path) is Kind.TEXT, path))
    return group.lectures.pop(0)


def _awaited_presenter(lecture: Path, name: str | None) -> Reason:
    told = {"name": shown(lecture.name), "stem": shown(stem_of(lecture))}
    if name is None:
        return Reason("waiting_presenter", told)
    return Reason("waiting_named", {**told, "presenter": shown(name)})


def refusal_of(path: Path) -> Refusal:
    """Return the refusal of a file that is neither a presenter nor a lecture.

    The codes are ``file_special``, ``job_file_alone``, ``folder_nested`` and ``file_kind``.
    """
    code = "file_kind"
    if path.is_symlink() or not (path.is_file() or path.is_dir()):
        code = "file_special"
    elif is_job_file(path):
        code = "job_file_alone"
    elif path.is_dir():
        code = "folder_nested"
    return Refusal(path, Reason(code, {"name": shown(path.name)}))
