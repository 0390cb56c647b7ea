"""The format of the log: one line per event, written as text or JSON, and parsed again."""

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
"""From the lowest to the highest; Python's ``critical`` is written as ``error``."""

_JOB: ContextVar[int | None] = ContextVar("job", default=None)

_TEXT = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\S+) (?P<level>[A-Z]+) +(?:job=(?P<job>\d+) )?"
    r"(?P<logger>[\w.]+): (?P<message>.*)"
)


@contextmanager
def job_context(job: int) -> Iterator[None]:
    """Add the job's ID to every line that this thread logs inside the ``with`` block."""
    token = _JOB.set(job)
    try:
        yield
    finally:
        _JOB.reset(token)


@dataclass(frozen=True)
class LogLine:
    """A line of the log.

    ``time`` is the local time in ISO 8601 with the UTC offset, ``level`` one of ``LEVELS`` and
    ``logger`` the name of the logger, such as ``lectern.inbox``. ``job`` is ``None`` if the line
    does not concern a job.
    """

    time: str
    level: str
    job: int | None
    logger: str
    message: str

    @classmethod
    def from_record(cls, record: logging.LogRecord) -> LogLine:
        """Create a line from a log record of the current thread; it includes a traceback."""
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + logging.Formatter().formatException(record.exc_info)
        time = datetime.fromtimestamp(record.created, timezone.utc).astimezone()
        level = "error" if record.levelno >= logging.ERROR else record.levelname.lower()
        return cls(time.isoformat(timespec="milliseconds"), level, _JOB.get(), record.name, message)

    def to_text(self) -> str:
        """Return the line as text; characters that are not printable are escaped."""
        job = "" if self.job is None else f"job={self.job} "
        message = "".join(c if c.isprintable() else repr(c)[1:-1] for c in self.message)
        return f"{self.time} {self.level.upper():<7} {job}{self.logger}: {message}"

    def to_json(self) -> str:
        """Return the line as a JSON object in ASCII."""
        return json.dumps(vars(self))

    @classmethod
    def parse(cls, line: str) -> LogLine | None:
        """Parse a line in either format.

        Returns ``None`` for anything else, such as a line that is incomplete after a power cut.
        """
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
        return cls(parts["time"], parts["level"].lower(), job, parts["logger"], parts["message"])

    def matches(self, job: int | None, level: str) -> bool:
        """Return whether it concerns ``job`` (``None``: any) and has at least ``level``."""
        level_index = LEVELS.index(self.level) if self.level in LEVELS else 0
        return (job is None or job == self.job) and level_index >= LEVELS.index(level)
