"""How much a request may bring: little, unless the view says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from flask import current_app, request
from werkzeug.exceptions import LengthRequired, RequestEntityTooLarge

DEFAULT_BYTES = 64 * 1024

P = ParamSpec("P")
R = TypeVar("R")


def body_limit(most: int | None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let the view take bodies of ``most`` bytes (``None``: it counts for itself)."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        view.body_limit = most  # type: ignore[attr-defined]
        return view

    return decorate


def apply() -> None:
    """Set this request's limit; raises 413 for a longer body.

    A body without a length would be cut at the limit and taken for whole: it is refused (411)
    where there is a limit. Browsers always send one with a form.
    """
    view = current_app.view_functions.get(request.endpoint or "")
    most = getattr(view, "body_limit", DEFAULT_BYTES)
    request.max_content_length = most
    if most is None:
        return
    if request.content_length is None and "Transfer-Encoding" in request.headers:
        raise LengthRequired
    if (request.content_length or 0) > most:
        raise RequestEntityTooLarge
