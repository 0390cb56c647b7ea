"""The JSON report of a finished lecture."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.media.probe import AudioInfo
from appliance.render.chunk import ChunkFacts
from appliance.render.clock import peak_memory_mb
from appliance.render.job import Job
from appliance.render.voice import left_out_in
from appliance.version import software_version

_QUIET_LECTURE = 0.98  # share of silence from which the user should check the recording
_MAX_GAPS = 50

_GAP_TEXTS = {
    "no_face": "No face was found from here on, so the picture was left unchanged.",
    "turned_away": "The face is turned away from here on, so the picture was left unchanged.",
}


@dataclass
class Outcome:
    """The results of all chunks, added up.

    ``silence`` is the share of the lecture without speech. ``first_frame_s`` is the time from the
    start of the process until the first frame was encoded; ``None`` if an earlier attempt had
    rendered everything. ``passed_over`` lists the rejected providers with the reasons.
    """

    silence: float
    frames: Counter[str] = field(default_factory=Counter)
    gaps: list[tuple[int, str]] = field(default_factory=list)
    stages_s: dict[str, float] = field(default_factory=dict)
    provider: str = ""
    passed_over: tuple[str, ...] = ()
    wall_s: float = 0.0
    first_frame_s: float | None = None
    _last: str = ""

    def add(self, facts: ChunkFacts) -> None:
        """Add the next chunk; call it in the order of the chunks."""
        self.frames.update(facts.frames)
        for frame, reason in facts.gaps:
            # A stretch that spans the boundary of two chunks counts once.
            if not (facts.gaps[0][0] == frame == facts.start and reason == self._last):
                self.gaps.append((frame, reason))
        self._last = facts.last_reason
        for stage, seconds in facts.stages_s.items():
            self.stages_s[stage] = self.stages_s.get(stage, 0.0) + seconds
        self.provider = facts.provider
        self.passed_over = facts.passed_over


def build_report(
    job: Job, lecture: Path, sound: AudioInfo, output: Path, outcome: Outcome
) -> dict[str, Any]:
    """Return the report of a finished lecture, ready for JSON.

    ``sound`` is that of ``lecture``, or of the synthesized speech if the lecture is a text.
    """
    plan = job.plan
    seen = sum(outcome.frames.values())
    duration = float(plan.frames / plan.fps)
    return {
        "version": software_version(),
        "input": {
            "presenter": str(job.presenter.path),
            "presenter_kind": job.presenter.kind,
            "presenter_frames": job.presenter.frames,
            "lecture": str(lecture),
            "lecture_s": round(sound.duration_s, 3),
        },
        "output": {
            "path": str(output),
            "frames": plan.frames,
            "fps": float(plan.fps),
            "width": plan.width,
            "height": plan.height,
            "duration_s": round(duration, 3),
            "bytes": output.stat().st_size,
            "encoder": job.config.video.encoder,
            "preset": job.config.video.preset,
        },
        "plan": plan.as_dict(),
        "wall_s": round(outcome.wall_s, 3),
        "first_frame_s": outcome.first_frame_s,
        "realtime_factor": round(outcome.wall_s / duration, 3),
        "stages_s": {name: round(s, 3) for name, s in outcome.stages_s.items()},
        "peak_rss_mb": round(peak_memory_mb(), 1),
        "provider": outcome.provider,
        "providers_passed_over": list(outcome.passed_over),
        "model": {
            "name": job.manifest.name,
            "precision": job.precision,
            "sha256": job.manifest.digest(job.precision),
        },
        "face": {
            "coverage": round(outcome.frames["spoken"] / max(seen, 1), 4),
            **{name: outcome.frames[name] for name in ("spoken", "no_face", "turned_away")},
            "places": [[round(value, 1) for value in row] for row in job.person.rows()],
        },
        "warnings": _warnings(job, outcome),
        "score": {},
    }


def _warnings(job: Job, outcome: Outcome) -> list[dict[str, Any]]:
    rate = float(job.plan.fps)
    warnings: list[dict[str, Any]] = [
        {"code": reason, "text": _GAP_TEXTS[reason], "at_s": round(frame / rate, 3)}
        for frame, reason in outcome.gaps[:_MAX_GAPS]
    ]
    if len(outcome.gaps) > _MAX_GAPS:
        more = len(outcome.gaps) - _MAX_GAPS
        text = f"There are {more} more stretches like these."
        at_s = round(outcome.gaps[_MAX_GAPS][0] / rate, 3)
        warnings.append({"code": "more_gaps", "text": text, "at_s": at_s})
    if outcome.silence >= _QUIET_LECTURE:
        text = "No speech was found in this recording, so the mouth stays closed."
        warnings.append({"code": "no_speech", "text": text, "at_s": 0.0})
    text = "Words were left out here, because no voice on this device can read their script."
    warnings += [
        {"code": "words_left_out", "text": text, "at_s": round(at_s, 3)}
        for at_s in left_out_in(job.folder)[:_MAX_GAPS]
    ]
    return warnings
