"""The JSON report of a finished lecture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict, cast

from appliance.enrolment.enrolment import PersonalizationReport
from appliance.enrolment.timing import NOTABLE_OFFSET_S
from appliance.media.probe import AudioInfo
from appliance.messages.score import WARNINGS
from appliance.render.chunk import ChunkResult
from appliance.render.narration import unread_notices
from appliance.render.notices import Notice, load_notices
from appliance.render.personal_mouths import report_mouths
from appliance.render.workspace import Workspace
from appliance.system.process import peak_rss_mb
from appliance.version import software_version

_NO_SPEECH_SHARE = 0.98  # share of silence from which the user should check the recording
_MAX_GAPS = 50


class InputReport(TypedDict):
    """The files that were read."""

    presenter: str
    presenter_kind: str
    presenter_frames: int
    lecture: str
    lecture_s: float


class OutputReport(TypedDict):
    """The finished video; ``preset`` is that of x264."""

    path: str
    frames: int
    fps: float
    width: int
    height: int
    duration_s: float
    bytes: int
    encoder: str
    preset: str


class ModelReport(TypedDict):
    """The lip model; ``sha256`` identifies its files."""

    name: str
    precision: str
    sha256: str


class FaceReport(TypedDict):
    """The frames by outcome. ``coverage`` is the share of frames with moved lips.

    ``positions`` are the rows of :meth:`~appliance.face.person.Person.to_rows`.
    """

    coverage: float
    spoken: int
    no_face: int
    turned_away: int
    positions: list[list[float]]


class LearnedReport(PersonalizationReport):
    """What was learned from the presenter's own video.

    ``atlas`` is that of :func:`~appliance.render.personal_mouths.report_mouths`.
    """

    atlas: dict[str, float | str]


class _Warning(TypedDict):
    code: str
    text: str
    at_s: float


class ReportWarning(_Warning, total=False):
    """Something that the user should check, from ``at_s`` on in the video.

    ``count`` is the number of further gaps (``more_gaps``), or of milliseconds
    (``presenter_sound_late``, ``presenter_sound_early``). The other keys are what the text names,
    so that it can be shown in another language.
    """

    count: int
    words: str


class RenderReport(TypedDict):
    """The report of a finished lecture, ready for JSON.

    ``plan`` is :meth:`~appliance.render.plan.Plan.as_dict`; ``score`` is
    :meth:`~appliance.score.report.Score.as_dict`, or empty if the video was not measured.
    """

    version: str
    input: InputReport
    output: OutputReport
    plan: dict[str, Any]
    wall_s: float
    first_frame_s: float | None
    realtime_factor: float
    stages_s: dict[str, float]
    peak_rss_mb: float
    provider: str
    rejected_providers: list[str]
    model: ModelReport
    face: FaceReport
    personalization: LearnedReport
    warnings: list[ReportWarning]
    score: dict[str, Any]
    reused_chunks: int


@dataclass
class RenderStats:
    """The results of all chunks, added up.

    ``silence`` is the share of the lecture without speech. ``first_frame_s`` is the time from the
    start of the process until the first frame was encoded; ``None`` if an earlier attempt had
    rendered everything. ``rejected`` lists the rejected providers with the reasons.
    ``reused_chunks`` counts the chunks that an earlier attempt had finished.
    """

    silence: float
    frames: Counter[str] = field(default_factory=Counter)
    gaps: list[tuple[int, str]] = field(default_factory=list)
    stages_s: dict[str, float] = field(default_factory=dict)
    provider: str = ""
    rejected: tuple[str, ...] = ()
    wall_s: float = 0.0
    first_frame_s: float | None = None
    reused_chunks: int = 0
    notices: list[Notice] = field(default_factory=list)
    _last_reason: str = ""

    def add(self, result: ChunkResult) -> None:
        """Add the next chunk; call it in the order of the chunks."""
        self.frames.update(result.frames)
        for frame, reason in result.gaps:
            # A stretch that spans the boundary of two chunks counts once.
            if not (result.gaps[0][0] == frame == result.start and reason == self._last_reason):
                self.gaps.append((frame, reason))
        self._last_reason = result.last_reason
        for stage, seconds in result.stages_s.items():
            self.stages_s[stage] = self.stages_s.get(stage, 0.0) + seconds
        self.provider = result.provider
        self.rejected = result.rejected


def build_report(
    workspace: Workspace, lecture: Path, audio: AudioInfo, output: Path, stats: RenderStats
) -> RenderReport:
    """Return the report of a finished lecture, without a score.

    ``audio`` is that of ``lecture``, or of the synthesized speech if the lecture is a text.
    """
    plan = workspace.plan
    total_frames = sum(stats.frames.values())
    duration = float(plan.frames / plan.fps)
    return {
        "version": software_version(),
        "input": {
            "presenter": str(workspace.presenter.path),
            "presenter_kind": workspace.presenter.kind,
            "presenter_frames": workspace.presenter.frames,
            "lecture": str(lecture),
            "lecture_s": round(audio.duration_s, 3),
        },
        "output": {
            "path": str(output),
            "frames": plan.frames,
            "fps": float(plan.fps),
            "width": plan.width,
            "height": plan.height,
            "duration_s": round(duration, 3),
            "bytes": output.stat().st_size,
            "encoder": workspace.config.video.encoder,
            "preset": workspace.config.video.preset,
        },
        "plan": plan.as_dict(),
        "wall_s": round(stats.wall_s, 3),
        "first_frame_s": stats.first_frame_s,
        "realtime_factor": round(stats.wall_s / duration, 3),
        "stages_s": {name: round(s, 3) for name, s in stats.stages_s.items()},
        "peak_rss_mb": round(peak_rss_mb(), 1),
        "provider": stats.provider,
        "rejected_providers": list(stats.rejected),
        "model": {
            "name": workspace.manifest.name,
            "precision": workspace.precision,
            "sha256": workspace.manifest.digest(workspace.precision),
        },
        "face": {
            "coverage": round(stats.frames["spoken"] / max(total_frames, 1), 4),
            "spoken": stats.frames["spoken"],
            "no_face": stats.frames["no_face"],
            "turned_away": stats.frames["turned_away"],
            "positions": [[round(value, 1) for value in row] for row in workspace.person.to_rows()],
        },
        "personalization": {**workspace.personalization, "atlas": report_mouths(workspace)},
        "warnings": _warnings(workspace, stats),
        "score": {},
        "reused_chunks": stats.reused_chunks,
    }


def _warnings(workspace: Workspace, stats: RenderStats) -> list[ReportWarning]:
    fps = float(workspace.plan.fps)
    warnings = [_warning(reason, frame / fps) for frame, reason in stats.gaps[:_MAX_GAPS]]
    if len(stats.gaps) > _MAX_GAPS:
        count = len(stats.gaps) - _MAX_GAPS
        details = {"count": count}
        warnings.append(_warning("more_gaps", stats.gaps[_MAX_GAPS][0] / fps, details))
    if stats.silence >= _NO_SPEECH_SHARE:
        warnings.append(_warning("no_speech", 0.0))
    offset_ms = workspace.personalization["offset_ms"] or 0
    if abs(offset_ms) > 1000 * NOTABLE_OFFSET_S:
        code = "presenter_sound_late" if offset_ms > 0 else "presenter_sound_early"
        warnings.append(_warning(code, 0.0, {"count": abs(offset_ms)}))
    notices = [*stats.notices, *load_notices(workspace.folder)]
    notices += unread_notices(workspace.folder)[:_MAX_GAPS]
    return warnings + [_warning(*notice) for notice in notices]


def _warning(code: str, at_s: float, details: Mapping[str, object] | None = None) -> ReportWarning:
    named = dict(details or {})
    text = WARNINGS[code]["en"].format_map(named)
    return cast(ReportWarning, {"code": code, "text": text, "at_s": round(at_s, 3), **named})
