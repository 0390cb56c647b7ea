"""Calls that return, fail or hang."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading

import pytest

from appliance.system.timeouts import CallThread


def test_result_of_the_call_is_returned() -> None:
    assert CallThread()(lambda: 7, 60.0) == 7


def test_calls_share_one_thread() -> None:
    caller = CallThread()
    threads = {caller(threading.get_ident, 60.0) for _ in range(3)}
    assert len(threads) == 1 and threading.get_ident() not in threads


@pytest.mark.parametrize("error", [ValueError("no"), TimeoutError("the network's own")])
def test_exception_of_the_call_is_raised(error: Exception) -> None:
    def fail() -> None:
        raise error

    caller = CallThread()
    with pytest.raises(type(error)) as caught:
        caller(fail, 60.0)
    assert caught.value is error
    assert caller(lambda: 1, 60.0) == 1


def test_thread_ends_with_the_object() -> None:
    caller = CallThread()
    thread = caller(threading.current_thread, 60.0)
    del caller
    gc.collect()
    thread.join(60.0)
    assert not thread.is_alive()


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a separate process."""
    start = (
        "import atexit, sys, threading\n"
        "from appliance.system.timeouts import CallThread, CallTimeout, exit_if_call_hangs\n"
        "atexit.register(lambda: print('tidied up'))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", start + code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_process_exits_although_a_call_hangs() -> None:
    done = run(
        "try:\n    CallThread()(threading.Event().wait, 0.01)\n"
        "except CallTimeout as error:\n    print(error)\n"
        "exit_if_call_hangs(3)\n"
    )
    assert (done.returncode, done.stdout) == (3, "timed out after 0 s\n"), done.stderr


def test_process_ends_regularly_without_a_hanging_call() -> None:
    done = run("CallThread()(int, 60.0)\nexit_if_call_hangs(3)\n")
    assert (done.returncode, done.stdout) == (0, "tidied up\n"), done.stderr


def test_late_call_no_longer_counts_as_hanging() -> None:
    done = run(
        "gate, caller = threading.Event(), CallThread()\n"
        "try:\n    caller(gate.wait, 0.01)\n"
        "except CallTimeout:\n    gate.set()\n"
        "caller(int, 60.0)\n"
        "exit_if_call_hangs(3)\n"
    )
    assert (done.returncode, done.stdout) == (0, "tidied up\n"), done.stderr
