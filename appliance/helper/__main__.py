"""``python -m appliance.helper``: handles a request on standard input or a new USB drive."""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import BinaryIO

from appliance.config import SYSTEM_CONFIG, load_config
from appliance.errors import BadInput, Fault, LecternError
from appliance.helper.account import Account, pack
from appliance.helper.verbs import Helper

_MOST = 1 << 16  # bytes of a request
log = logging.getLogger("lectern.helper")


def main(arguments: Sequence[str]) -> int:
    """Import from the device named in ``arguments``, or handle one request if there is none.

    Returns the exit status: 0, or 1 if the configuration or the USB drive cannot be used.
    """
    # When a USB drive is removed, systemd stops the unit: partial copies must be deleted.
    signal.signal(signal.SIGTERM, _end)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    try:
        helper = Helper(load_config(SYSTEM_CONFIG).root, Account.of())
    except LecternError as error:
        log.error("%s", error)
        return 1
    if arguments:
        return arrive(helper, arguments[-1])
    serve(helper, sys.stdin.buffer, sys.stdout.buffer)
    return 0


def arrive(helper: Helper, device: str) -> int:
    """Import from ``device`` and log the result; return the exit status."""
    try:
        result = helper.arrived(device)
    except (LecternError, OSError) as error:
        log.error("%s: %s", device, error)
        return 1
    log.info("%s: %s; it is safe to remove", device, json.dumps(result))
    return 0


def serve(helper: Helper, request: BinaryIO, answer: BinaryIO) -> None:
    """Read a request, one line of JSON, and write the result or the error as one line of JSON."""
    try:
        try:
            asked = json.loads(request.readline(_MOST))
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            raise BadInput("helper_unknown", name="")
        log.info("request: %s", asked.get("ask"))
        said = {"result": helper.answer(asked)}
    except LecternError as error:
        log.info("%s", error)
        said = pack(error)
    except Exception as error:
        log.exception("failed")
        said = pack(Fault("helper_failed", reason=f"{type(error).__name__}: {error}"))
    answer.write(json.dumps(said).encode() + b"\n")
    answer.flush()


def _end(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # do not interrupt the cleanup
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
