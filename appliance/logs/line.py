"""One line a happening: how it is written, as text or JSON, and read again."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timezone

LEVELS = ("debug", "info", "warning", "error")
"""The least first; Python's ``critical`` is written as ``error``."""

_JOB: ContextVar[int | None] = ContextVar("job", default=None)

_TEXT = re.compile(
    r"(?P<at>\d{4}-\d\d-\d\dT\S+) (?P<level>[A-Z]+) +(?:job=(?P<job>\d+) )?"
    r"(?P<source>[\w.]+): (?P<text>.*)"
)


@contextmanager
def about_job(job: int) -> Iterator[None]:
    """Every line that this thread writes inside carries the job's number."""
    token = _JOB.set(job)
    try:
        yield
    finally:
        _JOB.reset(token)


@dataclass(frozen=True)
class Line:
    """``at`` is ISO 8601 with the offset, ``level`` one of ``LEVELS``, ``source`` the part of
    Lectern that speaks; ``job`` is ``None`` where it is about none."""

    at: str
    level: str
    job: int | None
    source: str
    text: str

    @classmethod
    def of(cls, record: logging.LogRecord) -> Line:
        """What a part of Lectern has just said. A traceback becomes part of the one line."""
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        at = datetime.fromtimestamp(record.created, timezone.utc).astimezone()
        level = "error" if record.levelno >= logging.ERROR else record.levelname.lower()
        return cls(at.isoformat(timespec="milliseconds"), level, _JOB.get(), record.name, text)

    def to_text(self) -> str:
        """For people; whatever would break the line is escaped."""
        job = "" if self.job is None else f"job={self.job} "
        text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in self.text)
        return f"{self.at} {self.level.upper():<7} {job}{self.source}: {text}"

    def to_json(self) -> str:
        """For programs; a name that is no valid text is escaped."""
        return json.dumps(vars(self))

    @classmethod
    def parse(cls, line: str) -> Line | None:
        """What either form says; ``None`` for what is neither, as a line that a power cut tore."""
        if line.startswith("{"):
            try:
                values = json.loads(line)
                return cls(**{name: values[name] for name in cls.__dataclass_fields__})
            except (ValueError, LookupError, TypeError):
                return None
        match = _TEXT.fullmatch(line)
        if match is None:
            return None
        parts = match.groupdict()
        job = None if parts["job"] is None else int(parts["job"])
        return cls(parts["at"], parts["level"].lower(), job, parts["source"], parts["text"])

    def is_wanted(self, job: int | None, level: str) -> bool:
        """Whether it is about ``job`` (any, if ``None``), and at least of ``level``."""
        known = LEVELS.index(self.level) if self.level in LEVELS else 0
        return (job is None or job == self.job) and known >= LEVELS.index(level)
