"""Run ONNX networks on the best engine that proves itself.

What ONNX Runtime lists as available proves nothing on a Jetson (a wheel built for another GPU lists
CUDA and cannot run). So a provider is taken only after it has computed a fixed input and agreed
with the CPU; else the next one is tried, and the reason is kept for the report.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from appliance.errors import Fault

Array = npt.NDArray[np.float32]

_NAMES = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
# Half precision on a GPU against float on the CPU, outputs of the order of one.
_TOLERANCE = 0.05
_QUIET = 3  # ONNX Runtime's severity for errors: its warnings are not for teachers


@dataclass(frozen=True)
class Choice:
    """The provider in use and why the better ones are not."""

    provider: str
    passed_over: tuple[str, ...]


class Network:
    """One ONNX file on one provider; inputs and outputs are dictionaries of arrays by name."""

    def __init__(
        self,
        path: Path,
        providers: Sequence[str] = ("cpu",),
        threads: int = 1,
        available: Collection[str] | None = None,
    ) -> None:
        self.path = path
        self._threads = threads
        self._available = ort.get_available_providers() if available is None else available
        self.session, self.choice = self._choose(providers)
        self.inputs = {i.name: i.shape for i in self.session.get_inputs()}
        self.outputs = [o.name for o in self.session.get_outputs()]

    def __call__(self, inputs: dict[str, Array]) -> dict[str, Array]:
        """Run; raises ``Fault("network_failed")`` when the engine gives up."""
        try:
            values = self.session.run(self.outputs, inputs)
        except Exception as error:
            raise Fault("network_failed", name=self.path.name, reason=error) from error
        return dict(zip(self.outputs, (np.asarray(v, np.float32) for v in values), strict=True))

    def _choose(self, providers: Sequence[str]) -> tuple[ort.InferenceSession, Choice]:
        passed_over = []
        for name in dict.fromkeys([*providers, "cpu"]):
            if _NAMES[name] not in self._available:
                passed_over.append(f"{name}: not in this ONNX Runtime")
                continue
            try:
                session = self._open(name)
                if name != "cpu":
                    self._self_test(session)
                return session, Choice(name, tuple(passed_over))
            except Exception as error:  # any failure of an engine means: take the next one
                passed_over.append(
                    f"{name}: {str(error).splitlines()[0] if str(error) else error!r}"
                )
        raise Fault("network_failed", name=self.path.name, reason="; ".join(passed_over))

    def _open(self, name: str) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.log_severity_level = _QUIET
        # Threads that spin between frames would take the encoder's time.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return ort.InferenceSession(str(self.path), options, providers=[_NAMES[name]])

    def _self_test(self, session: ort.InferenceSession) -> None:
        rng = np.random.default_rng(0)
        inputs = {
            i.name: rng.random([d if isinstance(d, int) else 8 for d in i.shape], np.float32)
            for i in session.get_inputs()
        }
        expected = self._open("cpu").run(None, inputs)
        for wanted, got in zip(expected, session.run(None, inputs), strict=True):
            error = float(np.max(np.abs(np.asarray(wanted) - np.asarray(got))))
            if not error <= _TOLERANCE:  # also catches NaN
                raise ValueError(f"self-test was off by {error:.3g}")
