"""Run TensorFlow Lite face networks; the only module that uses the runtime."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


class TFLiteModel:
    """A float network with one image input; it must be used by one thread only.

    ``threads`` is 1 by default: the networks take about a millisecond, less than it costs to
    distribute the work over threads.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        with _silenced_stderr():
            self._interpreter = Interpreter(str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        entry = self._interpreter.get_input_details()[0]
        self._input = entry["index"]
        self.size = int(entry["shape"][1])
        self._outputs = [d["index"] for d in self._interpreter.get_output_details()]

    def __call__(self, image: Array) -> list[Array]:
        """Run on ``image`` (size, size, 3) float32; return the outputs in the network's order."""
        self._interpreter.set_tensor(self._input, image[np.newaxis])
        self._interpreter.invoke()
        return [np.array(self._interpreter.get_tensor(i), dtype=np.float32) for i in self._outputs]


_stderr_lock = threading.Lock()


@contextmanager
def _silenced_stderr() -> Iterator[None]:
    """Discard the runtime's banner, which it writes directly to file descriptor 2."""
    with _stderr_lock:
        sys.stderr.flush()
        saved = os.dup(2)
        devnull = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(devnull, 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(devnull)
            os.close(saved)
