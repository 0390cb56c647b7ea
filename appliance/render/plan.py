"""How a lecture is divided into chunks, and how much memory rendering needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import ceil
from typing import Any

import psutil

from appliance.config import Config
from appliance.errors import BadInput
from appliance.lips.model import LipModel
from appliance.media.picture import VideoFormat
from appliance.media.probe import AudioInfo, PresenterInfo
from appliance.system.cgroup import cpu_count, memory_headroom_mb

_MB = 1 << 20

# Fitted to the peaks of renders on x86-64, 360p to 4K, with budgets from 450 MB to 4 GB and six
# presets: see docs/performance.md. The number of threads, 1 to 8, made no difference beyond 15 MB.
# The base is the interpreter with all libraries and the face networks.
_BASE_MB = 168.0
GRAPHICS_MB = 900.0  # CUDA, cuDNN and TensorRT libraries with their context: estimated
_NETWORK_MEMORY_FACTOR = 2.4  # memory of a network in ONNX Runtime, as a multiple of its file
_ACTIVATIONS_MB = {"lectern": 2.0, "wav2lip": 17.0}  # activations per item of the batch
# Pictures held by the decoder (references) and the encoder (references, look-ahead), by encoder
# preset. The last two are extrapolated.
_CODEC_PICTURES = {
    "ultrafast": 14,
    "superfast": 44,
    "veryfast": 64,
    "faster": 99,
    "fast": 114,
    "medium": 141,
    "slow": 165,
    "slower": 190,
}
_QUEUE_COUNT = 3  # bounded queues between the stages of a chunk
ATLAS_MEMORY_MB = 110.0  # an atlas of mouths, which is at most 60 MB, and what paints it
_RESERVE_MB = 512.0  # kept free for the rest of the system, unless a budget is configured

# Pixels per second above which chunks are shorter than configured.
_REFERENCE_PIXEL_RATE = 1920 * 1080 * 25
_MIN_CHUNK_S = 4.0  # shorter chunks would cost more to start than they save


@dataclass(frozen=True)
class Plan:
    """How one lecture is divided into chunks, and the sizes of queues and batches.

    ``frames`` and ``chunk_frames`` are output frames. ``batch``, ``queue_frames`` and
    ``back_block`` (the pictures buffered while the presenter is read backward) are numbers of
    pictures. ``budget_mb`` and ``estimated_mb`` are in MiB.
    """

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
        """The number of chunks."""
        return -(-self.frames // self.chunk_frames)

    def span(self, index: int) -> tuple[int, int]:
        """Return the output frames (start, stop) of chunk ``index``."""
        start = index * self.chunk_frames
        return start, min(start + self.chunk_frames, self.frames)

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as a dictionary for the report."""
        return {**asdict(self), "fps": float(self.fps), "chunks": self.chunks}


@dataclass(frozen=True)
class NetworkFootprint:
    """Memory of the lip model: MiB of its files and per batch item, on ``provider``."""

    files_mb: float
    item_mb: float
    provider: str = "cpu"

    @classmethod
    def of(cls, model: LipModel) -> NetworkFootprint:
        """Return the footprint of ``model``, on the provider that it will probably use."""
        manifest, precision = model.manifest, model.precision
        roles = {**manifest.files.get("any", {}), **manifest.files.get(precision, {})}
        sizes = [manifest.path(role, precision).stat().st_size for role in roles]
        return cls(sum(sizes) / _MB, _ACTIVATIONS_MB[manifest.kind], model.likely_provider())

    def memory_mb(self, batch: int) -> float:
        """Return the memory for ``batch`` items in MiB, including the provider's libraries."""
        graphics = GRAPHICS_MB if self.provider != "cpu" else 0.0
        return _NETWORK_MEMORY_FACTOR * self.files_mb + self.item_mb * batch + graphics


def available_mb() -> float:
    """Return the memory in MiB that a new job may use.

    That is what the kernel reports as available, less a reserve, and at most what control groups
    allow.
    """
    free = float(psutil.virtual_memory().available) / _MB - _RESERVE_MB
    headroom = memory_headroom_mb()
    return max(free if headroom is None else min(free, headroom), 0.0)


def plan_for(
    info: PresenterInfo,
    audio: AudioInfo,
    config: Config,
    network: NetworkFootprint,
    *,
    budget_mb: float = 0,
    extra_mb: float = 0,
    find_memory: Callable[[], float] = available_mb,
) -> Plan:
    """Make the plan for the lecture ``audio`` and the presenter ``info``.

    ``extra_mb`` is memory for what is kept besides, in MiB. The memory budget is ``budget_mb``; if
    that is 0, the result of ``find_memory``, limited by the configuration. Raises
    ``BadInput("memory_too_small")`` as :func:`make_plan` does.
    """
    limit_mb = config.render.memory_limit_mb or float("inf")
    return make_plan(
        video_format=info.video_format,
        duration_s=audio.duration_s,
        chunk_s=config.render.chunk_s,
        queue_frames=config.render.queue_frames,
        threads=config.video.threads or cpu_count(),
        preset=config.video.preset,
        batch=config.render.batch_size,
        budget_mb=budget_mb or min(limit_mb, find_memory()),
        network=network,
        extra_mb=extra_mb,
    )


def make_plan(
    *,
    video_format: VideoFormat,
    duration_s: float,
    chunk_s: float,
    queue_frames: int,
    threads: int,
    budget_mb: float,
    network: NetworkFootprint,
    batch: int = 8,
    preset: str = "veryfast",
    extra_mb: float = 0,
) -> Plan:
    """Plan a lecture of ``duration_s`` for a presenter in ``video_format``.

    Queues and batch shrink until the estimate fits ``budget_mb`` (MiB). Raises
    ``BadInput("memory_too_small")`` when even the smallest plan does not fit.
    """
    width, height, fps = video_format.width, video_format.height, video_format.fps
    frames = max(round(duration_s * fps), 1)
    picture_mb = width * height * 1.5 / _MB
    codec_pictures = _CODEC_PICTURES.get(preset, _CODEC_PICTURES["veryfast"])
    back_block = 20
    while True:
        pictures_in_memory = codec_pictures + _QUEUE_COUNT * queue_frames + batch + back_block
        estimate = _BASE_MB + extra_mb + network.memory_mb(batch) + picture_mb * pictures_in_memory
        if estimate <= budget_mb:
            break
        if (queue_frames, batch, back_block) == (1, 1, 4):
            raise BadInput(
                "memory_too_small", need=ceil(estimate), budget=round(budget_mb),
                width=width, height=height,
            )  # fmt: skip
        queue_frames, batch = max(queue_frames // 2, 1), max(batch // 2, 1)
        back_block = max(back_block // 2, 4)
    return Plan(
        frames=frames,
        fps=fps,
        width=width,
        height=height,
        chunk_frames=_chunk_frames(frames, fps, width * height, chunk_s),
        batch=batch,
        queue_frames=queue_frames,
        back_block=back_block,
        threads=threads,
        budget_mb=round(budget_mb, 1),
        estimated_mb=round(estimate, 1),
    )


def _chunk_frames(frames: int, fps: Fraction, pixels: int, chunk_s: float) -> int:
    """Return the number of frames in a chunk of at most ``chunk_s`` seconds.

    Chunks are shorter where a second is more work than at 1080p25, so that a power cut costs about
    the same time at any size. All chunks have the same length, so that the last one is not tiny.
    """
    pixel_rate = float(pixels * fps)
    seconds = min(
        chunk_s, max(chunk_s * _REFERENCE_PIXEL_RATE / pixel_rate, min(_MIN_CHUNK_S, chunk_s))
    )
    max_frames = max(round(seconds * fps), 1)
    return ceil(frames / ceil(frames / max_frames))
