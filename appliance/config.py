"""The configuration: one class for each section, with defaults for all keys.

``config.yaml`` at the top of the project lists every key with its default and its meaning; a test
ensures that it agrees with this module. A relative ``root`` is relative to the folder of the
configuration file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from appliance.config_file import Mistake, read
from appliance.errors import BadInput

PROJECT = Path(__file__).resolve().parents[1]
"""The folder that contains ``appliance`` and ``models_lite``: a checkout, or site-packages."""

SYSTEM_CONFIG = Path("/etc/lectern/config.yaml")
SYSTEM_ROOT = Path("/var/lib/lectern")


class Section(BaseModel):
    """Base class of the sections: immutable and strictly typed; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Video(Section):
    """The video stream of the result."""

    crf: Annotated[int, Field(ge=0, le=51)] = 18
    encoder: Literal["auto", "x264", "nvenc"] = "auto"
    preset: Literal[
        "auto", "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"
    ] = "auto"
    max_fps: Annotated[int, Field(ge=1, le=60)] = 60
    size: Literal[0, 360, 480, 540, 720, 1080, 1440, 2160] = 0
    threads: Annotated[int, Field(ge=0, le=64)] = 0
    badge: bool = True
    badge_text: Annotated[str, Field(min_length=1, max_length=40)] = "AI-generated"
    badge_corner: Literal["top-left", "top-right", "bottom-left", "bottom-right"] = "bottom-right"


class Audio(Section):
    """The audio stream of the result, if it cannot be copied from the lecture."""

    aac_kbps: Annotated[int, Field(ge=32, le=320)] = 192


class Face(Section):
    """The selection of the face, and the frames in which the mouth is not changed."""

    index: Annotated[int, Field(ge=0, le=20)] = 0
    max_yaw_deg: Annotated[float, Field(ge=0, le=90)] = 45.0
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5


class Speech(Section):
    """The speech synthesis for lectures that are texts."""

    voice: Annotated[str, Field(min_length=1)] = "auto"
    speed: Annotated[float, Field(ge=0.5, le=2)] = 1.0
    subtitles: bool = True


class Lips(Section):
    """The neural network that generates the mouth, and the hardware that runs it."""

    model: Annotated[str, Field(min_length=1)] = "lectern-lite"
    precision: Literal["auto", "fp32", "fp16", "int8"] = "auto"
    amplitude: Annotated[float, Field(ge=0, le=2)] = 1.0
    providers: Annotated[list[Literal["tensorrt", "cuda", "cpu"]], Field(min_length=1)] = [
        "tensorrt",
        "cuda",
        "cpu",
    ]
    answer_s: Annotated[float, Field(ge=1, le=600)] = 30.0


class Render(Section):
    """The division of the work into chunks and batches, which limits the memory use."""

    chunk_s: Annotated[float, Field(ge=1, le=600)] = 20.0
    memory_mb: Annotated[int, Field(ge=0)] = 0
    queue_frames: Annotated[int, Field(ge=1, le=256)] = 4
    batch: Annotated[int, Field(ge=1, le=256)] = 8


class Cache(Section):
    """The cache of presenter analyses."""

    presenters_mb: Annotated[int, Field(ge=0)] = 2000


class Score(Section):
    """The quality measurement of the finished video."""

    enabled: bool = True


class Inbox(Section):
    """The detection of complete files in the inbox."""

    watch: Literal["auto", "polling"] = "auto"
    poll_s: Annotated[float, Field(ge=0.1, le=3600)] = 5.0
    rescan_s: Annotated[float, Field(ge=1, le=86400)] = 300.0
    settle_s: Annotated[float, Field(ge=0, le=3600)] = 10.0
    settle_unsure_s: Annotated[float, Field(ge=0, le=3600)] = 90.0
    patience_s: Annotated[float, Field(ge=0, le=86400)] = 120.0


class Jobs(Section):
    """The job queue of the daemon, and the retention of finished jobs."""

    max_idle_attempts: Annotated[int, Field(ge=1, le=1000)] = 10
    min_free_mb: Annotated[int, Field(ge=0)] = 2048
    keep_days: Annotated[float, Field(ge=0)] = 0.0
    keep_gb: Annotated[float, Field(ge=0)] = 0.0
    keep_unfetched: bool = True


class Telemetry(Section):
    """The sampling of temperatures, load, memory and disk space."""

    source: Literal["auto", "sysfs", "jtop", "host"] = "auto"
    every_s: Annotated[float, Field(ge=1, le=3600)] = 5.0
    keep_hours: Annotated[float, Field(ge=0.1, le=720)] = 24.0


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = f"({'|'.join(DAYS)})"
_HOUR = "([01]?[0-9]|2[0-3]):[0-5][0-9]"
_RANGE = f"{_DAY}(-{_DAY})?"
_WINDOW = re.compile(f"({_RANGE}(,{_RANGE})* )?{_HOUR}-({_HOUR}|24:00)")


def _window(text: str) -> str:
    if not _WINDOW.fullmatch(text):
        raise ValueError('write days and hours as in "mon-fri 08:00-12:30" or "22:00-06:00"')
    return text


class Governor(Section):
    """The conditions under which work is paused."""

    heat_margin_c: Annotated[float, Field(ge=0, le=60)] = 6.0
    heat_resume_c: Annotated[float, Field(ge=0, le=60)] = 16.0
    start_memory_mb: Annotated[int, Field(ge=0)] = 500
    low_memory_mb: Annotated[int, Field(ge=0)] = 120
    quiet: list[Annotated[str, AfterValidator(_window)]] = []


class Logs(Section):
    """The log files."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json_lines: bool = False
    max_mb: Annotated[float, Field(ge=0.1, le=10000)] = 10.0
    files: Annotated[int, Field(ge=1, le=1000)] = 5


class Panel(Section):
    """The web panel: its addresses, encryption and access."""

    host: Annotated[str, Field(min_length=1)] = "0.0.0.0"
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    short_address: bool = True
    tls: Literal["none", "own", "files"] = "none"
    certificate: str = ""
    key: str = ""
    mdns: Literal["auto", "always", "never"] = "auto"
    trusted_hosts: list[str] = []
    inbox_shown_to: Literal["admins", "teachers"] = "admins"
    idle_minutes: Annotated[float, Field(ge=1, le=10080)] = 120.0
    threads: Annotated[int, Field(ge=8, le=256)] = 72
    metrics_token: str = ""


class Uploads(Section):
    """The limits of uploads, and how long unused uploads are kept."""

    max_gb: Annotated[float, Field(ge=0.001)] = 20.0
    person_gb: Annotated[float, Field(ge=0.001)] = 60.0
    person_files: Annotated[int, Field(ge=1, le=1000)] = 50
    keep_hours: Annotated[float, Field(ge=0.1)] = 48.0
    at_once: Annotated[int, Field(ge=1, le=64)] = 6


def default_root() -> Path:
    """Return the default root folder: ``box`` in a checkout, else ``SYSTEM_ROOT``."""
    return PROJECT / "box" if (PROJECT / "pyproject.toml").is_file() else SYSTEM_ROOT


class Config(Section):
    """The whole configuration. ``root`` contains the inbox, the outbox and all working files."""

    root: Annotated[Path, Field(strict=False)] = Field(default_factory=default_root)
    video: Video = Video()
    audio: Audio = Audio()
    face: Face = Face()
    speech: Speech = Speech()
    lips: Lips = Lips()
    render: Render = Render()
    cache: Cache = Cache()
    score: Score = Score()
    inbox: Inbox = Inbox()
    jobs: Jobs = Jobs()
    telemetry: Telemetry = Telemetry()
    governor: Governor = Governor()
    logs: Logs = Logs()
    panel: Panel = Panel()
    uploads: Uploads = Uploads()


def find_config(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the configuration file to use if the command line names none, or ``None``.

    The first of these is used: ``$LECTERN_CONFIG``, even if that file does not exist (which causes
    an error later); ``config.yaml`` of the checkout; ``/etc/lectern/config.yaml``.
    """
    named = environment.get("LECTERN_CONFIG")
    if named:
        return Path(named)
    for path in (PROJECT / "config.yaml", SYSTEM_CONFIG):
        if path.is_file():
            return path
    return None


def load_config(path: Path | None = None) -> Config:
    """Load the configuration file ``path``; missing keys have their defaults.

    Without ``path``, the file of :func:`find_config` is loaded; if there is none, the defaults are
    returned. Raises ``BadInput`` for the first problem in the file, or with the code
    ``file_missing``, ``file_unreadable`` or ``config_private`` (the file of an installed device,
    which only some users may read).
    """
    path = path or find_config()
    if path is None:
        return Config()
    try:
        values, mistakes = read(path, Config)
    except BadInput as error:
        if error.code == "file_unreadable" and path == SYSTEM_CONFIG:
            raise BadInput("config_private", name=str(path)) from error
        raise
    if mistakes:
        raise mistakes[0].error
    if "root" in values:
        values["root"] = path.resolve().parent / Path(values["root"]).expanduser()
    return Config.model_validate(values)


def check_config(path: Path) -> list[Mistake]:
    """Return all problems of the configuration file ``path`` in the order of its lines.

    A file that is missing or unreadable is reported as a problem on line 0.
    """
    try:
        return read(path, Config)[1]
    except BadInput as error:
        return [Mistake(0, "", "", error)]
