"""The parameters of each kind of task: strict models, checked on every side of the queue.

The panel checks a task before it is submitted, and the daemon again before it is executed, because
the database is only as trustworthy as everything that can write to it. The root helper has its own
check (:mod:`appliance.helper.request`) and relies on neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from appliance.errors import BadInput

_MAX_PATH = 4096  # PATH_MAX of Linux


def _check_path(value: object) -> str:
    # Not pydantic's own string type: a file name on Linux need not be valid text.
    if not isinstance(value, str) or not value.startswith("/"):
        raise ValueError("not an absolute path")
    if "\0" in value or len(value) > _MAX_PATH:
        raise ValueError("not a valid path")
    return value


PathText = Annotated[str, PlainValidator(_check_path)]
"""An absolute path, as returned by :func:`os.fsdecode`."""

DeviceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
"""Name of a block device as ``lsblk`` reports it, such as ``sda1``: no path, no option."""

_Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
_Value = bool | int | float | Annotated[str, Field(max_length=200)]
_Section = Annotated[dict[_Word, _Value], Field(max_length=20)]
_Options = Annotated[dict[_Word, _Section], Field(max_length=20)]


class TaskParams(BaseModel):
    """Base class: nothing is converted, and a parameter that the task does not have is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class NoParams(TaskParams):
    """The task has no parameters."""


class DriveParams(TaskParams):
    """A task for one USB drive."""

    device: DeviceName


class PreflightParams(TaskParams):
    """Files to check; ``options`` are overrides of the configuration, by section and key."""

    presenter: PathText
    lecture: PathText | None = None
    options: _Options = {}


class PreviewParams(TaskParams):
    """Files to preview from ``at_s`` seconds on."""

    presenter: PathText
    lecture: PathText
    at_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    options: _Options = {}


class EnrolmentParams(TaskParams):
    """A presenter of the library; with ``learn``, learn now."""

    presenter: PathText
    learn: bool = False


TASK_PARAMS: Mapping[str, type[TaskParams]] = {
    "doctor": NoParams,
    "enrolment": EnrolmentParams,
    "power_off": NoParams,
    "preflight": PreflightParams,
    "preview": PreviewParams,
    "restart_worker": NoParams,
    "usb_eject": DriveParams,
    "usb_export": DriveParams,
    "usb_import": DriveParams,
    "usb_list": NoParams,
}
"""Every kind of task, with its parameters."""


def check_params(kind: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a task of the kind ``kind``, with the defaults of those left out.

    Raises ``BadInput("task_params_invalid")`` for an unknown kind, and for a parameter that is
    unknown, missing or of another type.
    """
    model = TASK_PARAMS.get(kind)
    if model is None:
        raise BadInput("task_params_invalid", kind=kind[:40], reason="unknown kind of task")
    try:
        return dict(model.model_validate(dict(params)))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:80]
        raise BadInput(
            "task_params_invalid", kind=kind, reason=f"{where}: {first['msg']}"
        ) from None
