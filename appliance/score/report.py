"""The score as data, and as a table for the terminal."""

from __future__ import annotations

import dataclasses
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from appliance.messages.score import NOTES, UNMEASURED
from appliance.score.mouth_activity import MouthActivity
from appliance.score.outside_mouth import OutsideMouth
from appliance.score.sharpness import Sharpness
from appliance.score.silence import Jitter, Silence
from appliance.score.speech_match import SpeechMatch
from appliance.score.sync import Correlation
from appliance.score.verdict import Unchanged, Verdict
from appliance.score.yardstick import LookComparison


@dataclass(frozen=True)
class Reference:
    """Comparison of the mouth with that of the real video.

    ``opening`` is the correlation of the mouth openings. ``lmd`` is the landmark distance at zero
    lag, in eye distances, over ``frames`` frames.
    """

    opening: Correlation
    lmd: float | None
    frames: int


@dataclass(frozen=True)
class Score:
    """The quality of a finished video; a part is ``None`` where it is not defined.

    ``seconds`` is the length of the file and ``measured_s`` how much of it was measured. ``face``
    is the share of frames that show a face. ``loudness`` is the correlation of the mouth opening
    with the sound's loudness, a weak measure of sync (real speakers reach 0.2 to 0.6), ``match``
    the comparison with the opening that the speech asks for. ``notes`` are codes of
    :data:`~appliance.messages.score.NOTES`.
    """

    video: str
    seconds: float
    measured_s: float
    fps: float
    face: float
    reference: Reference | None
    loudness: Correlation | None
    match: SpeechMatch | None
    activity: MouthActivity | None
    silence: Silence | None
    jitter: Jitter | None
    appearance: LookComparison | None
    sharpness: Sharpness | None
    outside: OutsideMouth | None
    unchanged: Unchanged | None
    verdict: Verdict
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return a dictionary for JSON; what is not defined is ``None``."""
        data = dataclasses.asdict(self)
        data["unchanged"] = self.unchanged._asdict() if self.unchanged is not None else None
        data["verdict"] = self.verdict.as_dict()
        data["notes"] = [{"code": code, "text": NOTES[code]["en"]} for code in self.notes]
        cleaned: dict[str, Any] = _json_safe(data)
        return cleaned


def _json_safe(value: Any) -> Any:
    """Replace NaN and infinity, which JSON does not have, by ``None``; round to six digits."""
    if isinstance(value, dict):
        return {key: _json_safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_safe(item) for item in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value


def format_score(score: Score) -> str:
    """Return a plain-text table of the measures, their values, and good values."""
    # imported here: not every caller prints
    from rich.console import Console
    from rich.table import Table

    grade = score.verdict.grade.replace("_", " ")
    table = Table(title=f"{score.video}: {grade}", title_justify="left", box=None)
    table.add_column("measure", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("good is")
    for name, value, target in _rows(score):
        table.add_row(name, value, target)
    out = io.StringIO()
    console = Console(file=out, width=100, color_system=None, highlight=False, markup=False)
    console.print(table)
    for reason in score.verdict.reasons:
        span = reason.span
        when = f" ({_clock(span.start_s)} to {_clock(span.stop_s)})" if span is not None else ""
        console.print(f"- {reason.text()}{when}", soft_wrap=True)
    for code in score.verdict.unmeasured:
        console.print(f"- {UNMEASURED[code]['en']}", soft_wrap=True)
    for moment in score.verdict.moments:
        console.print(f"- at {_clock(moment.at_s)}: {moment.text()}", soft_wrap=True)
    for code in score.notes:
        console.print(f"  {NOTES[code]['en']}", soft_wrap=True)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())


def _rows(score: Score) -> Iterator[tuple[str, str, str]]:
    length = _clock(score.seconds)
    if score.measured_s < score.seconds - 1:
        length = f"{_clock(score.measured_s)} of {length}"
    yield "measured", length, ""
    yield "face seen", f"{score.face:.1%}", "all the time"
    if score.reference is not None:
        yield from _correlation("opening against the reference", score.reference.opening)
        lmd = _number(score.reference.lmd, "{:.4f}")
        yield "lip distance to the reference (LMD)", lmd, "0: eye distances"
    if score.loudness is not None:
        yield from _correlation("opening against the loudness", score.loudness)
    if score.match is not None:
        yield "opening against the speech, best r", f"{score.match.best_r:.3f}", "over 0.36"
        spread = _number(score.match.spread_ms, " ± {:.0f}").replace("-", "")
        yield "    lag of the mouth", f"{score.match.lag_ms:+.0f}{spread} ms", "within ± 55 ms"
        yield "    confidence", f"{score.match.confidence:.2f}", "over 0.25"
    if score.activity is not None:
        activity = score.activity
        yield "still in speech", f"{activity.still_s:.1f} of {activity.speech_s:.1f} s", "0"
        yield "moving in silence", f"{activity.moving_s:.1f} of {activity.silence_s:.1f} s", "0"
    if score.silence is not None:
        median, p95 = score.silence.opening_median, score.silence.opening_p95
        yield "opening in silence, median", f"{median:.4f}", "under 0.05 eye distances"
        yield "opening in silence, 95th percentile", f"{p95:.4f}", ""
    if score.jitter is not None:
        yield "lips' jitter in silence", f"{score.jitter.lips:.4f}", "under 0.01 eye distances"
        yield "    over the head's", _number(score.jitter.ratio, "{:.2f}"), "about 1"
    if score.appearance is not None:
        yield from _appearance(score.appearance)
    if score.sharpness is not None:
        yield "sharpness of the mouth", f"{score.sharpness.mouth:.3f}", "1: as the source"
        yield "    over that of the eyes", f"{score.sharpness.normalised:.3f}", "1"
    if score.outside is not None:
        outside = score.outside
        yield "change outside of the mouth, mean", f"{outside.mean:.3f}", "0: grey levels"
        yield "change outside of the mouth, max", f"{outside.max}", "0 before encoding"
        yield (
            "edge around the mouth (seam)",
            _number(outside.seam, "{:.2f}"),
            "under 1 grey level",
        )


def _appearance(look: LookComparison) -> Iterator[tuple[str, str, str]]:
    yield "upper lip too pale", _number(look.pale_upper, "{:.1%}"), "under 25 % of the frames"
    yield "lower lip too pale", _number(look.pale_lower, "{:.1%}"), "under 25 % of the frames"
    yield "mouth's inside too bright", _number(look.bright_inside, "{:.1%}"), "under 45 %"
    yield "sharpness for this shape", _number(look.sharpness, "{:.2f}"), "0.55 to 2"
    yield "flicker", _number(look.flicker, "{:.2f}"), "about 1"
    yield "movement", _number(look.movement, "{:.2f}"), "over 0.45"
    yield "same face", _number(look.same_face, "{:.2f}"), "over 0.8"


def _correlation(name: str, found: Correlation) -> Iterator[tuple[str, str, str]]:
    yield f"{name}, r", _number(found.r, "{:.3f}"), "towards 1"
    lag = "" if found.lag_ms is None else f" at {found.lag_ms:+.0f} ms"
    yield "    at the best lag", _number(found.best_r, "{:.3f}") + lag, "lag near 0"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"
