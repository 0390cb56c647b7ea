"""The services' user, and doing something as that user."""

from __future__ import annotations

import json
import os
import pwd
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from appliance.errors import BadInput, Fault, LecternError
from appliance.privilege import USER


@dataclass(frozen=True)
class Account:
    """Numbers of a user and its group."""

    uid: int
    gid: int

    @classmethod
    def of(cls, name: str = USER) -> Account:
        """Raises ``Fault("helper_failed")`` where there is no such user."""
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            raise Fault("helper_failed", reason=f"there is no user {name}") from None
        return cls(entry.pw_uid, entry.pw_gid)


def as_user(account: Account, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do ``work`` in a process that has ``account``'s rights and no others; what it gives.

    The result must be plain JSON. Raises the ``LecternError`` that ``work`` raised, and
    ``Fault("helper_failed")`` for anything else.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    # What a signal's handler raises inside ``fork`` is printed and forgotten: it has to wait.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    child = os.fork()
    if child == 0:
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
            os.close(reading)
            with os.fdopen(writing, "w") as answer:
                answer.write(json.dumps(_answer(account, work)))
        finally:
            os._exit(0)
    os.close(writing)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        with os.fdopen(reading) as answer:
            said = answer.read()
    except BaseException:  # told to end: so is the child, which tidies up first
        os.kill(child, signal.SIGTERM)
        raise
    finally:
        os.waitpid(child, 0)
    if not said:
        raise Fault("helper_failed", reason="it ended without an answer")
    return unpack(json.loads(said))


def pack(error: LecternError) -> dict[str, Any]:
    """An error as it travels."""
    return {"error": error.code, "details": error.details}


def unpack(said: dict[str, Any]) -> dict[str, Any]:
    """The result in ``said``, or its error raised."""
    if "result" in said:
        return dict(said["result"])
    raise BadInput(said["error"], **said["details"])


def _answer(account: Account, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        if os.getuid() == 0:
            os.setgroups([])
            os.setresgid(account.gid, account.gid, account.gid)
            os.setresuid(account.uid, account.uid, account.uid)
        os.umask(0o002)
        return {"result": work()}
    except LecternError as error:
        return pack(error)
    except Exception as error:
        return pack(Fault("helper_failed", reason=f"{type(error).__name__}: {error}"))
