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

from appliance.errors import Fault, LecternError
from appliance.privileges import SERVICE_USER
from appliance.system.process import private_stdout


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

    The result must be JSON-serializable. Raises the ``LecternError`` that ``work`` raised, and
    ``Fault("helper_failed")`` for any other exception or if the child process ends without a reply.
    """
    read_end, write_end = os.pipe()
    sys.stdout.flush()
    # Block SIGTERM: an exception that its handler raises inside ``fork`` would be lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    child = os.fork()
    if child == 0:
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
            os.close(read_end)
            os.dup2(write_end, 1)  # standard output was the connection to the daemon
            with private_stdout() as pipe:
                pipe.write(json.dumps(_run_work(account, work)))
        finally:
            os._exit(0)
    os.close(write_end)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        with os.fdopen(read_end) as pipe:
            raw_reply = pipe.read()
    except BaseException:  # terminated: terminate the child, too, which cleans up first
        os.kill(child, signal.SIGTERM)
        raise
    finally:
        os.waitpid(child, 0)
    if not raw_reply:
        raise Fault("helper_failed", reason="it ended without a reply")
    reply = json.loads(raw_reply)
    if "error" in reply:
        raise LecternError.from_dict(reply)
    return dict(reply["result"])


def _run_work(account: ServiceUser, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        if os.getuid() == 0:
            os.setgroups([])
            os.setresgid(account.gid, account.gid, account.gid)
            os.setresuid(account.uid, account.uid, account.uid)
        os.umask(0o002)
        return {"result": work()}
    except LecternError as error:
        return error.to_dict()
    except Exception as error:
        return Fault("helper_failed", reason=f"{type(error).__name__}: {error}").to_dict()
