"""The user of a request and what the user may do."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, ParamSpec, TypeVar

from flask import Response, g, request

from appliance.errors import BadInput, LecternError
from web.accounts.users import Role, User
from web.context import get_panel

COOKIE = "lectern"
"""Name of the session cookie."""

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Identity:
    """The authenticated user of a request: session cookie, API token or anonymous.

    ``csrf`` is the token of the session, empty without one.
    """

    user: User | None = None
    csrf: str = ""
    by_token: bool = False


ANONYMOUS = Identity()


def current_identity() -> Identity:
    """Return the authenticated user of this request, determined once per request."""
    if "caller" not in g:
        g.caller = _authenticate()
    found: Identity = g.caller
    return found


def refresh_identity() -> Identity:
    """Return the authenticated user, determined again.

    Streams use this, because they outlive sessions, roles and tokens.
    """
    g.pop("caller", None)
    return current_identity()


def current_user() -> User | None:
    """Return the current user, or ``None``."""
    return current_identity().user


def role_required(
    role: Literal["viewer", "teacher", "admin"],
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Require at least ``role`` for a view.

    Otherwise the view raises ``BadInput``: ``login_required`` or ``permission_denied``.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            require_role(role)
            return view(*args, **kwargs)

        guarded.guarded = True  # type: ignore[attr-defined]
        return guarded

    return decorate


def public(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view as public; a test requires every view to be marked or guarded."""
    view.is_open = True  # type: ignore[attr-defined]
    return view


def allowed_in_safe_mode(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view that works while the config file is broken: it does not need the queue."""
    view.in_safe_mode = True  # type: ignore[attr-defined]
    return view


def require_role(role: Literal["viewer", "teacher", "admin"]) -> User:
    """Return the current user if they have at least ``role``.

    Raises ``BadInput``: ``login_required`` or ``permission_denied``.
    """
    person = current_user()
    if person is None:
        raise BadInput("login_required")
    if not person.role.includes(Role(role)):
        raise BadInput("permission_denied")
    return person


def require_browser_session() -> User:
    """Return the current user of a browser session.

    A request with a token must not change how an account is accessed; otherwise a leaked token
    could create more of them. Raises ``BadInput``: ``login_required``, ``permission_denied``
    (request with a token).
    """
    if current_identity().by_token:
        raise BadInput("permission_denied")
    return require_role("viewer")


def has_role(role: Literal["viewer", "teacher", "admin"]) -> bool:
    """Return whether the current user has at least ``role``; for templates."""
    person = current_user()
    return person is not None and person.role.includes(Role(role))


def visible_owners(person: User) -> list[str] | None:
    """Return the owners of the jobs that ``user`` may see, or ``None`` for all.

    Teachers see their own jobs and, with ``panel.inbox_visible_to: teachers``, those from the inbox
    (owner ""). Administrators and viewers see all jobs.
    """
    if person.role is not Role.TEACHER:
        return None
    return (
        [person.name, ""]
        if get_panel().config.panel.inbox_visible_to == "teachers"
        else [person.name]
    )


def can_view(owner: str) -> bool:
    """Return whether the current user may see jobs of ``find_owner``; "" is the inbox."""
    person = current_user()
    if person is None:
        return False
    owners = visible_owners(person)
    return owners is None or owner in owners


def can_edit(owner: str) -> bool:
    """Return whether the current user may change what belongs to ``find_owner``.

    Teachers may change what they own; administrators may change everything, also jobs from the
    inbox (owner "").
    """
    person = current_user()
    if person is None or not person.role.includes(Role.TEACHER):
        return False
    return person.role is Role.ADMIN or person.name == owner


def sign_in(response: Response, person: User) -> None:
    """Start a session for ``user``, set its cookie, and end the browser's previous session."""
    old = request.cookies.get(COOKIE)
    if old:
        get_panel().sessions.delete(old)
    response.set_cookie(
        COOKIE,
        get_panel().sessions.create(person.name),
        httponly=True,
        samesite="Strict",
        secure=request.is_secure,
        path="/",
    )


def sign_out(response: Response) -> None:
    """End the browser's session and delete its cookie."""
    get_panel().sessions.delete(request.cookies.get(COOKIE, ""))
    response.delete_cookie(COOKIE, httponly=True, samesite="Strict", path="/")


def _authenticate() -> Identity:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.casefold() == "bearer":
        owner = get_panel().tokens.find_owner(value.strip())
        return ANONYMOUS if owner is None else Identity(owner, by_token=True)
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        return ANONYMOUS
    # Automatic requests of live pages are not activity, so that open tabs are signed out too.
    active = request.headers.get("X-Lectern-Live") is None and not request.path.endswith("/live")
    session = get_panel().sessions.find(cookie, active=active)
    if session is None:
        return ANONYMOUS
    try:
        return Identity(get_panel().users.get(session.user), session.csrf)
    except LecternError:
        return ANONYMOUS
