"""English and Chinese.

A text is its own key: the page says ``_("Pause")``, and the catalogues of :mod:`web.i18n.zh` (one
module a page) hold its translation. A test finds every text without one.
"""

from __future__ import annotations

from flask import g, has_request_context, request

from appliance.errors import LecternError
from appliance.jobs.record import Reason
from web.i18n.zh import TEXTS

LANGUAGES = {"en": "English", "zh": "简体中文"}
COOKIE = "lectern_language"


def language() -> str:
    """The reader's language: as chosen in the page, else the browser's."""
    if not has_request_context():
        return "en"
    if "language" not in g:
        chosen = request.cookies.get(COOKIE)
        found = chosen if chosen in LANGUAGES else request.accept_languages.best_match(LANGUAGES)
        g.language = found or "en"
    code: str = g.language
    return code


def translate(text: str, code: str, /, **values: object) -> str:
    """``text`` in the language ``code``, its placeholders filled."""
    found = TEXTS.get(text, text) if code == "zh" else text
    return found.format_map(values) if values else found


def _(text: str, /, **values: object) -> str:
    """``text`` in the reader's language, its placeholders filled."""
    return translate(text, language(), **values)


def told(problem: Reason | LecternError) -> str:
    """A reason or an error in the reader's language: what happened and what to do."""
    reason = Reason.of(problem) if isinstance(problem, LecternError) else problem
    return reason.text(language())
