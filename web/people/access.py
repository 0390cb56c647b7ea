"""The user of a request and what the user may do."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, ParamSpec, TypeVar

from flask import Response, g, request

from appliance.errors import BadInput, LecternError
from web.panel import panel
from web.people.store import Person, Role

COOKIE = "lectern"
"""Name of the session cookie."""

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Caller:
    """The authenticated user of a request: session cookie, API token or anonymous.

    ``csrf`` is the token of the session, empty without one.
    """

    person: Person | None = None
    csrf: str = ""
    by_token: bool = False


NOBODY = Caller()


def caller() -> Caller:
    """Return the authenticated user of this request, determined once per request."""
    if "caller" not in g:
        g.caller = _find()
    found: Caller = g.caller
    return found


def caller_now() -> Caller:
    """Return the authenticated user, determined again.

    Streams use this, because they outlive sessions, roles and tokens.
    """
    g.pop("caller", None)
    return caller()


def current_user() -> Person | None:
    """Return the current user, or ``None``."""
    return caller().person


def needs(
    role: Literal["viewer", "teacher", "admin"],
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Require at least ``role`` for a view.

    Otherwise the view raises ``BadInput``: ``login_needed`` or ``not_allowed``.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            require(role)
            return view(*args, **kwargs)

        guarded.guarded = True  # type: ignore[attr-defined]
        return guarded

    return decorate


def is_open(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view as public; a test requires every view to be marked or guarded."""
    view.is_open = True  # type: ignore[attr-defined]
    return view


def in_safe_mode(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view that works while the config file is broken: it does not need the queue."""
    view.in_safe_mode = True  # type: ignore[attr-defined]
    return view


def require(role: Literal["viewer", "teacher", "admin"]) -> Person:
    """Return the current user if they have at least ``role``.

    Raises ``BadInput``: ``login_needed`` or ``not_allowed``.
    """
    person = current_user()
    if person is None:
        raise BadInput("login_needed")
    if not person.role.may(Role(role)):
        raise BadInput("not_allowed")
    return person


def require_in_person() -> Person:
    """Return the current user of a browser session.

    A request with a token must not change how an account is accessed; otherwise a leaked token
    could create more of them. Raises ``BadInput``: ``login_needed``, ``not_allowed`` (request with
    a token).
    """
    if caller().by_token:
        raise BadInput("not_allowed")
    return require("viewer")


def may(role: Literal["viewer", "teacher", "admin"]) -> bool:
    """Return whether the current user has at least ``role``; for templates."""
    person = current_user()
    return person is not None and person.role.may(Role(role))


def seen_by(person: Person) -> list[str] | None:
    """Return the owners of the jobs that ``person`` may see, or ``None`` for all.

    Teachers see their own jobs and, with ``panel.inbox_shown_to: teachers``, those from the inbox
    (owner ""). Administrators and viewers see all jobs.
    """
    if person.role is not Role.TEACHER:
        return None
    return [person.name, ""] if panel().config.panel.inbox_shown_to == "teachers" else [person.name]


def may_see(owner: str) -> bool:
    """Return whether the current user may see jobs of ``owner``; "" is the inbox."""
    person = current_user()
    if person is None:
        return False
    owners = seen_by(person)
    return owners is None or owner in owners


def may_touch(owner: str) -> bool:
    """Return whether the current user may change what belongs to ``owner``.

    Teachers may change what they own; administrators may change everything, also jobs from the
    inbox (owner "").
    """
    person = current_user()
    if person is None or not person.role.may(Role.TEACHER):
        return False
    return person.role is Role.ADMIN or person.name == owner


def sign_in(response: Response, person: Person) -> None:
    """Start a session for ``person``, set its cookie, and end the browser's previous session."""
    old = request.cookies.get(COOKIE)
    if old:
        panel().sessions.end(old)
    response.set_cookie(
        COOKIE,
        panel().sessions.begin(person.name),
        httponly=True,
        samesite="Strict",
        secure=request.is_secure,
        path="/",
    )


def sign_out(response: Response) -> None:
    """End the browser's session and delete its cookie."""
    panel().sessions.end(request.cookies.get(COOKIE, ""))
    response.delete_cookie(COOKIE, httponly=True, samesite="Strict", path="/")


def _find() -> Caller:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.casefold() == "bearer":
        owner = panel().tokens.owner(value.strip())
        return NOBODY if owner is None else Caller(owner, by_token=True)
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        return NOBODY
    # Automatic requests of live pages are not activity, so that open tabs are signed out too.
    active = request.headers.get("X-Lectern-Live") is None and not request.path.endswith("/live")
    session = panel().sessions.find(cookie, active=active)
    if session is None:
        return NOBODY
    try:
        return Caller(panel().people.get(session.person), session.csrf)
    except LecternError:
        return NOBODY
