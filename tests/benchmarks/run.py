"""Measure whole renders against the bare transcode, and memory and cost against the length.

    python -m tests.benchmarks.run ratios FOLDER [--seconds 30] [--rounds 5] [--case 1920x1080-25 …]
    python -m tests.benchmarks.run length FOLDER [--case 640x360-25] [--lengths 60 600 3600]
    python -m tests.benchmarks.run memory FOLDER

Each command writes FOLDER/<name>.csv and, if matplotlib is installed, a plot. A case that is
measured again replaces its row. Scoring is disabled, because it is not part of rendering.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from appliance.bench.compare import compare
from appliance.bench.timing import Timing, time_process
from appliance.config import Config, ScoreConfig, VideoConfig
from tests.benchmarks.clips import lecture, presenter
from tests.benchmarks.plots import add_csv, plot_lines, plot_ratios

CASES = ("640x360-25", "1280x720-25", "1280x720-60", "1920x1080-25", "1920x1080-30", "3840x2160-25")
BUDGETS = (
    ("640x360-25", 10, 512),
    ("640x360-25", 120, 1024),
    ("640x480-30", 30, 512),
    ("960x540-25", 20, 2048),
    ("1280x720-25", 10, 512),
    ("1280x720-25", 60, 2048),
    ("1280x720-60", 10, 1024),
    ("1920x1080-25", 10, 450),
    ("1920x1080-25", 30, 700),
    ("1920x1080-25", 60, 4096),
    ("2560x1440-25", 8, 700),
    ("2560x1440-25", 8, 4096),
    ("3840x2160-25", 8, 1200),
    ("3840x2160-25", 8, 4096),
)
PRESENTER_S = (
    20.0  # length of the presenter of long lectures, which is then repeated back and forth
)
# The preset is fixed, so that render and transcode are comparable on every machine.
CONFIG = Config(score=ScoreConfig(enabled=False), video=VideoConfig(preset="veryfast"))


def ratio(folder: Path, case: str, seconds: float, rounds: int) -> dict[str, Any]:
    """Return the ratios to the transcode, with a presenter as long as the lecture."""
    width, height, fps = _parts(case)
    result = compare(
        presenter(folder, width, height, fps, seconds), lecture(folder, seconds), CONFIG, rounds
    )
    facts = result.as_dict()
    row: dict[str, Any] = {"case": case, "frames": result.frames, "rounds": rounds}
    row["transcode_ms"] = round(facts["transcode_s"]["median"] / result.frames * 1000, 2)
    for name in ("uncached", "cached"):
        for part, value in facts[name].items():
            row[f"{name}_{part}"] = round(value, 3)
    for name in ("first_frame_s", "first_frame_cached_s"):
        row[name] = round(facts[name]["median"], 2)
    row["peak_mb"] = facts["peak_mb"]
    print(row, flush=True)
    return row


def length(folder: Path, case: str, lengths: Sequence[float]) -> list[dict[str, Any]]:
    """Return peak memory and wall time for lectures of several lengths."""
    width, height, fps = _parts(case)
    clip = presenter(folder, width, height, fps, PRESENTER_S)
    rows = []
    for seconds in lengths:
        timing, report = _render(folder, clip, lecture(folder, seconds))
        row = {
            "case": case,
            "lecture_s": seconds,
            "wall_s": round(timing.wall_s, 1),
            "cpu_s": round(timing.cpu_s, 1),
            "cpu_ms_per_frame": round(timing.cpu_s / seconds / fps * 1000, 2),
            "peak_mb": report["peak_rss_mb"],
        }
        rows.append(row)
        print(row, flush=True)
    return rows


def memory(folder: Path) -> list[dict[str, Any]]:
    """Return the estimated and the measured memory of renders."""
    rows = []
    for case, seconds, budget_mb in BUDGETS:
        width, height, fps = _parts(case)
        clip = presenter(folder, width, height, fps, 4)
        _, report = _render(folder, clip, lecture(folder, seconds), budget_mb)
        plan = report["plan"]
        row = {
            "case": case,
            "lecture_s": seconds,
            "budget_mb": budget_mb,
            "queue": plan["queue_frames"],
            "batch": plan["batch"],
            "block": plan["back_block"],
            "estimated_mb": plan["estimated_mb"],
            "peak_mb": report["peak_rss_mb"],
            "estimate_over_peak": round(plan["estimated_mb"] / report["peak_rss_mb"], 3),
        }
        rows.append(row)
        print(row, flush=True)
    return rows


def _render(
    folder: Path, clip: Path, sound: Path, budget_mb: int = 0
) -> tuple[Timing, dict[str, Any]]:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        settings, report = Path(scratch) / "config.yaml", Path(scratch) / "report.json"
        settings.write_text(
            f"root: {scratch}\nscore: {{enabled: false}}\nvideo: {{preset: veryfast}}\n"
            f"render: {{memory_limit_mb: {budget_mb}}}\n"
        )
        command = ["-m", "appliance.cli", "render", str(clip), str(sound)]
        command += ["-o", f"{scratch}/out.mp4", "--config", str(settings)]
        timing = time_process([*command, "--report", str(report)])
        facts: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return timing, facts


def _parts(case: str) -> tuple[int, int, int]:
    size, fps = case.split("-")
    width, height = size.split("x")
    return int(width), int(height), int(fps)


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description="Measure whole renders.")
    commands = parser.add_subparsers(dest="command", required=True)
    pairs = commands.add_parser("ratios")
    pairs.add_argument("folder", type=Path)
    pairs.add_argument("--case", nargs="+", default=CASES)
    pairs.add_argument("--seconds", type=float, default=30.0)
    pairs.add_argument("--rounds", type=int, default=5)
    long = commands.add_parser("length")
    long.add_argument("folder", type=Path)
    long.add_argument("--case", default="640x360-25")
    long.add_argument("--lengths", type=float, nargs="+", default=[60.0, 600.0, 3600.0])
    commands.add_parser("memory").add_argument("folder", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    table = options.folder / f"{options.command}.csv"
    if options.command == "ratios":
        for case in options.case:
            row = ratio(options.folder, case, options.seconds, options.rounds)
            rows = add_csv(table, [row], ("case",))
        plot_ratios(table.with_suffix(".png"), rows)
    elif options.command == "memory":
        add_csv(table, memory(options.folder), ("case", "lecture_s", "budget_mb"))
    else:
        rows = length(options.folder, options.case, options.lengths)
        rows = add_csv(table, rows, ("case", "lecture_s"))
        plot_lines(
            table.with_suffix(".png"), rows, "case", ("lecture_s", "cpu_s"),
            "lecture, s", "CPU time, s",
        )  # fmt: skip


if __name__ == "__main__":
    main()
