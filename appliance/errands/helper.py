"""What needs more rights than the daemon has: a helper outside does it, if it is installed.

One connection a request: a JSON line ``{"ask": kind, …}`` goes out, and one comes back,
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
_MOST = 1 << 20  # bytes of an answer


def ask_helper(
    kind: str,
    params: Mapping[str, Any],
    *,
    path: Path = SOCKET,
    limit_s: float = 6 * 3600.0,
    ended: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Let the helper do ``kind``; gives its result.

    Raises ``Fault``: ``helper_missing`` where none listens, ``helper_failed`` where it broke off,
    ``errand_interrupted`` once ``ended`` (the helper goes on); and the ``BadInput`` that it
    answers.
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
        raise Fault("helper_failed", reason="it gave no answer") from error
    if code not in MESSAGES:
        raise Fault("helper_failed", reason=code)
    raise BadInput(code, **details)


def _hear(line: socket.socket, until: float, ended: Callable[[], bool]) -> bytes:
    """All that is said until the line is closed. Raises ``TimeoutError``."""
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
