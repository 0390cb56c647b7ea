"""Sends requests to the USB helper, which has rights that the daemon lacks, if it is installed.

Each request uses one connection: one line is sent (:mod:`appliance.helper.request`), and a JSON
line is received, ``{"result": {…}}`` or an error (:meth:`~appliance.errors.LecternError.to_dict`).
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from appliance.errors import Fault, LecternError
from appliance.helper.request import build_request

SOCKET = Path("/run/lectern/helper.sock")

_CONNECT_S = 10.0
_POLL_INTERVAL_S = 0.5
_MAX_REPLY_BYTES = 1 << 20  # maximum size of a reply in bytes


def call_helper(
    action: str,
    params: Mapping[str, Any],
    *,
    path: Path = SOCKET,
    timeout_s: float = 6 * 3600.0,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Request ``action`` with ``params`` from the helper and return its result.

    Raises ``BadInput("helper_request_unknown")`` for a request that the helper would not accept;
    ``Fault``: ``helper_missing`` if it does not accept connections, ``helper_failed`` if
    there was no valid reply, ``task_interrupted`` once ``is_cancelled`` returns True (the helper
    continues); and the error in the reply.
    """
    request = build_request(action, params)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_CONNECT_S)
            try:
                connection.connect(str(path))
            except OSError as error:
                raise Fault("helper_missing") from error
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            raw_reply = _read_reply(connection, time.monotonic() + timeout_s, is_cancelled)
    except OSError as error:
        raise Fault("helper_failed", reason=str(error)) from error
    try:
        reply = json.loads(raw_reply)
        if "result" in reply:
            return dict(reply["result"])
        helper_error = LecternError.from_dict(reply)
    except (ValueError, LookupError, TypeError) as error:
        raise Fault("helper_failed", reason="it sent no valid reply") from error
    raise helper_error


def _read_reply(
    connection: socket.socket, deadline: float, is_cancelled: Callable[[], bool]
) -> bytes:
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
            if is_cancelled():
                raise Fault("task_interrupted") from None
            if time.monotonic() >= deadline:
                raise
            continue
        if not block:
            break
        reply += block
    return reply
