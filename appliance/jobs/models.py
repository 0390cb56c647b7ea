"""Records of the job store: jobs, events, reasons and the files of a job."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.errors import LecternError
from appliance.jobs.states import JobRequest, JobState
from appliance.messages import MESSAGES


class _SafeDetails(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "…"


@dataclass(frozen=True)
class Reason:
    """The reason of a state or an event: a code of the message catalogue and its placeholders."""

    code: str
    params: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_error(cls, error: LecternError) -> Reason:
        """Create a reason from an error."""
        return cls(error.code, error.details)

    def to_error(self) -> LecternError | None:
        """Return this reason as an error; ``None`` for a code of another version of Lectern.

        Placeholders for which that version stored no value are shown as "…".
        """
        if self.code not in MESSAGES:
            return None
        error = LecternError(self.code, **self.params)
        error.details = _SafeDetails(error.details)
        return error

    def text(self, language: str = "en") -> str:
        """Return what happened and what to do: two sentences in ``en`` or ``zh``.

        Returns the code itself if it is unknown.
        """
        error = self.to_error()
        if error is None:
            return self.code
        space = " " if language == "en" else ""
        return error.text(language) + space + error.cure(language)


@dataclass(frozen=True)
class NewJob:
    """A job to be added to the queue.

    ``stem`` is the file name of the result without its suffix. ``presenter`` or ``lecture`` is
    ``None`` while the job waits for that file; ``waiting_reason`` is then the reason. ``claims``
    are the files that belong to this job only and are moved when it ends. ``options`` override the
    configuration: ``{"lips": {"precision": "fp16"}}``. Jobs of higher ``priority`` are started
    first. ``owner`` is the panel user who created the job, empty for the inbox.
    """

    stem: str
    presenter: Path | None
    lecture: Path | None
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    priority: int = 0
    claims: tuple[Path, ...] = ()
    waiting_reason: Reason | None = None
    owner: str = ""


@dataclass(frozen=True)
class Job:
    """Snapshot of a job. Times are seconds since 1970, UTC, or ``None``.

    ``done`` of ``total`` units of ``stage`` are complete. ``attempts`` counts the starts of the
    job, ``attempts_without_progress`` those since a chunk was last finished. ``not_before`` is the
    earliest time of the next attempt. ``downloaded`` is the time at which a user downloaded the
    result. ``interruptions`` counts how often the daemon or the device went down during the job
    since its last progress, ``degrade_level`` how often memory ran out. ``expected_disk_mb`` is the
    estimated disk space of the job in MiB, ``None`` while it is not estimated.
    """

    id: int
    stem: str
    presenter: Path | None
    lecture: Path | None
    output: Path | None
    report: Path | None
    options: Mapping[str, Mapping[str, Any]]
    priority: int
    state: JobState
    request: JobRequest | None
    reason: Reason | None
    stage: str
    done: int
    total: int
    attempts: int
    attempts_without_progress: int
    not_before: float
    created: float
    heartbeat: float | None
    started: float | None
    finished: float | None
    downloaded: float | None
    owner: str
    interruptions: int
    degrade_level: int
    expected_disk_mb: float | None

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Job:
        """Create a job from a row of the ``jobs`` table."""
        return cls(
            id=row["id"],
            stem=os.fsdecode(row["stem"]),
            presenter=path_from_blob(row["presenter"]),
            lecture=path_from_blob(row["lecture"]),
            output=path_from_blob(row["output"]),
            report=path_from_blob(row["report"]),
            options=json.loads(row["options"]),
            priority=row["priority"],
            state=JobState(row["state"]),
            request=JobRequest(row["request"]) if row["request"] else None,
            reason=reason_from_columns(row["reason"], row["reason_params"]),
            **{key: row[key] for key in _PLAIN_COLUMNS},
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the job as a JSON-serializable dictionary."""
        paths = {"presenter", "lecture", "output", "report"}
        values = {
            name: display_name(value) if value is not None and name in paths else value
            for name, value in vars(self).items()
        }
        values["stem"] = display_name(self.stem)
        values["state"] = self.state.value
        values["request"] = self.request.value if self.request else None
        values["reason"] = self.reason and {
            "code": self.reason.code,
            "en": self.reason.text("en"),
            "zh": self.reason.text("zh"),
        }
        return values


_PLAIN_COLUMNS = (
    "stage",
    "done",
    "total",
    "attempts",
    "attempts_without_progress",
    "not_before",
    "created",
    "heartbeat",
    "started",
    "finished",
    "downloaded",
    "owner",
    "interruptions",
    "degrade_level",
    "expected_disk_mb",
)


@dataclass(frozen=True)
class Event:
    """An event of a job, or of the whole queue if ``job`` is ``None``."""

    id: int
    at: float
    job: int | None
    kind: str
    reason: Reason | None


@dataclass(frozen=True)
class OwnedFile:
    """A file that belongs to a job.

    ``role`` is ``source`` (in the inbox, to be archived), ``archived`` or ``result``.
    ``target`` is the path to which the file is being moved, ``None`` if it is not being moved.
    """

    path: Path
    role: str
    target: Path | None


def path_from_blob(blob: bytes | None) -> Path | None:
    """Convert a path column to a path; an empty value means ``None``."""
    return Path(os.fsdecode(blob)) if blob else None


def path_to_blob(path: Path | None) -> bytes:
    """Convert a path to the value of a path column."""
    return os.fsencode(path) if path is not None else b""


def reason_from_columns(code: str | None, params: str) -> Reason | None:
    """Convert the two reason columns to a reason."""
    return Reason(code, json.loads(params)) if code else None


def display_name(name: object) -> str:
    """Return a file name as valid Unicode text; undecodable bytes are replaced."""
    return os.fsencode(str(name)).decode("utf-8", "replace")
