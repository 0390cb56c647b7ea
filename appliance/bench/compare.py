"""Compare rendering, without and with a cached presenter, with the bare transcode.

Each round runs all three, and ratios are computed within a round, so that a drift in the speed of
the device does not distort them.
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
    """The results of all rounds with one presenter and a lecture of ``frames`` frames.

    ``floor`` are the bare transcodes, ``first`` the renderings with an empty cache, ``again`` those
    with the presenter in the cache. ``reports`` and ``later`` are the reports of ``first`` and
    ``again``.
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
        """Wall time of rendering with an empty cache, relative to the transcode."""
        return _ratio(self.first, self.floor)

    @property
    def ratio_again(self) -> Spread:
        """Wall time of rendering with the presenter cached, relative to the transcode."""
        return _ratio(self.again, self.floor)

    @property
    def peak_mb(self) -> float:
        """Peak resident memory over all renderings, MiB."""
        return max(float(report["peak_rss_mb"]) for report in self.reports + self.later)

    def stages_ms(self) -> dict[str, float]:
        """Return the ms per frame of each stage, medians of the renderings with an empty cache."""
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
        """Return the results as JSON values."""
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
    """Measure ``rounds`` times; all temporary files are removed.

    ``run`` runs and times a process, ``tell`` is called with progress messages. Raises ``Fault`` if
    ``lectern render`` or the transcode fails.
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
            floor += ["--preset", facts["output"]["preset"]]  # the same as the render's
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
