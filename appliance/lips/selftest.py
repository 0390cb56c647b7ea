"""Ask a network a fixed question on a provider and compare the answer, where that may hang.

A graphics driver that does not fit can throw, compute nonsense, run out of memory, crash or never
come back. So providers other than the CPU are first tried in a child process with a time limit;
TensorRT builds its engine there, too, which takes a minute the first time and is kept.
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
"""The module that opens sessions: it has ``available()`` and ``open_session()``."""

_MEMORY = ("alloc", "out of memory", "nvmap", "error 12", "cuda failure 2")
_TICK_S = 0.25

Listen = Callable[[float], None]
"""Told the seconds that a test has been running."""


class SelfTestFailed(Exception):
    """A provider did not prove itself; the text says why, in one line."""


@dataclass(frozen=True)
class Outcome:
    """A passed test: the largest batch that fits, ms a frame at it, and seconds to open."""

    batch: int
    ms: float
    open_s: float


@dataclass(frozen=True)
class Order:
    """What to test. ``rounds`` are timed runs after the one that is compared."""

    path: Path
    provider: str
    settings: Settings
    golden: Golden
    rounds: int = 9
    engine: str = ENGINE

    def to_json(self) -> str:
        """One line. Paths are hexadecimal: a file name need not be valid text."""
        values = {**asdict(self), "path": os.fsencode(self.path).hex()}
        cache = self.settings.cache
        values["settings"]["cache"] = None if cache is None else os.fsencode(cache).hex()
        return json.dumps(values)

    @classmethod
    def from_json(cls, line: str) -> Order:
        """What :meth:`to_json` wrote."""
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
    """What an engine says of its failure, short enough for a person."""
    text = str(error).strip().splitlines()
    return (text[0] if text else repr(error))[:200]


def is_memory(error: BaseException) -> bool:
    """Whether an engine failed for want of memory."""
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in _MEMORY)


def open_on(order: Order) -> Session:
    """Open the order's network; raises whatever the engine raises."""
    session: Session = importlib.import_module(order.engine).open_session(
        order.path, order.provider, order.settings
    )
    return session


def verify(session: Session, order: Order) -> Outcome:
    """Ask ``session`` the question in the largest batch that fits, compare, and time it.

    Without a golden answer the CPU's own is taken. Raises ``ValueError`` for a wrong answer and
    whatever the engine raises.
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
    # On one core the processor's own time is taken: a job at work beside it does not count.
    alone = order.provider == "cpu" and order.settings.threads == 1
    clock = time.thread_time if alone else time.perf_counter
    times = []
    for _ in range(order.rounds):
        begin = clock()
        session.run(names, asked)
        times.append(clock() - begin)
    return Outcome(batch, round(1000 * min(times, default=0.0) / batch, 3), 0.0)


def fixed_rows(session: Session) -> int | None:
    """The batch of a network that was exported for one size only."""
    first = {entry.shape[0] for entry in session.get_inputs()}
    return next((size for size in first if isinstance(size, int)), None)


def golden_of(path: Path, engine: str = ENGINE) -> dict[str, list[list[float]]]:
    """The CPU's answer: what a manifest records when a model is packaged."""
    session = open_on(Order(path, "cpu", Settings(), {}, engine=engine))
    names = [output.name for output in session.get_outputs()]
    values = session.run(names, question(session.get_inputs()))
    return sample(dict(zip(names, (np.asarray(v, np.float32) for v in values), strict=True)))


def test_here(order: Order) -> Outcome:
    """Open and :func:`verify` in this process."""
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
    """:func:`test_here` in a child process of ``python``, for at most ``limit_s`` seconds.

    Raises ``SelfTestFailed`` with the reason. What ``listen`` raises ends the child.
    """
    command = [python, "-m", "appliance.lips.selftest"]
    pipe = subprocess.PIPE
    # The engine's module must be found there as it is here.
    paths = os.pathsep.join(path for path in sys.path if path)
    try:
        child = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, env={**os.environ, "PYTHONPATH": paths}
        )
    except OSError as error:  # no memory for another process, say
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
                    line = None  # already on its way
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
    """The child: test what stands on standard input and answer with a line of JSON."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not come between
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
