"""The settings: one class a concern, defaults that work, and a file that need only differ.

``config.yaml`` at the top of the project lists every key with its default and what it does; a test
keeps the two equal. A relative ``root`` is taken from the folder of the file that says it.
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
"""The folder that holds ``appliance`` and ``models_lite``: a checkout, or site-packages."""

SYSTEM_CONFIG = Path("/etc/lectern/config.yaml")
SYSTEM_ROOT = Path("/var/lib/lectern")


class Section(BaseModel):
    """Settings never change once read, and a key that nobody reads is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Video(Section):
    """The picture of the finished file."""

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
    """The sound, where it cannot be copied as it is."""

    aac_kbps: Annotated[int, Field(ge=32, le=320)] = 192


class Face(Section):
    """Whose mouth moves, and when it is left alone."""

    index: Annotated[int, Field(ge=0, le=20)] = 0
    max_yaw_deg: Annotated[float, Field(ge=0, le=90)] = 45.0
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5


class Speech(Section):
    """The voice that reads a lecture given as text."""

    voice: Annotated[str, Field(min_length=1)] = "auto"
    speed: Annotated[float, Field(ge=0.5, le=2)] = 1.0
    subtitles: bool = True


class Lips(Section):
    """The network that moves the lips."""

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
    """How the work is cut to fit the memory."""

    chunk_s: Annotated[float, Field(ge=1, le=600)] = 20.0
    memory_mb: Annotated[int, Field(ge=0)] = 0
    queue_frames: Annotated[int, Field(ge=1, le=256)] = 4
    batch: Annotated[int, Field(ge=1, le=256)] = 8


class Cache(Section):
    """What is kept to be faster the next time."""

    presenters_mb: Annotated[int, Field(ge=0)] = 2000


class Score(Section):
    """The measurement of the finished file."""

    enabled: bool = True


class Inbox(Section):
    """When a dropped file counts as arrived."""

    watch: Literal["auto", "polling"] = "auto"
    poll_s: Annotated[float, Field(ge=0.1, le=3600)] = 5.0
    rescan_s: Annotated[float, Field(ge=1, le=86400)] = 300.0
    settle_s: Annotated[float, Field(ge=0, le=3600)] = 10.0
    settle_unsure_s: Annotated[float, Field(ge=0, le=3600)] = 90.0
    patience_s: Annotated[float, Field(ge=0, le=86400)] = 120.0


class Jobs(Section):
    """The queue of the daemon, and how long finished work is kept."""

    max_idle_attempts: Annotated[int, Field(ge=1, le=1000)] = 10
    min_free_mb: Annotated[int, Field(ge=0)] = 2048
    keep_days: Annotated[float, Field(ge=0)] = 0.0
    keep_gb: Annotated[float, Field(ge=0)] = 0.0
    keep_unfetched: bool = True


class Telemetry(Section):
    """How the box watches its heat, load, memory and disk."""

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
    """When the work rests."""

    heat_margin_c: Annotated[float, Field(ge=0, le=60)] = 6.0
    heat_resume_c: Annotated[float, Field(ge=0, le=60)] = 16.0
    start_memory_mb: Annotated[int, Field(ge=0)] = 500
    low_memory_mb: Annotated[int, Field(ge=0)] = 120
    quiet: list[Annotated[str, AfterValidator(_window)]] = []


class Logs(Section):
    """What the daemon writes down."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json_lines: bool = False
    max_mb: Annotated[float, Field(ge=0.1, le=10000)] = 10.0
    files: Annotated[int, Field(ge=1, le=1000)] = 5


class Panel(Section):
    """Where the panel listens, and to whom it answers."""

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
    """What people may send through the panel, and how long what they do not use is kept."""

    max_gb: Annotated[float, Field(ge=0.001)] = 20.0
    person_gb: Annotated[float, Field(ge=0.001)] = 60.0
    person_files: Annotated[int, Field(ge=1, le=1000)] = 50
    keep_hours: Annotated[float, Field(ge=0.1)] = 48.0
    at_once: Annotated[int, Field(ge=1, le=64)] = 6


def default_root() -> Path:
    """``box`` inside a checkout; where the package was installed, the system's own place."""
    return PROJECT / "box" if (PROJECT / "pyproject.toml").is_file() else SYSTEM_ROOT


class Config(Section):
    """Everything that can be set. ``root`` holds the inbox, the outbox and all working files."""

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
    """The file that counts when the command line names none; ``None`` means the defaults.

    ``$LECTERN_CONFIG`` first, even where that file is missing (which is then an error); next the
    checkout's own ``config.yaml``; last ``/etc/lectern/config.yaml``.
    """
    named = environment.get("LECTERN_CONFIG")
    if named:
        return Path(named)
    for path in (PROJECT / "config.yaml", SYSTEM_CONFIG):
        if path.is_file():
            return path
    return None


def load_config(path: Path | None = None) -> Config:
    """The settings of ``path``, else of :func:`find_config`'s file, over the defaults.

    Raises ``BadInput`` with the file's first mistake, or ``file_missing`` / ``file_unreadable`` /
    ``config_private`` (an installed box's own, which not everybody may read).
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
    """Every mistake of the file ``path`` in the order of its lines; empty when it is right.

    A file that is missing or unreadable is a mistake as well, on line 0.
    """
    try:
        return read(path, Config)[1]
    except BadInput as error:
        return [Mistake(0, "", "", error)]
