"""A fixed test input for a network, and the reference output stored in its manifest.

The input is a smooth pattern in closed form, so that it is identical on every machine. The
reference is a sample of each output, recorded on the CPU when the model was packaged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Golden = Mapping[str, list[list[float]]]
"""For each output one list per row of the batch: its values at evenly spread positions."""

MAX_BATCH = 8  # the largest batch that a plan uses
_VARIABLE_AXIS_SIZE = 64  # used for a variable axis
_SAMPLE_COUNT = 24  # values per row

TOLERANCE = {"fp32": 0.005, "fp16": 0.01, "int8": 0.03}
"""Largest root mean square error of an output; outputs are of the order of one.

lectern-lite 0.3 on x86-64, computed in integers and then in floats as a GPU would: 0.0033 in INT8,
below 10⁻⁵ in half precision and in float. The limits allow for TF32's ten bits of mantissa and for
kernels that sum in half precision; the error of a faulty kernel is 0.1 or more.
"""


def golden_input(inputs: Iterable[Any], rows: int = MAX_BATCH) -> dict[str, Array]:
    """Return the fixed inputs (float32, in 0..1) for a session's ``get_inputs()``.

    A symbolic first axis becomes ``rows``, any other symbolic axis 64. Row ``i`` is the same for
    every value of ``rows``.
    """
    arrays: dict[str, Array] = {}
    for number, entry in enumerate(inputs):
        first, *rest = entry.shape
        shape = [first if isinstance(first, int) else rows]
        shape += [size if isinstance(size, int) else _VARIABLE_AXIS_SIZE for size in rest]
        axes = np.meshgrid(*(np.arange(size) / max(size, 8) for size in shape), indexing="ij")
        phase = sum((0.31 + 0.17 * k) * axis * 8 for k, axis in enumerate(axes[:-1]))
        wave = np.sin(2 * np.pi * (1.7 * axes[-1] + phase + 0.23 * number))
        slow = np.cos(2 * np.pi * (0.6 * axes[-1] - 0.4 * axes[0] + 0.11 * number))
        arrays[entry.name] = (0.5 + 0.3 * wave + 0.15 * slow).astype(np.float32)
    return arrays


def sample(outputs: Mapping[str, Array]) -> dict[str, list[list[float]]]:
    """Return the values of each output that are compared, rounded to 5 digits.

    That is finer than any tolerance.
    """
    samples: dict[str, list[list[float]]] = {}
    for name, values in outputs.items():
        rows = np.asarray(values, np.float64).reshape(len(values), -1)
        positions = np.linspace(0, rows.shape[1] - 1, min(_SAMPLE_COUNT, rows.shape[1])).astype(int)
        samples[name] = [[round(float(v), 5) for v in row] for row in rows[:, positions]]
    return samples


def check_golden(golden: Golden, outputs: Mapping[str, Array], tolerance: float) -> None:
    """Raise ``ValueError`` if ``outputs`` differ from ``golden`` by more than ``tolerance``.

    Rows that ``outputs`` does not have (because a smaller batch was run) are not compared.
    """
    for name, expected in golden.items():
        if name not in outputs:
            raise ValueError(f"self-test: there is no output {name}")
        actual = np.asarray(sample({name: outputs[name]})[name])
        reference = np.asarray(expected)[: len(actual)]
        if actual.shape != reference.shape:
            raise ValueError(
                f"self-test: {name} has the shape {actual.shape}, not {reference.shape}"
            )
        error = float(np.sqrt(np.mean((actual - reference) ** 2)))
        if not error <= tolerance:  # also catches NaN
            raise ValueError(f"self-test: {name} deviates by {error:.3g}, tolerance {tolerance}")
