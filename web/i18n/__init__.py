"""Localization in English and Chinese.

A text is its own key: a page uses ``_("Pause")``, and the catalogues of :mod:`web.i18n.zh` (one
module for each page) contain its translation. A test finds every text without one.
"""

from __future__ import annotations

from flask import g, has_request_context, request

from appliance.errors import LecternError
from appliance.jobs.models import Reason
from web.i18n.zh import TEXTS

LANGUAGES = {"en": "English", "zh": "简体中文"}
COOKIE = "lectern_language"


def language() -> str:
    """Return the user's language: the one chosen in the panel, or that of the browser."""
    if not has_request_context():
        return "en"
    if "language" not in g:
        chosen = request.cookies.get(COOKIE)
        found = chosen if chosen in LANGUAGES else request.accept_languages.best_match(LANGUAGES)
        g.language = found or "en"
    code: str = g.language
    return code


def translate(text: str, code: str, /, **values: object) -> str:
    """Return ``text`` in the language ``code``, with its placeholders filled."""
    found = TEXTS.get(text, text) if code == "zh" else text
    return found.format_map(values) if values else found


def _(text: str, /, **values: object) -> str:
    """Return ``text`` in the user's language, with its placeholders filled."""
    return translate(text, language(), **values)


def localized(problem: Reason | LecternError) -> str:
    """Return a reason or an error in the user's language: what happened and how to fix it."""
    reason = Reason.from_error(problem) if isinstance(problem, LecternError) else problem
    return reason.text(language())
