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
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from appliance.config_file import ConfigProblem, read_settings
from appliance.errors import BadInput

PROJECT = Path(__file__).resolve().parents[1]
"""The folder that contains ``appliance`` and ``models_lite``: a checkout, or site-packages."""

SYSTEM_CONFIG = Path("/etc/lectern/config.yaml")
SYSTEM_ROOT = Path("/var/lib/lectern")


# Types of the keys that are also options of a job, in ``job.yaml`` and in the API.
FaceIndex = Annotated[int, Field(ge=0, le=20)]
Voice = Annotated[str, Field(min_length=1)]
Speed = Annotated[float, Field(ge=0.5, le=2)]
Amplitude = Annotated[float, Field(ge=0, le=2)]
Precision = Literal["auto", "fp32", "fp16", "int8"]
# YAML 1.1 reads an unquoted off as false.
AutoOrOff = Annotated[
    Literal["auto", "off"], BeforeValidator(lambda value: "off" if value is False else value)
]
VideoSize = Literal[0, 360, 480, 540, 720, 1080, 1440, 2160]


class Section(BaseModel):
    """Base class of the sections: immutable and strictly typed; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class VideoConfig(Section):
    """The video stream of the result."""

    crf: Annotated[int, Field(ge=0, le=51)] = 18
    encoder: Literal["auto", "x264", "nvenc"] = "auto"
    preset: Literal[
        "auto", "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"
    ] = "auto"
    max_fps: Annotated[int, Field(ge=1, le=60)] = 60
    size: VideoSize = 0
    threads: Annotated[int, Field(ge=0, le=64)] = 0
    badge: bool = True
    badge_text: Annotated[str, Field(min_length=1, max_length=40)] = "AI-generated"
    badge_corner: Literal["top-left", "top-right", "bottom-left", "bottom-right"] = "bottom-right"


class AudioConfig(Section):
    """The audio stream of the result, if it cannot be copied from the lecture."""

    aac_kbps: Annotated[int, Field(ge=32, le=320)] = 192


class FaceConfig(Section):
    """The selection of the face, and the frames in which the mouth is not changed."""

    index: FaceIndex = 0
    max_yaw_deg: Annotated[float, Field(ge=0, le=90)] = 45.0
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5


class SpeechConfig(Section):
    """The speech synthesis for lectures that are texts."""

    voice: Voice = "auto"
    speed: Speed = 1.0
    subtitles: bool = True


class LipsConfig(Section):
    """The neural network that generates the mouth, and the hardware that runs it."""

    model: Annotated[str, Field(min_length=1)] = "lectern-lite"
    precision: Precision = "auto"
    amplitude: Amplitude = 1.0
    providers: Annotated[list[Literal["tensorrt", "cuda", "cpu"]], Field(min_length=1)] = [
        "tensorrt",
        "cuda",
        "cpu",
    ]
    inference_timeout_s: Annotated[float, Field(ge=1, le=600)] = 30.0

    def model_files(self) -> list[Path]:
        """Return the file or folder of a model of the user, for the rules of a confined child."""
        model = Path(self.model)
        files = [model.parent if model.suffix == ".json" else model]
        return files if model.is_absolute() else []


class PersonalizationConfig(Section):
    """What is learned from the presenter's own recording."""

    motion: AutoOrOff = "auto"
    mouth: AutoOrOff = "off"


class RenderConfig(Section):
    """The division of the work into chunks and batches, which limits the memory use."""

    chunk_s: Annotated[float, Field(ge=1, le=600)] = 20.0
    memory_limit_mb: Annotated[int, Field(ge=0)] = 0
    queue_frames: Annotated[int, Field(ge=1, le=256)] = 4
    batch_size: Annotated[int, Field(ge=1, le=256)] = 8


class CacheConfig(Section):
    """The cache of presenter analyses."""

    max_presenters_mb: Annotated[int, Field(ge=0)] = 2000


class ScoreConfig(Section):
    """The quality measurement of the finished video."""

    enabled: bool = True


class InboxConfig(Section):
    """The detection of complete files in the inbox."""

    watch: Literal["auto", "polling"] = "auto"
    poll_interval_s: Annotated[float, Field(ge=0.1, le=3600)] = 5.0
    rescan_interval_s: Annotated[float, Field(ge=1, le=86400)] = 300.0
    settle_s: Annotated[float, Field(ge=0, le=3600)] = 10.0
    settle_unknown_s: Annotated[float, Field(ge=0, le=3600)] = 90.0
    incomplete_timeout_s: Annotated[float, Field(ge=0, le=86400)] = 120.0
    partner_wait_s: Annotated[float, Field(ge=0, le=86400)] = 120.0


class JobsConfig(Section):
    """The job queue of the daemon, and the retention of finished jobs."""

    max_attempts_without_progress: Annotated[int, Field(ge=1, le=1000)] = 10
    min_free_disk_mb: Annotated[int, Field(ge=0)] = 2048
    max_age_days: Annotated[float, Field(ge=0)] = 0.0
    max_total_gb: Annotated[float, Field(ge=0)] = 0.0
    keep_undownloaded: bool = True


SourceName = Literal["auto", "sysfs", "jtop", "host"]
"""Name of a telemetry source."""


class TelemetryConfig(Section):
    """The sampling of temperatures, load, memory and disk space."""

    source: SourceName = "auto"
    interval_s: Annotated[float, Field(ge=1, le=3600)] = 5.0
    retention_hours: Annotated[float, Field(ge=0.1, le=720)] = 24.0


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = f"({'|'.join(DAYS)})"
_HOUR = "([01]?[0-9]|2[0-3]):[0-5][0-9]"
_RANGE = f"{_DAY}(-{_DAY})?"
_WINDOW = re.compile(f"({_RANGE}(,{_RANGE})* )?{_HOUR}-({_HOUR}|24:00)")


def _check_window(text: str) -> str:
    if not _WINDOW.fullmatch(text):
        raise ValueError('write days and hours as in "mon-fri 08:00-12:30" or "22:00-06:00"')
    return text


class GovernorConfig(Section):
    """The conditions under which work is paused."""

    heat_pause_margin_c: Annotated[float, Field(ge=0, le=60)] = 6.0
    heat_resume_margin_c: Annotated[float, Field(ge=0, le=60)] = 16.0
    min_start_memory_mb: Annotated[int, Field(ge=0)] = 500
    min_running_memory_mb: Annotated[int, Field(ge=0)] = 120
    quiet_hours: list[Annotated[str, AfterValidator(_check_window)]] = []


class LogsConfig(Section):
    """The log files."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json_lines: bool = False
    max_file_mb: Annotated[float, Field(ge=0.1, le=10000)] = 10.0
    backup_count: Annotated[int, Field(ge=1, le=1000)] = 5


class PanelConfig(Section):
    """The web panel: its addresses, encryption and access."""

    host: Annotated[str, Field(min_length=1)] = "0.0.0.0"
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    default_ports: bool = True
    tls: Literal["none", "local-ca", "files"] = "none"
    certificate: str = ""
    key: str = ""
    mdns: Literal["auto", "always", "never"] = "auto"
    trusted_hosts: list[str] = []
    inbox_visible_to: Literal["admins", "teachers"] = "admins"
    session_timeout_minutes: Annotated[float, Field(ge=1, le=10080)] = 120.0
    threads: Annotated[int, Field(ge=8, le=256)] = 72
    metrics_token: str = ""


class UploadsConfig(Section):
    """The limits of uploads, and how long unused uploads are kept."""

    max_file_gb: Annotated[float, Field(ge=0.001)] = 20.0
    user_quota_gb: Annotated[float, Field(ge=0.001)] = 60.0
    user_max_files: Annotated[int, Field(ge=1, le=1000)] = 50
    retention_hours: Annotated[float, Field(ge=0.1)] = 48.0
    max_concurrent: Annotated[int, Field(ge=1, le=64)] = 6


def default_root() -> Path:
    """Return the default root folder: ``box`` in a checkout, else ``SYSTEM_ROOT``."""
    return PROJECT / "box" if (PROJECT / "pyproject.toml").is_file() else SYSTEM_ROOT


class Config(Section):
    """The whole configuration. ``root`` contains the inbox, the outbox and all working files."""

    root: Annotated[Path, Field(strict=False)] = Field(default_factory=default_root)
    video: VideoConfig = VideoConfig()
    audio: AudioConfig = AudioConfig()
    face: FaceConfig = FaceConfig()
    speech: SpeechConfig = SpeechConfig()
    lips: LipsConfig = LipsConfig()
    personalization: PersonalizationConfig = PersonalizationConfig()
    render: RenderConfig = RenderConfig()
    cache: CacheConfig = CacheConfig()
    score: ScoreConfig = ScoreConfig()
    inbox: InboxConfig = InboxConfig()
    jobs: JobsConfig = JobsConfig()
    telemetry: TelemetryConfig = TelemetryConfig()
    governor: GovernorConfig = GovernorConfig()
    logs: LogsConfig = LogsConfig()
    panel: PanelConfig = PanelConfig()
    uploads: UploadsConfig = UploadsConfig()


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
    ``file_missing``, ``file_unreadable`` or ``config_access_denied`` (the file of an installed
    device, which only some users may read).
    """
    path = path or find_config()
    if path is None:
        return Config()
    try:
        values, problems = read_settings(path, Config)
    except BadInput as error:
        if error.code == "file_unreadable" and path == SYSTEM_CONFIG:
            raise BadInput("config_access_denied", name=str(path)) from error
        raise
    if problems:
        raise problems[0].error
    if "root" in values:
        values["root"] = path.resolve().parent / Path(values["root"]).expanduser()
    return Config.model_validate(values)


def check_config(path: Path) -> list[ConfigProblem]:
    """Return all problems of the configuration file ``path`` in the order of its lines.

    A file that is missing or unreadable is reported as a problem on line 0.
    """
    try:
        return read_settings(path, Config)[1]
    except BadInput as error:
        return [ConfigProblem(0, "", "", error)]


Overrides = Mapping[str, Mapping[str, Any]]
"""Values by section and key, such as ``{"lips": {"precision": "fp16"}}``."""


JOB_OPTIONS = {
    "voice": ("speech", "voice"),
    "speed": ("speech", "speed"),
    "subtitles": ("speech", "subtitles"),
    "face": ("face", "index"),
    "precision": ("lips", "precision"),
    "amplitude": ("lips", "amplitude"),
    "badge": ("video", "badge"),
    "size": ("video", "size"),
}
"""Section and key of the configuration for each option of a job."""


def overrides_from_options(options: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Convert options of a job, by name, to overrides.

    An option with the value ``None`` is left out, as are names that are not in ``JOB_OPTIONS``.
    ``personalization`` (``auto`` or ``off``) sets all keys of that section.
    """
    overrides: dict[str, dict[str, Any]] = {}
    if options.get("personalization") is not None:
        keys = PersonalizationConfig.model_fields
        overrides["personalization"] = dict.fromkeys(keys, options["personalization"])
    for name, value in options.items():
        if name in JOB_OPTIONS and value is not None:
            section, key = JOB_OPTIONS[name]
            overrides.setdefault(section, {})[key] = value
    return overrides


def apply_overrides(config: Config, overrides: Overrides) -> Config:
    """Return ``config`` with the values of ``overrides``.

    Raises ``BadInput("job_options_invalid")`` if a key is unknown or a value is invalid.
    """
    values = config.model_dump()
    for section, keys in overrides.items():
        values[section] = {**values.get(section, {}), **keys}
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInput("job_options_invalid", reason=f"{where}: {first['msg']}") from error
