"""What the shipped renderer costs. Written by ``docs/performance_jetson.py`` from its file."""

from __future__ import annotations

from typing import NamedTuple


class RendererCost(NamedTuple):
    """A frame's multiply-accumulates, the operations that a GPU starts one by one, and the numbers
    that these write (see ``export_tools.cost``)."""

    model: str
    macs: int
    kernels: int
    activations: int


SHIPPED = RendererCost("lectern-lite 0.3", 52494336, 19, 336384)
