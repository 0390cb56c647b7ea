"""Run ONNX networks on the best working provider, and continue on another if it fails later.

A provider that ONNX Runtime lists may still not work: on a Jetson, a wheel built for another GPU
lists CUDA but cannot use it. So a provider is used only after its output for a fixed input was
correct (see :mod:`~appliance.inference.selftest`); otherwise the next one is tried. If a provider
runs out of memory while rendering, the batch is halved. After any other failure, or if it does not
return within :attr:`~appliance.inference.providers.Providers.timeout_s`, it is replaced by the next
one. The reasons are kept for the report.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from appliance.errors import Fault
from appliance.files.atomic import sha256
from appliance.inference.golden import MAX_BATCH, Golden
from appliance.inference.providers import Providers
from appliance.inference.selftest import (
    OnElapsed,
    first_line,
    fixed_batch_size,
    is_out_of_memory,
    open_session_for,
    verify,
)
from appliance.inference.session import Session
from appliance.system.timeouts import CallThread

Array = npt.NDArray[np.float32]
_T = TypeVar("_T")

log = logging.getLogger("lectern.inference")


@dataclass(frozen=True)
class ProviderChoice:
    """The provider in use, and the reasons why the preferred ones are not."""

    provider: str
    rejected: tuple[str, ...]


class Network:
    """One ONNX file on one provider; inputs and outputs are dictionaries of arrays by name.

    The providers ``provider_names`` of the device ``providers`` are tried in order, the CPU always
    last. ``golden`` is the manifest's reference output (empty: the CPU's own output is used) and
    ``precision`` determines the tolerance. ``on_elapsed`` is called with the seconds that a
    self-test takes; an exception that it raises stops the test. Raises
    ``Fault("inference_failed")`` when no provider can run the file.
    """

    def __init__(
        self,
        path: Path,
        provider_names: Sequence[str] = ("cpu",),
        threads: int = 1,
        *,
        golden: Golden | None = None,
        precision: str = "fp32",
        providers: Providers | None = None,
        on_elapsed: OnElapsed = lambda seconds: None,
    ) -> None:
        self.path = path
        self._providers = providers or Providers()
        self._golden: Golden = golden or {}
        self._on_elapsed = on_elapsed
        self._sha256 = sha256(path)
        self._settings = self._providers.settings(self._sha256, precision, threads)
        self._remaining = list(self._providers.available(provider_names).items())
        self._rejected: list[str] = []
        self._call_thread: CallThread | None = None
        self.session, self.choice, self.batch = self._open_next()
        self.inputs = {i.name: i.shape for i in self.session.get_inputs()}
        self.outputs = [o.name for o in self.session.get_outputs()]

    def __call__(self, inputs: dict[str, Array]) -> dict[str, Array]:
        """Run the network, in several parts if memory is short; outputs are float32.

        Raises ``Fault("inference_failed")`` when the last provider fails.
        """
        while True:
            try:
                return self._run(inputs)
            except Exception as error:
                rows = max(len(value) for value in inputs.values())
                if is_out_of_memory(error) and min(self.batch, rows) > 1:
                    self.batch = min(self.batch, rows) // 2
                    log.warning("%s: out of memory, batch now %d", self.path.name, self.batch)
                else:
                    self._fall_back(error)

    def _run(self, inputs: dict[str, Array]) -> dict[str, Array]:
        rows = max(len(value) for value in inputs.values())
        parts = []
        for start in range(0, rows, self.batch):
            part = {name: value[start : start + self.batch] for name, value in inputs.items()}
            parts.append(self._with_timeout(partial(self.session.run, self.outputs, part)))
        columns = zip(*parts, strict=True)
        joined = [values[0] if len(values) == 1 else np.concatenate(values) for values in columns]
        return {
            name: np.asarray(value, np.float32)
            for name, value in zip(self.outputs, joined, strict=True)
        }

    def _with_timeout(self, call: Callable[[], _T], timeout_s: float | None = None) -> _T:
        """Call a provider, with a time limit; there is none for the CPU."""
        if self._call_thread is None:
            return call()
        return self._call_thread(call, timeout_s or self._providers.timeout_s)

    def _fall_back(self, error: Exception) -> None:
        """Replace the provider that failed by the next one and record the reason."""
        name, reason = self.choice.provider, first_line(error)
        self._rejected.append(f"{name}: failed during rendering: {reason}")
        if name != "cpu":
            log.warning("%s: provider %s failed: %s", self.path.name, name, reason)
            self._providers.results.add(self._sha256, name, self._settings.precision, reason)
        try:
            self.session, self.choice, self.batch = self._open_next()
        except Fault as fault:
            raise fault from error

    def _open_next(self) -> tuple[Session, ProviderChoice, int]:
        """Open the next provider that passes its self-test."""
        while self._remaining:
            name, listed = self._remaining.pop(0)
            if not listed:
                self._rejected.append(f"{name}: not in this ONNX Runtime")
                continue
            try:
                session, batch = self._open(name)
                return session, ProviderChoice(name, tuple(self._rejected)), batch
            except _ProviderRejected as error:
                self._rejected.append(f"{name}: {error}")
        reason = "; ".join(self._rejected)
        raise Fault("inference_failed", name=self.path.name, reason=reason)

    def _open(self, name: str) -> tuple[Session, int]:
        selftest = self._providers.make_selftest(
            self.path, name, self._golden, self._settings, rounds=0
        )
        if name != "cpu":
            result = self._providers.get_or_test(
                replace(selftest, rounds=9), self._sha256, self._on_elapsed
            )
            if not result.passed:
                raise _ProviderRejected(result.reason)
        self._call_thread = None if name == "cpu" else CallThread()
        timeout_s = self._providers.test_timeout_s(name)
        try:
            session = self._with_timeout(partial(open_session_for, selftest), timeout_s)
            if name == "cpu" and not self._golden:
                # without a reference it would be compared with itself
                return session, fixed_batch_size(session) or MAX_BATCH
            return session, self._with_timeout(partial(verify, session, selftest), timeout_s).batch
        except Exception as error:  # after any failure, the next provider is used
            if name != "cpu":
                self._providers.results.add(
                    self._sha256, name, self._settings.precision, first_line(error)
                )
            raise _ProviderRejected(first_line(error)) from error


class _ProviderRejected(Exception):
    """A provider cannot be used; the text is the reason."""
