"""Measure the costly stages of the pipeline on this device, with synthetic 1920 × 1080 frames."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from appliance.face.tflite import Array, TFLiteModel
from appliance.face.weights import face_model_path
from appliance.media.container import libav_url
from appliance.media.picture import Picture, VideoFormat
from appliance.media.x264 import X264Writer

WIDTH, HEIGHT, FRAMES = 1920, 1080, 50
_ROUNDS = 30
_BLOCK_MB = 256

Stages = dict[str, dict[str, float]]
"""``wall_ms`` and ``cpu_ms`` (of all cores) per frame, by stage."""


def measure_stages(threads: int = 0, frames: int = FRAMES) -> Stages:
    """Measure encoder, decoder, face networks and memory; ``threads`` = 0 means one per core.

    The stage ``copy`` copies 256 MiB; its ``gb_s`` counts the bytes read and written per second.
    Raises ``Fault`` as the encoder and the face networks do.
    """
    stages: Stages = {}
    with tempfile.TemporaryDirectory(prefix="lectern-") as folder:
        path = Path(folder) / "trial.mp4"
        draw_frame = _make_frame_source()
        video_format = VideoFormat(WIDTH, HEIGHT, Fraction(25))
        writer = X264Writer(path, video_format, preset="veryfast", threads=threads)

        def encode() -> None:
            for number in range(frames):
                writer.write(draw_frame(number))
            writer.close()

        def draw() -> None:
            for number in range(frames):
                draw_frame(number)

        draw_times = _time(draw, frames)
        encode_times = _time(encode, frames)
        stages["encode"] = {k: max(encode_times[k] - draw_times[k], 0.0) for k in encode_times}
        stages["decode"] = _time(lambda: _decode(path, threads), frames)
    for stage, name in (("mesh", "face_landmark"), ("detect", "face_detection_short_range")):
        network = TFLiteModel(face_model_path(name))
        image = np.full((network.size, network.size, 3), 0.5, np.float32)
        network(image)
        stages[stage] = _time(lambda n=network, i=image: _run_network(n, i), _ROUNDS)  # type: ignore[misc]
    source = np.ones(_BLOCK_MB << 20, np.uint8)
    target = np.empty_like(source)
    np.copyto(target, source)
    copy_times = _time(lambda: np.copyto(target, source), 1)
    gb_s = 2 * _BLOCK_MB / 1024 / max(copy_times["wall_ms"] / 1000, 1e-9)
    stages["copy"] = {**copy_times, "gb_s": round(gb_s, 1)}
    return {name: {k: round(v, 3) for k, v in values.items()} for name, values in stages.items()}


def _make_frame_source() -> Callable[[int], Picture]:
    """Return a function that draws frame ``number``: a moving texture with camera noise."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(60, 180, (HEIGHT // 8, WIDTH // 8), np.uint8)
    texture = np.kron(blocks, np.ones((8, 8), np.uint8))
    noise = [rng.integers(0, 6, (HEIGHT, WIDTH), np.uint8) for _ in range(4)]

    def draw(number: int) -> Picture:
        picture = Picture.blank(WIDTH, HEIGHT)
        np.add(np.roll(texture, 3 * number, axis=1), noise[number % 4], out=picture.y)
        return picture

    return draw


def _decode(path: Path, threads: int) -> None:
    with av.open(libav_url(path)) as container:
        stream = container.streams.video[0]
        stream.thread_count, stream.thread_type = threads, "AUTO"
        for _ in container.decode(stream):
            pass


def _run_network(network: TFLiteModel, image: Array) -> None:
    for _ in range(_ROUNDS):
        network(image)


def _time(work: Callable[[], object], count: int) -> dict[str, float]:
    """Run ``work`` and return its wall and CPU time in ms, divided by ``count``."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {
        "wall_ms": (time.perf_counter() - wall) * 1000 / count,
        "cpu_ms": (time.process_time() - cpu) * 1000 / count,
    }
