"""The signed-in user's own password and API keys.

All operations here need a browser session. Requests with an API key are refused, so that a leaked
key can neither create further keys nor change the password.
"""

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
    """An API key without its secret. Times are in seconds since 1970 (UTC)."""

    id: JobNumber
    """Number of the key, used to revoke it."""
    label: str
    """Name that the user gave to the key."""
    created: float
    """Time of creation."""
    used: float | None
    """Time of the last use, accurate to about a minute, or null if the key was never used."""


class Keys(Model):
    """The user's API keys."""

    keys: list[Key]
    """API keys, oldest first."""


class NewKey(Model):
    """An API key to create."""

    label: Annotated[str, Field(min_length=1, max_length=60)]
    """Name that identifies the program using the key."""


class MadeKey(Model):
    """A newly created API key."""

    key: str
    """The secret. It is returned only here and cannot be read again later."""


class NewPassword(Model):
    """A change of the user's own password."""

    old: Annotated[str, Field(min_length=1, max_length=200)]
    """The current password."""
    new: Annotated[str, Field(min_length=1, max_length=200)]
    """The new password, at least 10 characters."""


@blueprint.get("/keys")
@needs("viewer")
@operation("List the user's API keys", answer=Keys)
def keys() -> Keys:
    """Return the user's API keys without their secrets."""
    found = panel().tokens.of(require_in_person().name)
    return Keys(keys=[Key(id=k.id, label=k.label, created=k.created, used=k.used) for k in found])


@blueprint.post("/keys")
@needs("viewer")
@operation("Create an API key", body=NewKey, answer=MadeKey, status=201)
def make_key(body: NewKey) -> MadeKey:
    """Create an API key with the permissions of its user.

    The operations of this module do not accept the key.
    """
    return MadeKey(key=panel().tokens.make(require_in_person().name, body.label))


@blueprint.delete(f"/keys/<{NUMBER}:key>")
@needs("viewer")
@operation("Revoke an API key")
def revoke_key(key: int) -> None:
    """Revoke an API key immediately. An unknown key is not an error."""
    panel().tokens.revoke(require_in_person().name, key)


@blueprint.post("/password")
@needs("viewer")
@operation("Change the user's own password", body=NewPassword)
def change_password(body: NewPassword) -> None:
    """Change the user's password and sign out the user's other browsers."""
    change(body.old, body.new)


def change(old: str, new: str) -> None:
    """Set the current user's password to ``new`` and end the user's other sessions.

    A wrong ``old`` password counts as a failed sign-in. Raises ``BadInput``: ``login_wrong``,
    ``password_short``, ``too_many_tries``, ``not_allowed`` (request with an API key).
    """
    here, person = panel(), require_in_person()
    address = request.remote_addr or ""
    here.throttle.attempt(address, person.name)
    here.people.check(person.name, old)
    here.throttle.succeeded(address, person.name)
    here.people.set_password(person.name, new)
    here.sessions.end_all_of(person.name, keep=request.cookies.get(COOKIE, ""))
