"""How a lecture is cut into chunks, and how much memory that takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import ceil

import psutil

from appliance.cgroup import cores, memory_room_mb
from appliance.config import Config
from appliance.errors import BadInput
from appliance.lips.model import LipModel
from appliance.media.probe import AudioInfo, PresenterInfo

_MB = 1 << 20

# Fitted to the peaks of renders on x86-64, 360p to 4K, budgets from 450 MB to 4 GB, six presets:
# docs/performance.md. Threads, 1 to 8, made no difference beyond 15 MB. The base is the interpreter
# with all libraries and the face networks.
_BASE_MB = 168.0
GRAPHICS_MB = 900.0  # CUDA, cuDNN and TensorRT libraries with their context: predicted
_NETWORK_TIMES = 2.4  # a network's file in memory, as ONNX Runtime lays it out
_ITEM_MB = {"lectern": 2.0, "wav2lip": 17.0}  # of activations a picture of the batch
# Pictures inside decoder (references) and encoder (references, look-ahead), by the encoder's
# preset; the last two by continuing the row.
_CODING_PICTURES = {
    "ultrafast": 14,
    "superfast": 44,
    "veryfast": 64,
    "faster": 99,
    "fast": 114,
    "medium": 141,
    "slow": 165,
    "slower": 190,
}
_QUEUES = 3  # bounded queues between the stages of a chunk
_RESERVE_MB = 512.0  # left to the rest of the machine when the budget is found, not given

_USUAL_WORK = 1920 * 1080 * 25  # pixels a second: a chunk of more than that is shorter …
_SHORTEST_S = 4.0  # … down to this, below which starting a chunk would cost more than it saves


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


@dataclass(frozen=True)
class Network:
    """The lips' networks: MiB of their files and of an item of the batch, and the ``provider``."""

    files_mb: float
    item_mb: float
    provider: str = "cpu"

    @classmethod
    def of(cls, model: LipModel) -> Network:
        """Those of ``model``, on the provider that it is likely to get."""
        manifest, precision = model.manifest, model.precision
        roles = {**manifest.files.get("any", {}), **manifest.files.get(precision, {})}
        sizes = [manifest.path(role, precision).stat().st_size for role in roles]
        return cls(sum(sizes) / _MB, _ITEM_MB[manifest.kind], model.likely_provider())

    def take_mb(self, batch: int) -> float:
        """In MiB, with all that its provider brings along."""
        graphics = GRAPHICS_MB if self.provider != "cpu" else 0.0
        return _NETWORK_TIMES * self.files_mb + self.item_mb * batch + graphics


def available_mb() -> float:
    """Memory that a new job may take: what the kernel calls available, less a reserve, and no more
    than control groups leave."""
    free = float(psutil.virtual_memory().available) / _MB - _RESERVE_MB
    room = memory_room_mb()
    return max(free if room is None else min(free, room), 0.0)


def plan_for(
    info: PresenterInfo,
    sound: AudioInfo,
    config: Config,
    network: Network,
    *,
    budget_mb: float = 0,
    find_memory: Callable[[], float] = available_mb,
) -> Plan:
    """The plan for ``sound`` spoken by ``info``.

    The budget is ``budget_mb``, else what ``find_memory`` gives, at most the config's. Raises as
    :func:`make_plan` does.
    """
    cap = config.render.memory_mb or float("inf")
    return make_plan(
        width=info.width,
        height=info.height,
        fps=info.fps,
        duration_s=sound.duration_s,
        chunk_s=config.render.chunk_s,
        queue_frames=config.render.queue_frames,
        threads=config.video.threads or cores(),
        preset=config.video.preset,
        batch=config.render.batch,
        budget_mb=budget_mb or min(cap, find_memory()),
        network=network,
    )


def make_plan(
    *,
    width: int,
    height: int,
    fps: Fraction,
    duration_s: float,
    chunk_s: float,
    queue_frames: int,
    threads: int,
    budget_mb: float,
    network: Network,
    batch: int = 8,
    preset: str = "veryfast",
) -> Plan:
    """Plan a lecture of ``duration_s`` on a presenter of ``width`` × ``height`` at ``fps``.

    Queues and batch shrink until the estimate fits ``budget_mb``. Raises
    ``BadInput("memory_too_small")`` when even the smallest plan does not fit.
    """
    frames = max(round(duration_s * fps), 1)
    picture = width * height * 1.5 / _MB
    coding = _CODING_PICTURES.get(preset, _CODING_PICTURES["veryfast"])
    block = 20
    while True:
        held = coding + _QUEUES * queue_frames + batch + block
        estimate = _BASE_MB + network.take_mb(batch) + picture * held
        if estimate <= budget_mb:
            break
        if (queue_frames, batch, block) == (1, 1, 4):
            raise BadInput(
                "memory_too_small", need=ceil(estimate), budget=round(budget_mb),
                width=width, height=height,
            )  # fmt: skip
        queue_frames, batch = max(queue_frames // 2, 1), max(batch // 2, 1)
        block = max(block // 2, 4)
    return Plan(
        frames=frames,
        fps=fps,
        width=width,
        height=height,
        chunk_frames=_chunk_frames(frames, fps, width * height, chunk_s),
        batch=batch,
        queue_frames=queue_frames,
        back_block=block,
        threads=threads,
        budget_mb=round(budget_mb, 1),
        estimated_mb=round(estimate, 1),
    )


def _chunk_frames(frames: int, fps: Fraction, pixels: int, chunk_s: float) -> int:
    """Chunks of ``chunk_s`` at most, shorter where a second is more work than at 1080p25, so that
    about as much is lost by a power cut at any size; all of one length, so that none is a scrap."""
    work = float(pixels * fps)
    seconds = min(chunk_s, max(chunk_s * _USUAL_WORK / work, min(_SHORTEST_S, chunk_s)))
    longest = max(round(seconds * fps), 1)
    return ceil(frames / ceil(frames / longest))
