"""How a lecture is cut into chunks, and how much memory that takes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction

import psutil

from appliance.config import Config
from appliance.errors import BadInput
from appliance.media.probe import AudioInfo, PresenterInfo

_MB = 1 << 20

# Fitted to the peaks of 14 renders on x86-64 (two threads), 360p to 4K, budgets from 450 MB to
# 4 GB: docs/performance.md. The base is the interpreter with all libraries and networks.
_BASE_MB = 215.0
# Pictures inside the decoder (reference frames, one a thread) and the encoder (look-ahead).
_DECODER_PICTURES = 26
_ENCODER_PICTURES = 38
_QUEUES = 3  # bounded queues between the stages of a chunk
_RESERVE_MB = 512.0  # left to the rest of the machine when the budget is found, not given
_MOTION_MB_S = 0.0024  # coefficients of a second of lecture


@dataclass(frozen=True)
class Plan:
    """The cut of one lecture. Sizes are in output frames, pictures and MiB."""

    frames: int
    fps: Fraction
    width: int
    height: int
    chunk_frames: int
    batch: int
    queue_frames: int
    back_block: int
    threads: int
    budget_mb: float
    estimated_mb: float

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return -(-self.frames // self.chunk_frames)

    def span(self, index: int) -> tuple[int, int]:
        """The output frames (start, stop) of chunk ``index``."""
        start = index * self.chunk_frames
        return start, min(start + self.chunk_frames, self.frames)

    def as_dict(self) -> dict[str, object]:
        """For the report."""
        return {**asdict(self), "fps": float(self.fps), "chunks": self.chunks}


def available_mb() -> float:
    """Memory that a new job may take: what the kernel calls available, less a reserve."""
    return float(psutil.virtual_memory().available) / _MB - _RESERVE_MB


def plan_for(info: PresenterInfo, sound: AudioInfo, config: Config, memory_mb: int = 0) -> Plan:
    """The plan for ``sound`` spoken by ``info``; ``memory_mb``, if not 0, overrides the config's.

    Raises as :func:`make_plan` does.
    """
    return make_plan(
        width=info.width,
        height=info.height,
        fps=info.fps,
        duration_s=sound.duration_s,
        chunk_s=config.render.chunk_s,
        queue_frames=config.render.queue_frames,
        threads=config.video.threads,
        batch=config.render.batch,
        memory_mb=memory_mb or config.render.memory_mb,
    )


def make_plan(
    *,
    width: int,
    height: int,
    fps: Fraction,
    duration_s: float,
    chunk_s: float,
    queue_frames: int,
    threads: int = 0,
    memory_mb: int = 0,
    batch: int = 8,
    find_memory: Callable[[], float] = available_mb,
) -> Plan:
    """Plan a lecture of ``duration_s`` on a presenter of ``width`` × ``height`` at ``fps``.

    Queues and batch shrink until the estimate fits ``memory_mb`` (0: what is free). Raises
    ``BadInput("memory_too_small")`` when even the smallest plan does not fit.
    """
    frames = max(round(duration_s * fps), 1)
    budget = float(memory_mb) or find_memory()
    picture = width * height * 1.5 / _MB
    block = 20
    while True:
        held = _DECODER_PICTURES + _ENCODER_PICTURES + _QUEUES * queue_frames + batch + block
        estimate = _BASE_MB + picture * held + _MOTION_MB_S * duration_s
        if estimate <= budget:
            break
        if (queue_frames, batch, block) == (1, 1, 4):
            raise BadInput(
                "memory_too_small", need=round(estimate), budget=round(budget),
                width=width, height=height,
            )  # fmt: skip
        queue_frames, batch = max(queue_frames // 2, 1), max(batch // 2, 1)
        block = max(block // 2, 4)
    return Plan(
        frames=frames,
        fps=fps,
        width=width,
        height=height,
        chunk_frames=max(round(chunk_s * fps), 1),
        batch=batch,
        queue_frames=queue_frames,
        back_block=block,
        threads=threads or os.cpu_count() or 1,
        budget_mb=round(budget, 1),
        estimated_mb=round(estimate, 1),
    )
