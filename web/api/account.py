"""The signed-in user's own password and API keys.

All operations here need a browser session. Requests with an API key are refused, so that a leaked
key can neither create further keys nor change the password.
"""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, request
from pydantic import Field

from web.api.operation import operation
from web.context import get_panel
from web.schemas import NUMBER, JobNumber, Model
from web.security.access import (
    COOKIE,
    current_identity,
    require_browser_session,
    role_required,
)
from web.services.account import change_own_password

blueprint = Blueprint("api_account", __name__, url_prefix="/api/v1/me")


class Key(Model):
    """An API key without its secret. Times are in seconds since 1970 (UTC)."""

    id: JobNumber
    """Number of the key, used to revoke it."""
    label: str
    """Name that the user gave to the key."""
    created: float
    """Time of creation."""
    last_used: float | None
    """Time of the last use, accurate to about a minute, or null if the key was never used."""


class Keys(Model):
    """The user's API keys."""

    keys: list[Key]
    """API keys, oldest first."""


class NewKey(Model):
    """An API key to create."""

    label: Annotated[str, Field(min_length=1, max_length=60)]
    """Name that identifies the program using the key."""


class CreatedKey(Model):
    """A newly created API key."""

    key: str
    """The secret. It is returned only here and cannot be read again later."""


class NewPassword(Model):
    """A change of the user's own password."""

    current_password: Annotated[str, Field(min_length=1, max_length=200)]
    """The current password."""
    new_password: Annotated[str, Field(min_length=1, max_length=200)]
    """The new password, at least 10 characters."""


@blueprint.get("/keys")
@role_required("viewer", by_token=False)
@operation("List the user's API keys", response=Keys)
def list_keys() -> Keys:
    """Return the user's API keys without their secrets."""
    found = get_panel().tokens.list_for(require_browser_session().name)
    return Keys(
        keys=[Key(id=k.id, label=k.label, created=k.created, last_used=k.last_used) for k in found]
    )


@blueprint.post("/keys")
@role_required("viewer", by_token=False)
@operation("Create an API key", body=NewKey, response=CreatedKey, status=201)
def create_key(body: NewKey) -> CreatedKey:
    """Create an API key with the permissions of its user.

    The operations of this module do not accept the key.
    """
    return CreatedKey(key=get_panel().tokens.create(require_browser_session().name, body.label))


@blueprint.delete(f"/keys/<{NUMBER}:key>")
@role_required("viewer", by_token=False)
@operation("Revoke an API key")
def revoke_key(key: int) -> None:
    """Revoke an API key immediately. An unknown key is not an error."""
    get_panel().tokens.revoke(require_browser_session().name, key)


@blueprint.post("/password")
@role_required("viewer", by_token=False)
@operation("Change the user's own password", body=NewPassword)
def change_password(body: NewPassword) -> None:
    """Change the user's password, sign out the other browsers and revoke all API keys."""
    panel = get_panel()
    change_own_password(
        current_identity(),
        panel,
        current_password=body.current_password,
        new_password=body.new_password,
        address=request.remote_addr or "",
        cookie=request.cookies.get(COOKIE, ""),
    )
