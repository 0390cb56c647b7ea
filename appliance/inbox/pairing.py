"""Pairing of files into jobs: a pure function of the files in the inbox and the waiting jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from appliance.config import Overrides
from appliance.files.names import match_key, match_stem, split_presenter
from appliance.inbox.content import Content, Contents, content_of, similar_name
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


@dataclass(frozen=True)
class Surroundings:
    """What pairing has to know besides the files that have arrived.

    ``arriving`` are files that are still being copied, ``recent`` those that arrived so short a
    time ago that their partner may follow. ``find`` returns a presenter of the library,
    whose names are ``library``. ``contents`` says what the files are.
    """

    find: FindPresenter
    arriving: Collection[Path] = ()
    recent: Collection[Path] = ()
    library: Sequence[str] = ()
    contents: Contents = field(default_factory=dict)


class _Group:
    """The files of the same stem, by their role; each list is sorted by preference."""

    def __init__(self, files: Iterable[Path] = (), contents: Contents | None = None) -> None:
        self._contents = contents or {}
        self.files = list(files)

    def of(self, *kinds: Content) -> list[Path]:
        """Return the files of the given kinds, in the order of the kinds."""
        return [
            path for kind in kinds for path in self.files
            if content_of(path, self._contents) is kind
        ]  # fmt: skip

    @property
    def presenters(self) -> list[Path]:
        """Videos first: a person who moves is worth more than a photo."""
        return self.of(Content.SILENT_VIDEO, Content.VIDEO, Content.PHOTO)

    @property
    def lectures(self) -> list[Path]:
        """Recordings first: if there are both, the text is the transcript of the recording."""
        return self.of(Content.AUDIO, Content.TEXT)

    def pair(self) -> tuple[Path, Path] | None:
        """Return the presenter and the lecture; ``None`` if one of the two is missing.

        Without a recording, a lecture that was recorded as video is spoken by a photo, or by a
        video without sound.
        """
        talking, mute = self.of(Content.VIDEO), self.of(Content.SILENT_VIDEO, Content.PHOTO)
        if talking and mute and not self.of(Content.AUDIO):
            return mute[0], talking[0]
        if self.presenters and self.lectures:
            return self.presenters[0], self.lectures[0]
        return None


def pair_files(
    arrived: Iterable[Path], waiting: Iterable[Job], around: Surroundings
) -> Iterator[Decision]:
    """Yield the jobs, completions and rejections for the files that belong to no job yet.

    ``arrived`` are the complete files. A file without a partner is not used yet while another one
    of the same stem is still arriving. ``waiting`` are the waiting jobs with files in the same
    folder. All files of a stem become one job: a transcript or subtitles belong to the recording,
    and of several presenters or recordings the first one is used.
    """
    files: dict[str, list[Path]] = {}
    for path in sorted(arrived):
        if content_of(path, around.contents) is Content.OTHER:
            yield rejection_of(path)
        else:
            files.setdefault(match_key(match_stem(path)), []).append(path)
    groups = {key: _Group(paths, around.contents) for key, paths in files.items()}
    jobs = list(waiting)
    lone_presenters = [
        *(match_stem(job.presenter) for job in jobs if job.presenter and job.lecture is None),
        *(match_stem(g.presenters[0]) for g in groups.values() if g.presenters and not g.pair()),
    ]
    lone_lectures = [
        *(match_stem(job.lecture) for job in jobs if job.lecture and job.presenter is None),
        *(match_stem(g.lectures[0]) for g in groups.values() if g.lectures and not g.pair()),
    ]
    for job in jobs:
        part = job.lecture or job.presenter
        key = match_key(match_stem(part)) if part else ""
        completion = _complete(job, groups.get(key, _Group()), around, lone_presenters)
        if completion is not None:
            groups.pop(key, None)
            yield completion
    incomplete_keys = {match_key(match_stem(path)) for path in around.arriving}
    for key, group in groups.items():
        pair = group.pair()
        if pair is not None:
            yield NewJob(match_stem(pair[1]), *pair, claims=_claims(group, pair))
        elif key not in incomplete_keys:
            yield from _lone_files(group, around, lone_presenters, lone_lectures)


def _claims(group: _Group, first: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys((*first, *group.files)))


def _complete(
    job: Job, group: _Group, around: Surroundings, lone_presenters: Sequence[str]
) -> Completion | None:
    own = [path for path in (job.presenter, job.lecture) if path is not None]
    pair = _Group([*own, *group.files], around.contents).pair()
    if pair is not None and group.files:
        return Completion(job, *pair, tuple(group.files))
    if job.lecture is None or job.presenter is not None:
        return None
    stem, name = split_presenter(match_stem(job.lecture))
    if name is None and (job.lecture in around.recent or similar_name(stem, lone_presenters)):
        return None
    found = around.find(name or DEFAULT_PRESENTER)
    return Completion(job, found, job.lecture, ()) if found is not None else None


def _lone_files(
    group: _Group,
    around: Surroundings,
    lone_presenters: Sequence[str],
    lone_lectures: Sequence[str],
) -> Iterator[NewJob | Rejection]:
    """Yield what becomes of files without a partner: a job with the library's presenter, or one
    that waits."""
    if group.lectures:
        lecture = group.lectures[0]
        stem, name = split_presenter(match_stem(lecture))
        similar = similar_name(stem, lone_presenters) if name is None else None
        found = around.find(name or DEFAULT_PRESENTER)
        if similar is not None or (name is None and lecture in around.recent):
            found = None
        if name is not None and found is None:
            similar = similar_name(name, around.library)
        reason = None if found else _missing_presenter_reason(lecture, name, similar)
        yield NewJob(stem, found, lecture, claims=_claims(group, [lecture]), waiting_reason=reason)
    elif group.presenters:
        presenter = group.presenters[0]
        stem = match_stem(presenter)
        details = {"name": display_name(presenter.name), "stem": display_name(stem)}
        similar = similar_name(stem, lone_lectures)
        reason = Reason("waiting_lecture", details)
        if similar is not None:
            reason = Reason("waiting_similar", {**details, "other": display_name(similar)})
        yield NewJob(
            stem, presenter, None, claims=_claims(group, [presenter]), waiting_reason=reason
        )
    else:
        for path in group.files:
            if path not in around.recent:
                yield subtitles_rejection(path)


def _missing_presenter_reason(lecture: Path, name: str | None, similar: str | None) -> Reason:
    details = {"name": display_name(lecture.name), "stem": display_name(match_stem(lecture))}
    if similar is not None:
        return Reason("waiting_similar", {**details, "other": display_name(similar)})
    if name is None:
        return Reason("waiting_presenter", details)
    return Reason("waiting_named_presenter", {**details, "presenter": display_name(name)})


def subtitles_rejection(path: Path) -> Rejection:
    """Return the rejection of subtitles without a recording."""
    details = {"name": display_name(path.name), "stem": display_name(match_stem(path))}
    return Rejection(path, Reason("subtitles_alone", details))


def rejection_of(path: Path) -> Rejection:
    """Return the rejection of a file that is neither a presenter nor a lecture.

    The codes are ``file_not_regular``, ``job_file_outside_folder``, ``folder_nested`` and
    ``file_type_unsupported``.
    """
    code = "file_type_unsupported"
    if path.is_symlink() or not (is_regular(path) or path.is_dir()):
        code = "file_not_regular"
    elif is_job_file(path):
        code = "job_file_outside_folder"
    elif path.is_dir():
        code = "folder_nested"
    return Rejection(path, Reason(code, {"name": display_name(path.name)}))
