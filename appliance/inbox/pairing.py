"""Pairing of files into jobs: a pure function of the files in the inbox and the waiting jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from appliance.config import Overrides
from appliance.files.names import MediaKind, match_key, match_stem, media_kind, split_presenter
from appliance.inbox.job_file import is_job_file
from appliance.jobs.models import Job, NewJob, Reason, display_name
from appliance.system.regular_file import is_regular

DEFAULT_PRESENTER = "default"
"""Name of the presenter in the library who is used for lectures without a presenter."""


FindPresenter = Callable[[str], Path | None]
"""Returns the file of the presenter of that name in the library, or ``None``."""


@dataclass(frozen=True)
class Completion:
    """A waiting job and the presenter and lecture that complete it."""

    job: Job
    presenter: Path
    lecture: Path
    claims: tuple[Path, ...]
    stem: str | None = None
    options: Overrides | None = None
    priority: int = 0


@dataclass(frozen=True)
class Rejection:
    """A file that cannot be used for a job; ``claims`` are all files rejected together with it."""

    path: Path
    reason: Reason
    claims: tuple[Path, ...] = ()


Decision = NewJob | Completion | Rejection


@dataclass
class _Group:
    """The files of the same stem."""

    presenters: list[Path] = field(default_factory=list)
    lectures: list[Path] = field(default_factory=list)


def pair_files(
    arrived: Iterable[Path],
    arriving: Collection[Path],
    waiting: Iterable[Job],
    find: FindPresenter,
) -> Iterator[Decision]:
    """Yield the jobs, completions and rejections for the files that belong to no job yet.

    ``arrived`` are the complete files. A file without a partner is not used yet while another one
    of the same stem is still ``arriving``. ``waiting`` are the waiting jobs with files in the same
    folder; ``find`` returns a presenter of the library.
    """
    groups: dict[str, _Group] = {}
    for path in sorted(arrived):
        kind = media_kind(path) if is_regular(path) else MediaKind.OTHER
        if kind is MediaKind.OTHER:
            yield rejection_of(path)
            continue
        group = groups.setdefault(match_key(match_stem(path)), _Group())
        (group.presenters if kind is MediaKind.PRESENTER else group.lectures).append(path)
    for job in waiting:
        part = job.lecture or job.presenter
        group = groups.get(match_key(match_stem(part)), _Group()) if part else _Group()
        completion = _complete(job, group, find)
        if completion is not None:
            yield completion
    incomplete_keys = {match_key(match_stem(path)) for path in arriving}
    for key, group in groups.items():
        yield from _pair_group(group, key in incomplete_keys, find)


def _complete(job: Job, group: _Group, find: FindPresenter) -> Completion | None:
    if job.presenter is not None and group.lectures:
        lecture = _take_lecture(group)
        return Completion(job, job.presenter, lecture, (lecture,))
    if job.lecture is not None and job.presenter is None:
        if group.presenters:
            presenter = group.presenters.pop(0)
            return Completion(job, presenter, job.lecture, (presenter,))
        name = split_presenter(match_stem(job.lecture))[1] or DEFAULT_PRESENTER
        found = find(name)
        if found is not None:
            return Completion(job, found, job.lecture, ())
    return None


def _pair_group(group: _Group, is_incomplete: bool, find: FindPresenter) -> Iterator[NewJob]:
    while group.presenters and group.lectures:
        presenter, lecture = group.presenters.pop(0), _take_lecture(group)
        yield NewJob(match_stem(lecture), presenter, lecture, claims=(presenter, lecture))
    if is_incomplete:
        return
    for lecture in group.lectures:
        stem, name = split_presenter(match_stem(lecture))
        found = find(name or DEFAULT_PRESENTER)
        reason = None if found else _missing_presenter_reason(lecture, name)
        yield NewJob(stem, found, lecture, claims=(lecture,), waiting_reason=reason)
    for presenter in group.presenters:
        details = {
            "name": display_name(presenter.name),
            "stem": display_name(match_stem(presenter)),
        }
        reason = Reason("waiting_lecture", details)
        yield NewJob(
            match_stem(presenter), presenter, None, claims=(presenter,), waiting_reason=reason
        )


def _take_lecture(group: _Group) -> Path:
    """Remove and return the first lecture of a group, recordings first.

    If there are both, the text is the transcript of the recording.
    """
    group.lectures.sort(key=lambda path: (media_kind(path) is MediaKind.TEXT, path))
    return group.lectures.pop(0)


def _missing_presenter_reason(lecture: Path, name: str | None) -> Reason:
    details = {"name": display_name(lecture.name), "stem": display_name(match_stem(lecture))}
    if name is None:
        return Reason("waiting_presenter", details)
    return Reason("waiting_named_presenter", {**details, "presenter": display_name(name)})


def rejection_of(path: Path) -> Rejection:
    """Return the rejection of a file that is neither a presenter nor a lecture.

    The codes are ``file_not_regular``, ``job_file_outside_folder``, ``folder_nested`` and
    ``file_type_unsupported``.
    """
    code = "file_type_unsupported"
    if path.is_symlink() or not (path.is_file() or path.is_dir()):
        code = "file_not_regular"
    elif is_job_file(path):
        code = "job_file_outside_folder"
    elif path.is_dir():
        code = "folder_nested"
    return Rejection(path, Reason(code, {"name": display_name(path.name)}))
