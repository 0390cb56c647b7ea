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

KINDS = ("usb_list", "usb_import", "usb_export", "usb_eject", "power_off")

_CONNECT_S = 10.0
_TICK_S = 0.5
_MOST = 1 << 20  # maximum size of a reply in bytes


def ask_helper(
    kind: str,
    params: Mapping[str, Any],
    *,
    path: Path = SOCKET,
    limit_s: float = 6 * 3600.0,
    ended: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Send the request ``kind`` with ``params`` to the helper and return its result.

    Raises ``Fault``: ``helper_missing`` if it does not accept connections, ``helper_failed`` if
    there was no valid reply, ``errand_interrupted`` once ``ended`` returns True (the helper
    continues); and the ``BadInput`` in the reply.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(_CONNECT_S)
            try:
                line.connect(str(path))
            except OSError as error:
                raise Fault("helper_missing") from error
            line.sendall(json.dumps({"ask": kind, **params}).encode() + b"\n")
            line.shutdown(socket.SHUT_WR)
            answer = _hear(line, time.monotonic() + limit_s, ended)
    except OSError as error:
        raise Fault("helper_failed", reason=str(error)) from error
    try:
        said = json.loads(answer)
        if "result" in said:
            return dict(said["result"])
        code, details = str(said["error"]), dict(said.get("details", {}))
    except (ValueError, LookupError, TypeError) as error:
        raise Fault("helper_failed", reason="it sent no valid reply") from error
    if code not in MESSAGES:
        raise Fault("helper_failed", reason=code)
    raise BadInput(code, **details)


def _hear(line: socket.socket, until: float, ended: Callable[[], bool]) -> bytes:
    """Return all data received until the connection is closed.

    Raises ``TimeoutError`` at the monotonic time ``until``, ``Fault("errand_interrupted")`` once
    ``ended`` returns True.
    """
    answer = b""
    line.settimeout(_TICK_S)
    while len(answer) < _MOST:
        try:
            block = line.recv(65536)
        except TimeoutError:
            if ended():
                raise Fault("errand_interrupted") from None
            if time.monotonic() >= until:
                raise
            continue
        if not block:
            break
        answer += block
    return answer
