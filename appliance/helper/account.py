"""The user account of the services, and running functions as that user."""

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
    """The numeric user and group IDs of the services."""

    uid: int
    gid: int

    @classmethod
    def of(cls, name: str = USER) -> Account:
        """Look up a user by name. Raises ``Fault("helper_failed")`` if it does not exist."""
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            raise Fault("helper_failed", reason=f"there is no user {name}") from None
        return cls(entry.pw_uid, entry.pw_gid)


def as_user(account: Account, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run ``work`` in a child process with the permissions of ``account`` and return its result.

    The result must be JSON-serializable. Raises ``BadInput`` with the code of a ``LecternError``
    that ``work`` raised, and with ``helper_failed`` for any other exception. Raises
    ``Fault("helper_failed")`` if the child process ends without an answer.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    # Block SIGTERM: an exception that its handler raises inside ``fork`` would be lost.
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
    except BaseException:  # terminated: terminate the child, too, which cleans up first
        os.kill(child, signal.SIGTERM)
        raise
    finally:
        os.waitpid(child, 0)
    if not said:
        raise Fault("helper_failed", reason="it ended without an answer")
    return unpack(json.loads(said))


def pack(error: LecternError) -> dict[str, Any]:
    """Convert an error to a JSON-serializable dictionary."""
    return {"error": error.code, "details": error.details}


def unpack(said: dict[str, Any]) -> dict[str, Any]:
    """Return the result in ``said``, or raise its error as ``BadInput``."""
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
