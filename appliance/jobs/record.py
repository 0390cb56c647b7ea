"""What the store gives and takes: a job, an event, a hold."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.errors import LecternError
from appliance.jobs.states import Request, State
from appliance.messages import MESSAGES


class _Told(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "…"


@dataclass(frozen=True)
class Reason:
    """Why something is as it is: a code of the catalogue, and what fills its texts."""

    code: str
    params: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, error: LecternError) -> Reason:
        """The reason that an error gives."""
        return cls(error.code, error.details)

    def error(self) -> LecternError | None:
        """The error that gives this reason; ``None`` for a code of another version of Lectern.

        What that version's texts did not name reads as "…".
        """
        if self.code not in MESSAGES:
            return None
        error = LecternError(self.code, **self.params)
        error.details = _Told(error.details)
        return error

    def text(self, language: str = "en") -> str:
        """What happened and what to do, two sentences in ``en`` or ``zh``."""
        error = self.error()
        if error is None:
            return self.code
        space = " " if language == "en" else ""
        return error.text(language) + space + error.cure(language)


@dataclass(frozen=True)
class NewJob:
    """What is asked for.

    ``stem`` names the result. ``presenter`` or ``lecture`` is ``None`` while it is awaited.
    ``claims`` are the files that belong to the job alone and are moved when it ends. ``options``
    are settings that differ for this job: ``{"lips": {"precision": "fp16"}}``. ``priority``:
    higher goes first. ``owner`` is the panel's user who asked, empty for the inbox.
    """

    stem: str
    presenter: Path | None
    lecture: Path | None
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    priority: int = 0
    claims: tuple[Path, ...] = ()
    waits_for: Reason | None = None
    owner: str = ""


@dataclass(frozen=True)
class Job:
    """A job as it stood when it was read. Times are seconds since 1970, UTC, or ``None``.

    ``done`` of ``total`` are units of ``stage``. ``attempts`` counts starts, ``idle_attempts``
    those since a chunk was last finished. ``not_before`` is when a failed attempt may be repeated.
    ``fetched`` is when a person took the result. ``interruptions`` counts how often the box went
    down over the job since it last got further, ``relief`` how often memory ran out.
    ``expected_mb`` is what its work will take on the disk, in MiB, where it was estimated.
    """

    id: int
    stem: str
    presenter: Path | None
    lecture: Path | None
    output: Path | None
    report: Path | None
    options: Mapping[str, Mapping[str, Any]]
    priority: int
    state: State
    request: Request | None
    reason: Reason | None
    stage: str
    done: int
    total: int
    attempts: int
    idle_attempts: int
    not_before: float
    created: float
    heartbeat: float | None
    started: float | None
    finished: float | None
    fetched: float | None
    owner: str
    interruptions: int
    relief: int
    expected_mb: float | None

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Job:
        """From a row of ``jobs``."""
        return cls(
            id=row["id"],
            stem=os.fsdecode(row["stem"]),
            presenter=path_of(row["presenter"]),
            lecture=path_of(row["lecture"]),
            output=path_of(row["output"]),
            report=path_of(row["report"]),
            options=json.loads(row["options"]),
            priority=row["priority"],
            state=State(row["state"]),
            request=Request(row["request"]) if row["request"] else None,
            reason=reason_of(row["reason"], row["reason_params"]),
            **{key: row[key] for key in _PLAIN},
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        paths = {"presenter", "lecture", "output", "report"}
        values = {
            name: shown(value) if value is not None and name in paths else value
            for name, value in vars(self).items()
        }
        values["stem"] = shown(self.stem)
        values["state"] = self.state.value
        values["request"] = self.request.value if self.request else None
        values["reason"] = self.reason and {
            "code": self.reason.code,
            "en": self.reason.text("en"),
            "zh": self.reason.text("zh"),
        }
        return values


_PLAIN = (
    "stage",
    "done",
    "total",
    "attempts",
    "idle_attempts",
    "not_before",
    "created",
    "heartbeat",
    "started",
    "finished",
    "fetched",
    "owner",
    "interruptions",
    "relief",
    "expected_mb",
)


@dataclass(frozen=True)
class Event:
    """Something that happened, to a job or (``job`` is ``None``) to the box."""

    id: int
    at: float
    job: int | None
    kind: str
    reason: Reason | None


@dataclass(frozen=True)
class OwnedFile:
    """A file that belongs to a job.

    ``role``: ``source`` (in the inbox, to be moved), ``kept`` (moved) or ``result``. ``target`` is
    where it is being moved.
    """

    path: Path
    role: str
    target: Path | None


def path_of(blob: bytes | None) -> Path | None:
    """A path column; empty means none."""
    return Path(os.fsdecode(blob)) if blob else None


def blob_of(path: Path | None) -> bytes:
    """What goes into a path column."""
    return os.fsencode(path) if path is not None else b""


def reason_of(code: str | None, params: str) -> Reason | None:
    """The reason columns."""
    return Reason(code, json.loads(params)) if code else None


def shown(name: object) -> str:
    """A name as text that every terminal and JSON reader takes."""
    return os.fsencode(str(name)).decode("utf-8", "replace")
