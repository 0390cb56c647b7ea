"""Measure each stage alone on one thread, in milliseconds per frame.

    python -m tests.benchmarks.stages FOLDER [--size 1920x1080]

Writes FOLDER/stages-<size>.csv and, if matplotlib is installed, a plot.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from appliance.face.pose import fit_pose
from appliance.face.track import smooth
from appliance.inference.manifest import load_manifest
from appliance.lips.model import LipModel
from appliance.media.decode import FrameReader
from appliance.media.picture import VideoFormat
from appliance.media.probe import probe_presenter
from appliance.media.x264 import X264Writer
from appliance.render.presenter_analysis import analyse_presenter, make_tracker
from appliance.render.render import MODELS_FOLDER
from tests.benchmarks.clips import presenter
from tests.benchmarks.plots import plot_bars, write_csv

FRAMES, ROUNDS, BATCH = 48, 5, 8


def stages(folder: Path, width: int, height: int) -> dict[str, float]:
    """Return the median ms per frame of each stage for a ``width`` × ``height`` presenter."""
    info = probe_presenter(presenter(folder, width, height, 25, 6))
    person, profile = analyse_presenter(info, 0, 1)
    with FrameReader(info, 1) as reader:
        pictures = list(reader.read(0, FRAMES))
    face_tracker = make_tracker(info, person)
    tracked = [face_tracker.step(picture) for picture in pictures]
    faces = [landmarks for landmarks in tracked if landmarks is not None]
    assert len(faces) == FRAMES, "the presenter's face must be seen in every frame"
    speech = np.zeros(10, np.float32)
    speech[0] = 0.5
    canvas = pictures[0].writable()
    result: dict[str, float] = {}

    def decode() -> None:
        with FrameReader(info, 1) as reader:
            for _ in reader.read(0, FRAMES):
                pass

    def track() -> None:
        tracker = make_tracker(info, person)
        for picture in pictures:
            tracker.step(picture)

    def encode() -> None:
        size = info.width, info.height
        out = folder / "stage.mp4"
        with X264Writer(out, VideoFormat(*size, info.fps, info.color), threads=1) as writer:
            for picture in pictures:
                writer.write(picture)

    result["decode"] = _median(decode)
    result["face: mesh"] = _median(track)
    result["face: smoothing, pose"] = _median(
        lambda: [(smooth(list(tracked[:7])), fit_pose(face.points)) for face in faces]
    )
    result["frame copy"] = _median(lambda: [picture.writable() for picture in pictures])
    for precision in ("fp32", "int8"):
        model = LipModel.open(load_manifest("lectern-lite", MODELS_FOLDER), precision, ["cpu"], 1)
        generator = model.generator(profile, 1.0)
        inputs = [
            generator.prepare(*pair, speech, 1.0) for pair in zip(pictures, faces, strict=True)
        ]
        batches = [inputs[i : i + BATCH] for i in range(0, FRAMES, BATCH)]

        def net(batches=batches, generator=generator) -> None:  # type: ignore[no-untyped-def]
            for batch in batches:
                generator.run(batch)

        result[f"lips: network, {precision}"] = _median(net)
    result["lips: inputs"] = _median(
        lambda: [
            generator.prepare(*pair, speech, 1.0) for pair in zip(pictures, faces, strict=True)
        ]
    )
    outputs = [output for batch in batches for output in generator.run(batch)]

    def composite() -> None:
        for generator_input, output in zip(inputs, outputs, strict=True):
            generator.composite(canvas, generator_input, output)

    result["composite"] = _median(composite)
    result["encode"] = _median(encode)
    return result


def _median(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) / FRAMES * 1000)
    return statistics.median(times)


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description="Measure each stage alone.")
    parser.add_argument(
        "folder", type=Path, help="folder of the generated clips and of the results"
    )
    parser.add_argument("--size", default="1920x1080")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    width, height = (int(value) for value in options.size.split("x"))
    print(f"{width} × {height}, one thread, ms per frame")
    rows = []
    for name, value in stages(options.folder, width, height).items():
        print(f"{name:<24}{value:8.2f}")
        rows.append({"stage": name, "ms_per_frame": round(value, 3)})
    path = options.folder / f"stages-{options.size}"
    write_csv(path.with_suffix(".csv"), rows)
    plot_bars(path.with_suffix(".png"), rows, "stage", "ms_per_frame", "ms per frame, one thread")


if __name__ == "__main__":
    main()
