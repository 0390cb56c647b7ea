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
from appliance.privileges import SERVICE_USER


@dataclass(frozen=True)
class ServiceUser:
    """The numeric user and group IDs of the services."""

    uid: int
    gid: int

    @classmethod
    def lookup(cls, name: str = SERVICE_USER) -> ServiceUser:
        """Look up a user by name. Raises ``Fault("helper_failed")`` if it does not exist."""
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            raise Fault("helper_failed", reason=f"there is no user {name}") from None
        return cls(entry.pw_uid, entry.pw_gid)


def run_as_user(account: ServiceUser, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
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
                answer.write(json.dumps(_run_work(account, work)))
        finally:
            os._exit(0)
    os.close(writing)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        with os.fdopen(reading) as answer:
            reply = answer.read()
    except BaseException:  # terminated: terminate the child, too, which cleans up first
        os.kill(child, signal.SIGTERM)
        raise
    finally:
        os.waitpid(child, 0)
    if not reply:
        raise Fault("helper_failed", reason="it ended without an answer")
    return error_from_json(json.loads(reply))


def error_to_json(error: LecternError) -> dict[str, Any]:
    """Convert an error to a JSON-serializable dictionary."""
    return {"error": error.code, "details": error.details}


def error_from_json(reply: dict[str, Any]) -> dict[str, Any]:
    """Return the result in ``reply``, or raise its error as ``BadInput``."""
    if "result" in reply:
        return dict(reply["result"])
    raise BadInput(reply["error"], **reply["details"])


def _run_work(account: ServiceUser, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        if os.getuid() == 0:
            os.setgroups([])
            os.setresgid(account.gid, account.gid, account.gid)
            os.setresuid(account.uid, account.uid, account.uid)
        os.umask(0o002)
        return {"result": work()}
    except LecternError as error:
        return error_to_json(error)
    except Exception as error:
        return error_to_json(Fault("helper_failed", reason=f"{type(error).__name__}: {error}"))
