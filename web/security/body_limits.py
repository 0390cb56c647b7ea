"""Limits on the size of a request's body: small, unless the view sets another limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from flask import current_app, request
from werkzeug.exceptions import LengthRequired, RequestEntityTooLarge

DEFAULT_BYTES = 64 * 1024

P = ParamSpec("P")
R = TypeVar("R")


def body_limit(max_bytes: int | None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Limit the requests of a view to ``max_bytes`` (``None``: the view checks the size)."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        view.body_limit = max_bytes  # type: ignore[attr-defined]
        return view

    return decorate


def apply_body_limit() -> None:
    """Apply the limit to this request. Raises 413 for a larger body.

    A body without a length would be truncated at the limit and taken as complete, so it is refused
    (411) if there is a limit. Browsers always send the length of a form.
    """
    view = current_app.view_functions.get(request.endpoint or "")
    max_bytes = getattr(view, "body_limit", DEFAULT_BYTES)
    request.max_content_length = max_bytes
    if max_bytes is None:
        return
    if request.content_length is None and "Transfer-Encoding" in request.headers:
        raise LengthRequired
    if (request.content_length or 0) > max_bytes:
        raise RequestEntityTooLarge
