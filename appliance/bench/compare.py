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

from appliance.bench.timing import Spread, TimedRun, Timing, time_process
from appliance.config import Config

_SECTIONS = {"video", "audio", "face", "lips", "render", "score"}


@dataclass
class Comparison:
    """The results of all rounds with one presenter and a lecture of ``frames`` frames.

    ``transcodes`` are the bare transcodes, ``uncached`` the renderings with an empty cache,
    ``cached`` those with the presenter in the cache. ``uncached_reports`` and ``cached_reports``
    are the reports of ``uncached`` and ``cached``.
    """

    width: int = 0
    height: int = 0
    fps: float = 0.0
    frames: int = 0
    transcodes: list[Timing] = field(default_factory=list)
    uncached: list[Timing] = field(default_factory=list)
    cached: list[Timing] = field(default_factory=list)
    uncached_reports: list[dict[str, Any]] = field(default_factory=list)
    cached_reports: list[dict[str, Any]] = field(default_factory=list)

    @property
    def uncached_ratio(self) -> Spread:
        """Wall time of rendering with an empty cache, relative to the transcode."""
        return _wall_time_ratio(self.uncached, self.transcodes)

    @property
    def cached_ratio(self) -> Spread:
        """Wall time of rendering with the presenter cached, relative to the transcode."""
        return _wall_time_ratio(self.cached, self.transcodes)

    @property
    def peak_mb(self) -> float:
        """Peak resident memory over all renderings, MiB."""
        return max(
            float(report["peak_rss_mb"]) for report in self.uncached_reports + self.cached_reports
        )

    def stages_ms(self) -> dict[str, float]:
        """Return the ms per frame of each stage, medians of the renderings with an empty cache."""
        names = dict.fromkeys(
            name for report in self.uncached_reports for name in report["stages_s"]
        )
        return {
            name: Spread.of([r["stages_s"].get(name, 0.0) for r in self.uncached_reports]).median
            / self.frames
            * 1000
            for name in names
        }

    @staticmethod
    def _first_frame_spread(reports: list[dict[str, Any]]) -> dict[str, float]:
        return asdict(Spread.of([report["first_frame_s"] for report in reports]))

    def as_dict(self) -> dict[str, Any]:
        """Return the results as JSON values."""
        return {
            "video": {"width": self.width, "height": self.height, "fps": self.fps},
            "frames": self.frames,
            "rounds": len(self.transcodes),
            "transcode_s": asdict(Spread.of([timing.wall_s for timing in self.transcodes])),
            "uncached": asdict(self.uncached_ratio),
            "cached": asdict(self.cached_ratio),
            "first_frame_s": self._first_frame_spread(self.uncached_reports),
            "first_frame_cached_s": self._first_frame_spread(self.cached_reports),
            "ms_per_frame": {name: round(value, 3) for name, value in self.stages_ms().items()},
            "peak_mb": round(self.peak_mb, 1),
            "provider": self.uncached_reports[-1]["provider"],
            "precision": self.uncached_reports[-1]["model"]["precision"],
        }


def compare(
    presenter: Path,
    lecture: Path,
    config: Config,
    rounds: int,
    *,
    run: TimedRun = time_process,
    on_progress: Callable[[str], None] = lambda text: None,
) -> Comparison:
    """Measure ``rounds`` times; all temporary files are removed.

    ``run`` runs and times a process, ``on_progress`` is called with progress messages.
    Raises ``Fault`` if ``lectern render`` or the transcode fails.
    """
    result = Comparison()
    folder = Path(tempfile.mkdtemp(prefix="lectern-bench-"))
    try:
        config_file = folder / "config.yaml"
        config_values = {"root": str(folder), **config.model_dump(mode="json", include=_SECTIONS)}
        config_file.write_text(yaml.safe_dump(config_values), encoding="utf-8")
        out, report = folder / "out.mp4", folder / "report.json"
        command = ["-m", "appliance.cli", "render", str(presenter), str(lecture)]
        command += ["-o", str(out), "--report", str(report), "--config", str(config_file)]
        for number in range(1, rounds + 1):
            on_progress(f"round {number} of {rounds}")
            shutil.rmtree(folder / "cache", ignore_errors=True)
            result.uncached.append(run(command))
            render_report = json.loads(report.read_text(encoding="utf-8"))
            result.uncached_reports.append(render_report)
            result.cached.append(run(command))
            result.cached_reports.append(json.loads(report.read_text(encoding="utf-8")))
            result.frames = render_report["output"]["frames"]
            transcode_command = [
                "-m",
                "appliance.bench.transcode",
                str(presenter),
                str(lecture),
                str(out),
            ]
            transcode_command += [str(result.frames), "--crf", str(config.video.crf)]
            transcode_command += ["--preset", render_report["output"]["preset"]]
            transcode_command += ["--threads", str(render_report["plan"]["threads"])]
            result.transcodes.append(run(transcode_command))
        output = result.uncached_reports[-1]["output"]
        result.width, result.height = output["width"], output["height"]
        result.fps = output["fps"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return result


def _wall_time_ratio(numerator: list[Timing], denominator: list[Timing]) -> Spread:
    return Spread.of([a.wall_s / b.wall_s for a, b in zip(numerator, denominator, strict=True)])
