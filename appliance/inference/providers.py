"""Settings, cached results and self-tests of the execution providers of this device."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import psutil

from appliance.config import LipsConfig
from appliance.inference.golden import Golden
from appliance.inference.results import RESULTS_FILE, ProviderResult, ProviderResults
from appliance.inference.selftest import (
    SESSION_MODULE,
    OnElapsed,
    SelfTest,
    SelfTestFailed,
    first_line,
    run_selftest,
    run_selftest_in_child,
)
from appliance.inference.session import RuntimeVersions, SessionSettings, remove_stale_engines

_MB = 1 << 20
_GPU_SHARE = 0.15  # of the memory that processor and GPU share …
_GPU_MIN_MB, _GPU_MAX_MB = 384, 2048  # … within these limits, in MiB
# Covers the first start of TensorRT on a small board: loading its libraries and building an engine.
_TEST_TIMEOUTS_S = {"tensorrt": 900.0, "cuda": 180.0}


@dataclass(frozen=True)
class Providers:
    """The execution providers of this device.

    ``state`` is the folder of the self-test results and ``cache`` that of built TensorRT engines;
    without them nothing is kept beyond this process. ``session_module`` names the module that opens
    sessions. ``timeout_override_s`` overrides the time limits of the tests. ``timeout_s`` is the
    time in seconds that a GPU provider may take for one batch.
    """

    state: Path | None = None
    cache: Path | None = None
    versions: RuntimeVersions = field(default_factory=RuntimeVersions)
    session_module: str = SESSION_MODULE
    timeout_override_s: float | None = None
    timeout_s: float = 30.0

    @classmethod
    def of(cls, root: Path, lips: LipsConfig) -> Providers:
        """Return the providers of the device with the folder ``root`` and the settings ``lips``."""
        return cls(
            root / "state",
            root / "cache" / "engines",
            RuntimeVersions.find(),
            timeout_s=lips.inference_timeout_s,
        )

    def test_timeout_s(self, provider: str) -> float:
        """Return the seconds that ``provider`` has to open the network and pass its self-test."""
        return self.timeout_override_s or _TEST_TIMEOUTS_S.get(provider, 180.0)

    @cached_property
    def results(self) -> ProviderResults:
        """The results so far."""
        return ProviderResults(
            None if self.state is None else self.state / RESULTS_FILE, self.versions
        )

    def available(self, provider_names: Sequence[str]) -> dict[str, bool]:
        """Return the providers to try, the CPU last, and whether ONNX Runtime lists each."""
        listed = importlib.import_module(self.session_module).available()
        return {name: name in listed for name in dict.fromkeys([*provider_names, "cpu"])}

    def settings(self, sha: str, precision: str, threads: int) -> SessionSettings:
        """Return the settings for opening the file with the hash ``sha`` on this device."""
        total = psutil.virtual_memory().total / _MB
        memory = round(min(max(total * _GPU_SHARE, _GPU_MIN_MB), _GPU_MAX_MB))
        cache = None if self.cache is None else self.cache / str(self.versions)
        return SessionSettings(threads, memory, cache, f"{sha[:16]}-{precision}", precision)

    def get_or_test(
        self,
        selftest: SelfTest,
        sha: str,
        on_elapsed: OnElapsed = lambda seconds: None,
    ) -> ProviderResult:
        """Return the stored result of ``selftest``, or run it if there is none."""
        stored = self.results.get(sha, selftest.provider)
        if stored is not None:
            return stored
        return self.retest(selftest, sha, on_elapsed)

    def retest(
        self, selftest: SelfTest, sha: str, on_elapsed: OnElapsed = lambda seconds: None
    ) -> ProviderResult:
        """Run ``selftest`` even if there is a stored result; store the new one."""
        precision = selftest.settings.precision
        try:
            if selftest.provider == "cpu":
                result = run_selftest(selftest)
            else:
                if self.cache is not None:
                    remove_stale_engines(self.cache, self.versions)
                result = run_selftest_in_child(
                    selftest, self.test_timeout_s(selftest.provider), on_elapsed
                )
        except SelfTestFailed as error:
            return self.results.add(sha, selftest.provider, precision, str(error))
        except Exception as error:
            if selftest.provider != "cpu":
                raise  # ``on_elapsed`` requested to stop
            return self.results.add(sha, selftest.provider, precision, first_line(error))
        return self.results.add(
            sha,
            selftest.provider,
            precision,
            batch=result.batch,
            ms=result.ms,
            open_s=result.open_s,
        )

    def make_selftest(
        self, path: Path, provider: str, golden: Golden, settings: SessionSettings, rounds: int = 9
    ) -> SelfTest:
        """Return the self-test of ``path`` on ``provider``, with this object's session module."""
        return SelfTest(path, provider, settings, golden, rounds, self.session_module)
