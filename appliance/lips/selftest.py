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

from appliance.lips.engine import Session, Settings
from appliance.lips.golden import ROWS, TOLERANCE, Golden, check, question, sample

ENGINE = "appliance.lips.engine"
"""Name of the module that opens sessions, with ``available()`` and ``open_session()``."""

_MEMORY = ("alloc", "out of memory", "nvmap", "error 12", "cuda failure 2")
_TICK_S = 0.25

Listen = Callable[[float], None]
"""Called with the seconds that a test has been running."""


class SelfTestFailed(Exception):
    """A provider failed its self-test; the text is the reason, in one line."""


@dataclass(frozen=True)
class Outcome:
    """A passed self-test: the largest batch that fits, ms per frame, and seconds to open."""

    batch: int
    ms: float
    open_s: float


@dataclass(frozen=True)
class Order:
    """A self-test; ``rounds`` is the number of timed runs after the one that is compared."""

    path: Path
    provider: str
    settings: Settings
    golden: Golden
    rounds: int = 9
    engine: str = ENGINE

    def to_json(self) -> str:
        """Return one line of JSON. Paths are hexadecimal: a file name need not be valid text."""
        values = {**asdict(self), "path": os.fsencode(self.path).hex()}
        cache = self.settings.cache
        values["settings"]["cache"] = None if cache is None else os.fsencode(cache).hex()
        return json.dumps(values)

    @classmethod
    def from_json(cls, line: str) -> Order:
        """Read what :meth:`to_json` wrote."""
        values = json.loads(line)
        settings = values["settings"]
        if settings["cache"] is not None:
            settings["cache"] = Path(os.fsdecode(bytes.fromhex(settings["cache"])))
        values |= {
            "path": Path(os.fsdecode(bytes.fromhex(values["path"]))),
            "settings": Settings(**settings),
        }
        return cls(**values)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, at most 200 characters."""
    text = str(error).strip().splitlines()
    return (text[0] if text else repr(error))[:200]


def is_memory(error: BaseException) -> bool:
    """Return whether ``error`` means that memory was short."""
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in _MEMORY)


def open_on(order: Order) -> Session:
    """Open the network of ``order``. Raises the errors of the provider."""
    session: Session = importlib.import_module(order.engine).open_session(
        order.path, order.provider, order.settings
    )
    return session


def verify(session: Session, order: Order) -> Outcome:
    """Run ``session`` on the fixed input, in the largest batch that fits; compare and time it.

    Without a reference output the CPU's output is used. Raises ``ValueError`` for a wrong output,
    and the errors of the provider.
    """
    golden = order.golden or golden_of(order.path, order.engine)
    names = [output.name for output in session.get_outputs()]
    batch = fixed_rows(session) or ROWS
    while True:
        asked = question(session.get_inputs(), batch)
        try:
            answer = session.run(names, asked)
            break
        except Exception as error:
            if batch == 1 or not is_memory(error):
                raise
            batch //= 2
    values = dict(zip(names, (np.asarray(v, np.float32) for v in answer), strict=True))
    check(golden, values, TOLERANCE[order.settings.precision])
    # With one thread, measure the thread's CPU time: a job that runs at the same time does not
    # count.
    alone = order.provider == "cpu" and order.settings.threads == 1
    clock = time.thread_time if alone else time.perf_counter
    times = []
    for _ in range(order.rounds):
        begin = clock()
        session.run(names, asked)
        times.append(clock() - begin)
    return Outcome(batch, round(1000 * min(times, default=0.0) / batch, 3), 0.0)


def fixed_rows(session: Session) -> int | None:
    """Return the batch size of a network with a fixed batch axis, else ``None``."""
    first = {entry.shape[0] for entry in session.get_inputs()}
    return next((size for size in first if isinstance(size, int)), None)


def golden_of(path: Path, engine: str = ENGINE) -> dict[str, list[list[float]]]:
    """Return the CPU's output for the fixed input, as stored in a manifest by packaging."""
    session = open_on(Order(path, "cpu", Settings(), {}, engine=engine))
    names = [output.name for output in session.get_outputs()]
    values = session.run(names, question(session.get_inputs()))
    return sample(dict(zip(names, (np.asarray(v, np.float32) for v in values), strict=True)))


def test_here(order: Order) -> Outcome:
    """Open the network and :func:`verify` it in this process."""
    begin = time.perf_counter()
    session = open_on(order)
    opened = time.perf_counter() - begin
    return replace(verify(session, order), open_s=round(opened, 3))


def test_in_child(
    order: Order,
    limit_s: float,
    listen: Listen = lambda seconds: None,
    *,
    python: str = sys.executable,
) -> Outcome:
    """Run :func:`test_here` in a child process of ``python``, for at most ``limit_s`` seconds.

    Raises ``SelfTestFailed`` with the reason. ``listen`` is called with the seconds so far; an
    exception that it raises ends the child.
    """
    command = [python, "-m", "appliance.lips.selftest"]
    pipe = subprocess.PIPE
    # The module that opens sessions must be importable in the child, too.
    paths = os.pathsep.join(path for path in sys.path if path)
    try:
        child = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, env={**os.environ, "PYTHONPATH": paths}
        )
    except OSError as error:  # for example, no memory for another process
        raise SelfTestFailed(f"its test could not begin: {error.strerror}") from error
    with child:
        begin = time.monotonic()
        line: bytes | None = order.to_json().encode() + b"\n"
        try:
            while True:
                try:
                    out, err = child.communicate(line, timeout=_TICK_S)
                    break
                except subprocess.TimeoutExpired:
                    line = None  # already sent
                    passed = time.monotonic() - begin
                    listen(passed)
                    if passed > limit_s:
                        raise SelfTestFailed(f"it gave no answer in {limit_s:.0f} s") from None
        finally:
            child.kill()
    return _outcome(out, err, child.returncode)


def _outcome(out: bytes, err: bytes, status: int) -> Outcome:
    lines = out.decode("utf-8", "replace").strip().splitlines()
    try:
        word: dict[str, Any] = json.loads(lines[-1])
        if "failed" in word:
            raise SelfTestFailed(word["failed"])
        return Outcome(**word)
    except (IndexError, TypeError, ValueError):
        last = err.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no word"]
        raise SelfTestFailed(f"it ended by itself ({status}): {last[0][:200]}") from None


def main() -> None:
    """Child process: run the test on standard input, print its result as a line of JSON."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # output of libraries must not get into the protocol
    order = Order.from_json(sys.stdin.readline())
    try:
        word = asdict(test_here(order))
    except Exception as error:
        word = {"failed": first_line(error)}
    answer.write(json.dumps(word) + "\n")
    answer.flush()
    os._exit(0)  # a driver may hang while it is unloaded


if __name__ == "__main__":
    main()
