"""Settings, cached results and self-tests of the execution providers of this device."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import psutil

from appliance.config import Config
from appliance.lips.engine import Machine, Settings, forget_other_machines
from appliance.lips.golden import Golden
from appliance.lips.selftest import (
    ENGINE,
    Listen,
    Order,
    SelfTestFailed,
    first_line,
    test_here,
    test_in_child,
)
from appliance.lips.verdicts import FILE, Verdict, Verdicts

_MB = 1 << 20
_GPU_SHARE = 0.15  # of the memory that processor and GPU share …
_GPU_LEAST, _GPU_MOST = 384, 2048  # … within these limits, in MiB
# Covers the first start of TensorRT on a small board: loading its libraries and building an engine.
_LIMITS_S = {"tensorrt": 900.0, "cuda": 180.0}


@dataclass(frozen=True)
class Engines:
    """The execution providers of this device.

    ``state`` is the folder of the self-test results and ``cache`` that of built TensorRT engines;
    without them nothing is kept beyond this process. ``engine`` names the module that opens
    sessions. ``limit_s`` overrides the time limits of the tests. ``answer_s`` is the time in
    seconds that a GPU provider may take for one batch.
    """

    state: Path | None = None
    cache: Path | None = None
    machine: Machine = field(default_factory=Machine)
    engine: str = ENGINE
    limit_s: float | None = None
    answer_s: float = 30.0

    @classmethod
    def of(cls, config: Config) -> Engines:
        """Return the providers of the device that ``config`` describes."""
        return cls(
            config.root / "state",
            config.root / "cache" / "engines",
            Machine.find(),
            answer_s=config.lips.answer_s,
        )

    def test_limit_s(self, provider: str) -> float:
        """Return the seconds that ``provider`` has to open the network and pass its self-test."""
        return self.limit_s or _LIMITS_S.get(provider, 180.0)

    @cached_property
    def verdicts(self) -> Verdicts:
        """The results so far."""
        return Verdicts(None if self.state is None else self.state / FILE, self.machine)

    def available(self, providers: Sequence[str]) -> dict[str, bool]:
        """Return the providers to try, the CPU last, and whether ONNX Runtime lists each."""
        listed = importlib.import_module(self.engine).available()
        return {name: name in listed for name in dict.fromkeys([*providers, "cpu"])}

    def settings(self, sha: str, precision: str, threads: int) -> Settings:
        """Return the settings for opening the file with the hash ``sha`` on this device."""
        total = psutil.virtual_memory().total / _MB
        memory = round(min(max(total * _GPU_SHARE, _GPU_LEAST), _GPU_MOST))
        cache = None if self.cache is None else self.cache / str(self.machine)
        return Settings(threads, memory, cache, f"{sha[:16]}-{precision}", precision)

    def test(
        self,
        order: Order,
        sha: str,
        listen: Listen = lambda seconds: None,
    ) -> Verdict:
        """Return the stored result of the self-test ``order``, or run it if there is none."""
        known = self.verdicts.find(sha, order.provider)
        if known is not None:
            return known
        return self.test_anew(order, sha, listen)

    def test_anew(self, order: Order, sha: str, listen: Listen = lambda seconds: None) -> Verdict:
        """Run the self-test ``order`` even if there is a stored result; store the new one."""
        precision = order.settings.precision
        try:
            if order.provider == "cpu":
                outcome = test_here(order)
            else:
                if self.cache is not None:
                    forget_other_machines(self.cache, self.machine)
                outcome = test_in_child(order, self.test_limit_s(order.provider), listen)
        except SelfTestFailed as error:
            return self.verdicts.add(sha, order.provider, precision, str(error))
        except Exception as error:
            if order.provider != "cpu":
                raise  # the listener requested to stop
            return self.verdicts.add(sha, order.provider, precision, first_line(error))
        return self.verdicts.add(
            sha,
            order.provider,
            precision,
            batch=outcome.batch,
            ms=outcome.ms,
            open_s=outcome.open_s,
        )

    def order(
        self, path: Path, provider: str, golden: Golden, settings: Settings, rounds: int = 9
    ) -> Order:
        """Return the self-test of ``path`` on ``provider``, with this object's session module."""
        return Order(path, provider, settings, golden, rounds, self.engine)
