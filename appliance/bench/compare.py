"""A lecture rendered, for the first time and again, against the bare transcode; run in turn.

Runs of the three alternate, so that a machine whose speed drifts spoils no ratio: each is taken
within one round.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from appliance.bench.timing import Run, Spread, Timing, run
from appliance.config import Config

_SECTIONS = {"video", "audio", "face", "lips", "render", "score"}


@dataclass
class Comparison:
    """All rounds of one presenter and one lecture of ``frames`` pictures.

    ``first`` knows nothing of the presenter, ``again`` has it in the cache; ``reports`` and
    ``later`` are what the two said.
    """

    width: int = 0
    height: int = 0
    fps: float = 0.0
    frames: int = 0
    floor: list[Timing] = field(default_factory=list)
    first: list[Timing] = field(default_factory=list)
    again: list[Timing] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    later: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ratio_first(self) -> Spread:
        """Clock time of the first rendering over the transcode's."""
        return _ratio(self.first, self.floor)

    @property
    def ratio_again(self) -> Spread:
        """Clock time of another rendering over the transcode's."""
        return _ratio(self.again, self.floor)

    @property
    def peak_mb(self) -> float:
        """The most resident memory that any rendering took, MiB."""
        return max(float(report["peak_rss_mb"]) for report in self.reports + self.later)

    def stages_ms(self) -> dict[str, float]:
        """Milliseconds a frame of each stage, medians of the first renderings."""
        names = dict.fromkeys(name for report in self.reports for name in report["stages_s"])
        return {
            name: Spread.of([r["stages_s"].get(name, 0.0) for r in self.reports]).median
            / self.frames
            * 1000
            for name in names
        }

    @staticmethod
    def _first_frame(reports: list[dict[str, Any]]) -> dict[str, float]:
        return asdict(Spread.of([report["first_frame_s"] for report in reports]))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "picture": {"width": self.width, "height": self.height, "fps": self.fps},
            "frames": self.frames,
            "rounds": len(self.floor),
            "transcode_s": asdict(Spread.of([timing.wall_s for timing in self.floor])),
            "first": asdict(self.ratio_first),
            "again": asdict(self.ratio_again),
            "first_frame_s": self._first_frame(self.reports),
            "first_frame_again_s": self._first_frame(self.later),
            "ms_a_frame": {name: round(value, 3) for name, value in self.stages_ms().items()},
            "peak_mb": round(self.peak_mb, 1),
            "provider": self.reports[-1]["provider"],
            "precision": self.reports[-1]["model"]["precision"],
        }


def compare(
    presenter: Path,
    lecture: Path,
    config: Config,
    rounds: int,
    *,
    run: Run = run,
    tell: Callable[[str], None] = lambda text: None,
) -> Comparison:
    """Measure ``rounds`` times; everything that is made on the way is removed.

    Raises what ``lectern render`` fails with, as a ``Fault``.
    """
    result = Comparison()
    folder = Path(tempfile.mkdtemp(prefix="lectern-bench-"))
    try:
        settings = folder / "config.yaml"
        values = {"root": str(folder), **config.model_dump(mode="json", include=_SECTIONS)}
        settings.write_text(yaml.safe_dump(values), encoding="utf-8")
        out, report = folder / "out.mp4", folder / "report.json"
        command = ["-m", "appliance.cli", "render", str(presenter), str(lecture)]
        command += ["-o", str(out), "--report", str(report), "--config", str(settings)]
        for number in range(1, rounds + 1):
            tell(f"round {number} of {rounds}")
            shutil.rmtree(folder / "cache", ignore_errors=True)
            result.first.append(run(command))
            facts = json.loads(report.read_text(encoding="utf-8"))
            result.reports.append(facts)
            result.again.append(run(command))
            result.later.append(json.loads(report.read_text(encoding="utf-8")))
            result.frames = facts["output"]["frames"]
            floor = ["-m", "appliance.bench.transcode", str(presenter), str(lecture), str(out)]
            floor += [str(result.frames), "--crf", str(config.video.crf)]
            floor += ["--preset", facts["output"]["preset"]]  # what the box chose by itself
            floor += ["--threads", str(facts["plan"]["threads"])]
            result.floor.append(run(floor))
        output = result.reports[-1]["output"]
        result.width, result.height = output["width"], output["height"]
        result.fps = output["fps"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return result


def _ratio(above: list[Timing], below: list[Timing]) -> Spread:
    return Spread.of([a.wall_s / b.wall_s for a, b in zip(above, below, strict=True)])
