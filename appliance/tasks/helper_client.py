"""Sends requests to the USB helper, which has rights that the daemon lacks, if it is installed.

Each request uses one connection: a JSON line ``{"ask": kind, …}`` is sent, and one is received,
``{"result": {…}}`` or ``{"error": code, "details": {…}}``.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from appliance.errors import BadInput, Fault
from appliance.messages import MESSAGES

SOCKET = Path("/run/lectern/helper.sock")

HELPER_KINDS = ("usb_list", "usb_import", "usb_export", "usb_eject", "power_off")

_CONNECT_S = 10.0
_POLL_INTERVAL_S = 0.5
_MAX_REPLY_BYTES = 1 << 20  # maximum size of a reply in bytes


def call_helper(
    kind: str,
    params: Mapping[str, Any],
    *,
    path: Path = SOCKET,
    timeout_s: float = 6 * 3600.0,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Send the request ``kind`` with ``params`` to the helper and return its result.

    Raises ``Fault``: ``helper_missing`` if it does not accept connections, ``helper_failed`` if
    there was no valid reply, ``task_interrupted`` once ``is_cancelled`` returns True (the helper
    continues); and the ``BadInput`` in the reply.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_CONNECT_S)
            try:
                connection.connect(str(path))
            except OSError as error:
                raise Fault("helper_missing") from error
            connection.sendall(json.dumps({"ask": kind, **params}).encode() + b"\n")
            connection.shutdown(socket.SHUT_WR)
            raw_reply = _read_reply(connection, time.monotonic() + timeout_s, is_cancelled)
    except OSError as error:
        raise Fault("helper_failed", reason=str(error)) from error
    try:
        reply = json.loads(raw_reply)
        if "result" in reply:
            return dict(reply["result"])
        code, details = str(reply["error"]), dict(reply.get("details", {}))
    except (ValueError, LookupError, TypeError) as error:
        raise Fault("helper_failed", reason="it sent no valid reply") from error
    if code not in MESSAGES:
        raise Fault("helper_failed", reason=code)
    raise BadInput(code, **details)


def _read_reply(connection: socket.socket, deadline: float, ended: Callable[[], bool]) -> bytes:
    """Return all data received until the connection is closed.

    Raises ``TimeoutError`` at the monotonic time ``deadline``, ``Fault("task_interrupted")`` once
    ``is_cancelled`` returns True.
    """
    reply = b""
    connection.settimeout(_POLL_INTERVAL_S)
    while len(reply) < _MAX_REPLY_BYTES:
        try:
            block = connection.recv(65536)
        except TimeoutError:
            if ended():
                raise Fault("task_interrupted") from None
            if time.monotonic() >= deadline:
                raise
            continue
        if not block:
            break
        reply += block
    return reply
