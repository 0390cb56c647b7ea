"""Who asks, and whether they may."""

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

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Caller:
    """Who asks: a person by a browser's cookie (then with its ``csrf``), by a token, or nobody."""

    person: Person | None = None
    csrf: str = ""
    by_token: bool = False


NOBODY = Caller()


def caller() -> Caller:
    """Who makes this request."""
    if "caller" not in g:
        g.caller = _find()
    found: Caller = g.caller
    return found


def caller_now() -> Caller:
    """The same, asked anew: a stream outlives sign-ins, roles and keys."""
    g.pop("caller", None)
    return caller()


def current_user() -> Person | None:
    """The person who asks, or ``None``."""
    return caller().person


def needs(
    role: Literal["viewer", "teacher", "admin"],
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only people with at least ``role`` in.

    Else the page raises ``BadInput``: ``login_needed`` or ``not_allowed``.
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
    """Mark a view that anybody may see; a test asks every view to be marked or guarded."""
    view.is_open = True  # type: ignore[attr-defined]
    return view


def in_safe_mode(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view that works while the config file is broken, for what it does needs no queue."""
    view.in_safe_mode = True  # type: ignore[attr-defined]
    return view


def require(role: Literal["viewer", "teacher", "admin"]) -> Person:
    """The person who asks, if they have at least ``role``; raises as :func:`needs` says."""
    person = current_user()
    if person is None:
        raise BadInput("login_needed")
    if not person.role.may(Role(role)):
        raise BadInput("not_allowed")
    return person


def require_in_person() -> Person:
    """The person who asks, by a browser's sign-in.

    What opens an account is not a program's to change: whoever got hold of a key could else make
    more of them. Raises ``BadInput``: ``login_needed``, ``not_allowed`` (a key).
    """
    if caller().by_token:
        raise BadInput("not_allowed")
    return require("viewer")


def may(role: Literal["viewer", "teacher", "admin"]) -> bool:
    """Whether the person who asks has at least ``role``; for templates."""
    person = current_user()
    return person is not None and person.role.may(Role(role))


def seen_by(person: Person) -> list[str] | None:
    """Whose jobs ``person`` may know of; ``None``: everybody's.

    A teacher knows their own, and with ``panel.inbox_shown_to: teachers`` those that came without
    an account (""); who administers, and who only looks, knows all.
    """
    if person.role is not Role.TEACHER:
        return None
    return [person.name, ""] if panel().config.panel.inbox_shown_to == "teachers" else [person.name]


def may_see(owner: str) -> bool:
    """Whether the person who asks may know what ``owner`` is making; "" is the inbox."""
    person = current_user()
    if person is None:
        return False
    owners = seen_by(person)
    return owners is None or owner in owners


def may_touch(owner: str) -> bool:
    """Whether the person who asks may change what belongs to ``owner``: teachers their own,
    administrators all ("" is the inbox, where nobody else's are)."""
    person = current_user()
    if person is None or not person.role.may(Role.TEACHER):
        return False
    return person.role is Role.ADMIN or person.name == owner


def sign_in(response: Response, person: Person) -> None:
    """Give the browser its cookie."""
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
    """Take the browser's cookie back."""
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
    # A live page asks by itself; were that activity, an open tab would never sign itself out.
    active = request.headers.get("X-Lectern-Live") is None and not request.path.endswith("/live")
    session = panel().sessions.find(cookie, active=active)
    if session is None:
        return NOBODY
    try:
        return Caller(panel().people.get(session.person), session.csrf)
    except LecternError:
        return NOBODY
