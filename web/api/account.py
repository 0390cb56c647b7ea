"""One's own password and keys, for who is signed in: a key neither makes nor ends another."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, request
from pydantic import Field

from web.api.operation import NUMBER, Model, operation
from web.api.schemas import JobNumber
from web.panel import panel
from web.people.access import COOKIE, needs, require_in_person

blueprint = Blueprint("api_account", __name__, url_prefix="/api/v1/me")


class Key(Model):
    """What is known of a key. Times are seconds since 1970, UTC."""

    id: JobNumber
    label: str
    created: float
    used: float | None


class Keys(Model):
    """The asking person's keys, the oldest first."""

    keys: list[Key]


class NewKey(Model):
    """A key for a program; ``label`` says which."""

    label: Annotated[str, Field(min_length=1, max_length=60)]


class MadeKey(Model):
    """The new key, which nobody can read again later."""

    key: str


class NewPassword(Model):
    """Another password, for who knows the old one."""

    old: Annotated[str, Field(min_length=1, max_length=200)]
    new: Annotated[str, Field(min_length=1, max_length=200)]


@blueprint.get("/keys")
@needs("viewer")
@operation("The asking person's keys", answer=Keys)
def keys() -> Keys:
    """Without the keys themselves."""
    found = panel().tokens.of(require_in_person().name)
    return Keys(keys=[Key(id=k.id, label=k.label, created=k.created, used=k.used) for k in found])


@blueprint.post("/keys")
@needs("viewer")
@operation("Make a key for a program", body=NewKey, answer=MadeKey, status=201)
def make_key(body: NewKey) -> MadeKey:
    """It may do what its person may, but for what is here."""
    return MadeKey(key=panel().tokens.make(require_in_person().name, body.label))


@blueprint.delete(f"/keys/<{NUMBER}:key>")
@needs("viewer")
@operation("Make a key worthless")
def revoke_key(key: int) -> None:
    """At once; one that is not there is worthless already."""
    panel().tokens.revoke(require_in_person().name, key)


@blueprint.post("/password")
@needs("viewer")
@operation("Change one's own password", body=NewPassword)
def change_password(body: NewPassword) -> None:
    """Other browsers are signed out."""
    change(body.old, body.new)


def change(old: str, new: str) -> None:
    """Give the asking person the password ``new``. Raises ``BadInput``: ``login_wrong``,
    ``password_short``, ``too_many_tries``, ``not_allowed`` (a key)."""
    here, person = panel(), require_in_person()
    address = request.remote_addr or ""
    here.throttle.attempt(address, person.name)
    here.people.check(person.name, old)
    here.throttle.succeeded(address, person.name)
    here.people.set_password(person.name, new)
    here.sessions.end_all_of(person.name, keep=request.cookies.get(COOKIE, ""))
