"""``job.yaml`` in a dropped folder: the settings of the jobs that are created from the folder."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Annotated

from pydantic import Field

from appliance.config import (
    AutoOrOff,
    FaceIndex,
    Overrides,
    Precision,
    Section,
    Speed,
    VideoSize,
    Voice,
    overrides_from_options,
)
from appliance.config_file import ConfigProblem, parse_settings
from appliance.errors import BadInput
from appliance.system.regular_file import NotRegularFileError, read_regular

JOB_FILE_NAMES = ("job.yaml", "job.yml")
MAX_JOB_FILE_BYTES = 100_000


class JobFile(Section):
    """The keys of ``job.yaml``. For a missing key, the setting of the device is used."""

    voice: Voice | None = None
    speed: Speed | None = None
    face: FaceIndex | None = None
    precision: Precision | None = None
    badge: bool | None = None
    size: VideoSize | None = None
    subtitles: bool | None = None
    personalization: AutoOrOff | None = None
    priority: Annotated[int, Field(ge=-100, le=100)] = 0


def is_job_file(path: Path) -> bool:
    """Return whether ``path`` has the name of a job file."""
    return path.name.casefold() in JOB_FILE_NAMES


def read_job_file(path: Path) -> tuple[JobFile, list[ConfigProblem]]:
    """Return the settings in the file ``path`` and its problems.

    If there is a problem, the settings are the defaults. A file that cannot be read at all is a
    problem on line 0.
    """
    try:
        content = read_regular(path, MAX_JOB_FILE_BYTES)
        values, problems = parse_settings(path.name, content, JobFile)
    except OSError as error:
        problems = [ConfigProblem(0, "", "", _unreadable(path, error))]
    return (JobFile(), problems) if problems else (JobFile.model_validate(values), [])


def _unreadable(path: Path, error: OSError) -> BadInput:
    if isinstance(error, NotRegularFileError):
        return BadInput("file_not_regular", name=path.name)
    if error.errno == errno.EFBIG:
        return BadInput("text_too_long", name=path.name)
    if isinstance(error, FileNotFoundError):
        return BadInput("file_missing", name=path.name)
    reason = error.strerror or str(error)
    return BadInput("file_unreadable", name=path.name, reason=reason)


def to_overrides(settings: JobFile) -> Overrides:
    """Convert the settings in the file to overrides; see :mod:`appliance.config`."""
    return overrides_from_options(settings.model_dump(exclude_unset=True))
