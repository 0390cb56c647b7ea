"""The user of a request and what the user may do."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from flask import Response, g, request

from appliance.errors import BadInput, LecternError
from web.accounts.users import Role, User
from web.context import get_panel
from web.schemas import RoleName

COOKIE = "lectern"
"""Name of the session cookie."""

DEVICE_COOKIE = "lectern_device"
"""Name of the cookie by which a browser is recognised that has signed in before."""

_YEAR_S = 365 * 86400

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Identity:
    """The authenticated user of a request: session cookie, API token or anonymous.

    ``csrf`` is the token of the session, empty without one. ``by_token`` is set for a request with
    an API token. ``sees_inbox`` is set if teachers may see the jobs from the inbox
    (``panel.inbox_visible_to: teachers``).
    """

    user: User | None = None
    csrf: str = ""
    by_token: bool = False
    sees_inbox: bool = False

    def require_role(self, role: RoleName) -> User:
        """Return the user if they have at least ``role``.

        Raises ``BadInput``: ``login_required`` or ``permission_denied``.
        """
        if self.user is None:
            raise BadInput("login_required")
        if not self.user.role.includes(Role(role)):
            raise BadInput("permission_denied")
        return self.user

    def require_browser_session(self) -> User:
        """Return the user of a browser session.

        A request with a token must not change how an account is accessed; otherwise a leaked token
        could create more of them. Raises ``BadInput``: ``login_required``, ``permission_denied``
        (request with a token).
        """
        if self.by_token:
            raise BadInput("permission_denied")
        return self.require_role("viewer")

    def has_role(self, role: RoleName) -> bool:
        """Return whether the user has at least ``role``."""
        return self.user is not None and self.user.role.includes(Role(role))

    def visible_owners(self) -> list[str] | None:
        """Return the owners of the jobs that the user may see, or ``None`` for all.

        Teachers see their own jobs and, if ``sees_inbox`` is set, those from the inbox (owner "").
        Administrators and viewers see all jobs; an anonymous client sees none.
        """
        if self.user is None:
            return []
        if self.user.role is not Role.TEACHER:
            return None
        return [self.user.name, ""] if self.sees_inbox else [self.user.name]

    def can_view(self, owner: str) -> bool:
        """Return whether the user may see jobs of ``owner``; "" is the inbox."""
        owners = self.visible_owners()
        return owners is None or owner in owners

    def can_edit(self, owner: str) -> bool:
        """Return whether the user may change what belongs to ``owner``.

        Teachers may change what they own; administrators may change everything, also jobs from the
        inbox (owner "").
        """
        if self.user is None or not self.user.role.includes(Role.TEACHER):
            return False
        return self.user.role is Role.ADMIN or self.user.name == owner


ANONYMOUS = Identity()


def current_identity() -> Identity:
    """Return the authenticated user of this request, determined once per request."""
    if "identity" not in g:
        g.identity = _authenticate()
    found: Identity = g.identity
    return found


def refresh_identity() -> Identity:
    """Return the authenticated user, determined again.

    Streams use this, because they outlive sessions, roles and tokens.
    """
    g.pop("identity", None)
    return current_identity()


def current_user() -> User | None:
    """Return the current user, or ``None``."""
    return current_identity().user


def role_required(
    role: RoleName, *, by_token: bool = True
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Require at least ``role`` for a view, and without ``by_token`` also a browser session.

    Otherwise the view raises ``BadInput``: ``login_required`` or ``permission_denied``.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if not by_token:
                require_browser_session()
            require_role(role)
            return view(*args, **kwargs)

        guarded.guarded = True  # type: ignore[attr-defined]
        return guarded

    return decorate


def public(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view as public; a test requires every view to be marked or guarded."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def allowed_in_safe_mode(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view that works while the config file is broken: it does not need the queue."""
    view.in_safe_mode = True  # type: ignore[attr-defined]
    return view


def require_role(role: RoleName) -> User:
    """Return the current user if they have at least ``role``. See :class:`Identity`."""
    return current_identity().require_role(role)


def require_browser_session() -> User:
    """Return the current user of a browser session. See :class:`Identity`."""
    return current_identity().require_browser_session()


def has_role(role: RoleName) -> bool:
    """Return whether the current user has at least ``role``."""
    return current_identity().has_role(role)


def can_view(owner: str) -> bool:
    """Return whether the current user may see jobs of ``owner``; "" is the inbox."""
    return current_identity().can_view(owner)


def can_edit(owner: str) -> bool:
    """Return whether the current user may change what belongs to ``owner``."""
    return current_identity().can_edit(owner)


def sign_in(response: Response, user: User) -> None:
    """Start a session for ``user``, set its cookie, and end the browser's previous session."""
    old = request.cookies.get(COOKIE)
    if old:
        get_panel().sessions.delete(old)
    response.set_cookie(
        COOKIE,
        get_panel().sessions.create(user.name),
        httponly=True,
        samesite="Strict",
        secure=request.is_secure,
        path="/",
    )
    response.set_cookie(
        DEVICE_COOKIE,
        get_panel().devices.remember(request.cookies.get(DEVICE_COOKIE, ""), user.name),
        max_age=_YEAR_S,
        httponly=True,
        samesite="Strict",
        secure=request.is_secure,
        path="/",
    )


def known_device(name: str) -> str:
    """Return an ID of the browser if the user ``name`` has signed in from it, otherwise ""."""
    return get_panel().devices.find(request.cookies.get(DEVICE_COOKIE, ""), name)


def sign_out(response: Response) -> None:
    """End the browser's session and delete its cookie."""
    get_panel().sessions.delete(request.cookies.get(COOKIE, ""))
    response.delete_cookie(COOKIE, httponly=True, samesite="Strict", path="/")


def _authenticate() -> Identity:
    panel = get_panel()
    sees_inbox = panel.config.panel.inbox_visible_to == "teachers"
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.casefold() == "bearer":
        owner = panel.tokens.find_owner(value.strip())
        if owner is None:
            return ANONYMOUS
        return Identity(owner, by_token=True, sees_inbox=sees_inbox)
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        return ANONYMOUS
    # Automatic requests of live pages are not activity, so that open tabs are signed out too.
    is_live = request.path.rstrip("/").endswith("/live") or "X-Lectern-Live" in request.headers
    session = panel.sessions.find(cookie, active=not is_live)
    if session is None:
        return ANONYMOUS
    try:
        user = panel.users.get(session.user)
    except LecternError:
        return ANONYMOUS
    return Identity(user, session.csrf_token, sees_inbox=sees_inbox)
