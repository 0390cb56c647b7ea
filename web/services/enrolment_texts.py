"""What was learned from a presenter, as sentences in the user's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.messages.enrolment import OUTCOMES, SHAPES
from web.i18n import _
from web.services.tasks import localized_text

_TRIED = ("learned", "range", "no_gain", "too_short", "unrelated")  # speech was looked at
_NOTABLE_OFFSET_MS = 60  # viewers do not notice less


def enrolment_texts(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``outcome`` (a sentence), ``facts`` and ``advice`` (lists) of an enrolment.

    ``result`` is an :class:`~appliance.render.enrol.EnrolmentSummary`, perhaps of another version.
    """
    mode = result.get("mode") or "unknown"
    facts, advice = [], []
    if mode in _TRIED:
        source = _("from the recording") if result.get("recording") else _("from the clip")
        facts.append(_("Learned {source}", source=source))
        facts.append(_("{seconds} s of speech", seconds=round(result.get("speech_s") or 0)))
    if mode == "learned":
        percent = round(100 * float(result.get("cv_gain") or 0))
        facts.append(_("Follows speech better by {percent} points of 100", percent=percent))
    offset = result.get("offset_ms")
    if offset is not None and abs(offset) > _NOTABLE_OFFSET_MS:
        late, early = _("{ms} ms after the picture"), _("{ms} ms before the picture")
        when = (late if offset > 0 else early).format(ms=abs(offset))
        facts.append(_("Sound comes {when}; this is taken into account", when=when))
    for shape in result.get("missing") or ():
        if shape in SHAPES:
            advice.append(localized_text(SHAPES[shape]))
    outcome = localized_text(OUTCOMES.get(mode, OUTCOMES["unknown"]))
    return {"outcome": outcome, "facts": facts, "advice": advice}
