"""The requests that the root helper accepts: a closed set of actions with typed arguments.

The helper runs as root, and every process that can open its socket can write to it. A request is
therefore read here, independently of what the panel and the daemon have checked: one JSON object,
whose ``action`` selects one of two models that forbid every other key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from appliance.errors import BadInput

MAX_REQUEST_BYTES = 4096
"""Maximum length of a request; the longest valid one has less than 100 bytes."""


class HelperAction(str, Enum):
    """What the helper can do."""

    USB_LIST = "usb_list"
    USB_IMPORT = "usb_import"
    USB_EXPORT = "usb_export"
    USB_EJECT = "usb_eject"
    POWER_OFF = "power_off"


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DeviceRequest(_Request):
    """A request that concerns the device as a whole, and has no argument."""

    action: Literal[HelperAction.USB_LIST, HelperAction.POWER_OFF]


class DriveRequest(_Request):
    """A request that concerns one USB drive: the name of its block device, such as ``sda1``."""

    action: Literal[HelperAction.USB_IMPORT, HelperAction.USB_EXPORT, HelperAction.USB_EJECT]
    device: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


HelperRequest = Annotated[DeviceRequest | DriveRequest, Field(discriminator="action")]
_ADAPTER: TypeAdapter[DeviceRequest | DriveRequest] = TypeAdapter(HelperRequest)


def parse_request(line: bytes) -> DeviceRequest | DriveRequest:
    """Return the request in ``line``, one JSON object.

    Raises ``BadInput("helper_request_unknown")`` for anything else: too long, not JSON, a key that
    occurs twice, an unknown action, or an argument that is unknown, missing or of another type.
    """
    try:
        if len(line) > MAX_REQUEST_BYTES:
            raise ValueError("too long")
        values = json.loads(line, object_pairs_hook=_without_duplicates)
        # Strict JSON mode accepts the value of an enum, and converts nothing else.
        return _ADAPTER.validate_json(json.dumps(values))
    except (ValidationError, ValueError, RecursionError) as error:
        raise BadInput("helper_request_unknown", name=_shown(line)) from error


def build_request(action: str, arguments: Mapping[str, Any]) -> bytes:
    """Return a request as one line of JSON. Raises ``BadInput`` as :func:`parse_request` does."""
    if "action" in arguments:
        raise BadInput("helper_request_unknown", name=action[:40])
    line = json.dumps({**arguments, "action": action}).encode()
    parse_request(line)
    return line + b"\n"


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a key occurs twice")
    return values


def _shown(line: bytes) -> str:
    return line[:80].decode("utf-8", "replace").strip()
