"""``python -m appliance.helper``: handles one request, or imports from a new USB drive."""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, BinaryIO

from appliance.config import SYSTEM_CONFIG, load_config
from appliance.errors import Fault, LecternError
from appliance.helper.actions import UsbHelper
from appliance.helper.request import MAX_REQUEST_BYTES, parse_request
from appliance.helper.service_user import ServiceUser

log = logging.getLogger("lectern.helper")


def main(arguments: Sequence[str]) -> int:
    """Import from a USB drive (``on-plugged-in sda1``) or, without arguments, handle a request.

    Returns the exit status: 0, or 1 if the configuration or the USB drive cannot be used.
    """
    # When a USB drive is removed, systemd stops the unit: partial copies must be deleted.
    signal.signal(signal.SIGTERM, _exit_on_signal)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    try:
        helper = UsbHelper(load_config(SYSTEM_CONFIG).root, ServiceUser.lookup())
    except LecternError as error:
        log.error("%s", error)
        return 1
    if arguments:
        return import_new_drive(helper, arguments[-1])
    serve_request(helper, sys.stdin.buffer, sys.stdout.buffer)
    return 0


def import_new_drive(helper: UsbHelper, device: str) -> int:
    """Import from ``device`` and log the result; return the exit status."""
    try:
        result = helper.on_plugged_in(device)
    except (LecternError, OSError) as error:
        log.error("%s: %s", device, error)
        return 1
    log.info("%s: %s; it is safe to remove", device, json.dumps(result))
    return 0


def serve_request(helper: UsbHelper, request: BinaryIO, reply: BinaryIO) -> None:
    """Read a request, one line of JSON, and write the result or the error as one line of JSON."""
    try:
        message = parse_request(request.readline(MAX_REQUEST_BYTES + 1))
        log.info("request: %s", message.action.value)
        reply_values: dict[str, Any] = {"result": helper.handle(message)}
    except LecternError as error:
        log.info("%s", error)
        reply_values = error.to_dict()
    except Exception as error:
        log.exception("the request failed")
        reason = f"{type(error).__name__}: {error}"
        reply_values = Fault("helper_failed", reason=reason).to_dict()
    reply.write(json.dumps(reply_values).encode() + b"\n")
    reply.flush()


def _exit_on_signal(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # do not interrupt the cleanup
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
