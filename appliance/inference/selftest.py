"""Self-test of a network on a provider: compare its output for a fixed input.

An unsuitable graphics driver can raise an error, compute wrong values, run out of memory, crash or
hang. So providers other than the CPU are first tested in a child process with a time limit. There
TensorRT also builds its engine, which takes a minute the first time and is then cached.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from appliance.inference.golden import (
    MAX_BATCH,
    TOLERANCE,
    Golden,
    check_golden,
    golden_input,
    sample,
)
from appliance.inference.session import Session, SessionSettings
from appliance.system.process import private_stdout

SESSION_MODULE = "appliance.inference.session"
"""Name of the module that opens sessions, with ``available()`` and ``open_session()``."""

_MEMORY_MESSAGES = ("alloc", "out of memory", "nvmap", "error 12", "cuda failure 2")
_POLL_S = 0.25

OnElapsed = Callable[[float], None]
"""Called with the seconds that a test has been running."""


class SelfTestFailed(Exception):
    """A provider failed its self-test; the text is the reason, in one line."""


@dataclass(frozen=True)
class SelfTestResult:
    """A passed self-test: the largest batch that fits, ms per frame, and seconds to open."""

    batch: int
    ms: float
    open_s: float


@dataclass(frozen=True)
class SelfTest:
    """A self-test; ``rounds`` is the number of timed runs after the one that is compared."""

    path: Path
    provider: str
    settings: SessionSettings
    golden: Golden
    rounds: int = 9
    session_module: str = SESSION_MODULE

    def to_json(self) -> str:
        """Return one line of JSON. Paths are hexadecimal: a file name need not be valid text."""
        values = {**asdict(self), "path": os.fsencode(self.path).hex()}
        cache = self.settings.cache
        values["settings"]["cache"] = None if cache is None else os.fsencode(cache).hex()
        return json.dumps(values)

    @classmethod
    def from_json(cls, line: str) -> SelfTest:
        """Read what :meth:`to_json` wrote."""
        values = json.loads(line)
        settings = values["settings"]
        if settings["cache"] is not None:
            settings["cache"] = Path(os.fsdecode(bytes.fromhex(settings["cache"])))
        values |= {
            "path": Path(os.fsdecode(bytes.fromhex(values["path"]))),
            "settings": SessionSettings(**settings),
        }
        return cls(**values)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, at most 200 characters."""
    text = str(error).strip().splitlines()
    return (text[0] if text else repr(error))[:200]


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether ``error`` means that memory was short."""
    return isinstance(error, MemoryError) or any(
        word in str(error).lower() for word in _MEMORY_MESSAGES
    )


def open_session_for(selftest: SelfTest) -> Session:
    """Open the network of ``selftest``. Raises the errors of the provider."""
    session: Session = importlib.import_module(selftest.session_module).open_session(
        selftest.path, selftest.provider, selftest.settings
    )
    return session


def verify(session: Session, selftest: SelfTest) -> SelfTestResult:
    """Run ``session`` on the fixed input, in the largest batch that fits; compare and time it.

    Without a reference output the CPU's output is used. Raises ``ValueError`` for a wrong output,
    and the errors of the provider.
    """
    golden = selftest.golden or reference_output(selftest.path, selftest.session_module)
    names = [output.name for output in session.get_outputs()]
    batch = fixed_batch_size(session) or MAX_BATCH
    while True:
        inputs = golden_input(session.get_inputs(), batch)
        try:
            raw_outputs = session.run(names, inputs)
            break
        except Exception as error:
            if batch == 1 or not is_out_of_memory(error):
                raise
            batch //= 2
    values = dict(zip(names, (np.asarray(v, np.float32) for v in raw_outputs), strict=True))
    check_golden(golden, values, TOLERANCE[selftest.settings.precision])
    # With one thread, measure the thread's CPU time: a job that runs at the same time does not
    # count.
    single_threaded = selftest.provider == "cpu" and selftest.settings.threads == 1
    clock = time.thread_time if single_threaded else time.perf_counter
    times = []
    for _ in range(selftest.rounds):
        begin = clock()
        session.run(names, inputs)
        times.append(clock() - begin)
    return SelfTestResult(batch, round(1000 * min(times, default=0.0) / batch, 3), 0.0)


def fixed_batch_size(session: Session) -> int | None:
    """Return the batch size of a network with a fixed batch axis, else ``None``."""
    first = {entry.shape[0] for entry in session.get_inputs()}
    return next((size for size in first if isinstance(size, int)), None)


def reference_output(
    path: Path, session_module: str = SESSION_MODULE
) -> dict[str, list[list[float]]]:
    """Return the CPU's output for the fixed input, as stored in a manifest by packaging."""
    session = open_session_for(
        SelfTest(path, "cpu", SessionSettings(), {}, session_module=session_module)
    )
    names = [output.name for output in session.get_outputs()]
    values = session.run(names, golden_input(session.get_inputs()))
    return sample(dict(zip(names, (np.asarray(v, np.float32) for v in values), strict=True)))


def run_selftest(selftest: SelfTest) -> SelfTestResult:
    """Open the network and :func:`verify` it in this process."""
    begin = time.perf_counter()
    session = open_session_for(selftest)
    opened = time.perf_counter() - begin
    return replace(verify(session, selftest), open_s=round(opened, 3))


def run_selftest_in_child(
    selftest: SelfTest,
    timeout_s: float,
    on_elapsed: OnElapsed = lambda seconds: None,
    *,
    python: str = sys.executable,
) -> SelfTestResult:
    """Run :func:`run_selftest` in a child process of ``python``, for at most ``timeout_s`` seconds.

    Raises ``SelfTestFailed`` with the reason. ``on_elapsed`` is called with the seconds so far; an
    exception that it raises ends the child.
    """
    command = [python, "-m", "appliance.inference.selftest"]
    pipe = subprocess.PIPE
    # The module that opens sessions must be importable in the child, too.
    paths = os.pathsep.join(path for path in sys.path if path)
    try:
        child = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, env={**os.environ, "PYTHONPATH": paths}
        )
    except OSError as error:  # for example, no memory for another process
        raise SelfTestFailed(f"the test could not be started: {error.strerror}") from error
    with child:
        begin = time.monotonic()
        line: bytes | None = selftest.to_json().encode() + b"\n"
        try:
            while True:
                try:
                    out, err = child.communicate(line, timeout=_POLL_S)
                    break
                except subprocess.TimeoutExpired:
                    line = None  # already sent
                    elapsed = time.monotonic() - begin
                    on_elapsed(elapsed)
                    if elapsed > timeout_s:
                        raise SelfTestFailed(f"timed out after {timeout_s:.0f} s") from None
        finally:
            child.kill()
    return _parse_result(out, err, child.returncode)


def _parse_result(out: bytes, err: bytes, status: int) -> SelfTestResult:
    lines = out.decode("utf-8", "replace").strip().splitlines()
    try:
        reply: dict[str, Any] = json.loads(lines[-1])
        if "failed" in reply:
            raise SelfTestFailed(reply["failed"])
        return SelfTestResult(**reply)
    except (IndexError, TypeError, ValueError):
        last = err.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no output"]
        raise SelfTestFailed(
            f"the test process exited with status {status}: {last[0][:200]}"
        ) from None


def main() -> None:
    """Child process: run the test on standard input, print its result as a line of JSON."""
    with private_stdout() as output:
        selftest = SelfTest.from_json(sys.stdin.readline())
        try:
            reply = asdict(run_selftest(selftest))
        except Exception as error:
            reply = {"failed": first_line(error)}
        output.write(json.dumps(reply) + "\n")
        output.flush()
        os._exit(0)  # a driver may hang while it is unloaded


if __name__ == "__main__":
    main()
