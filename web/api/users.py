"""User accounts and their roles, for administrators.

Changes with an API key are refused, so that a leaked key cannot create accounts.
"""

from __future__ import annotations

import logging
from typing import Annotated

from flask import Blueprint
from pydantic import Field

from web.accounts.users import Role, User
from web.api.operation import operation
from web.context import get_panel
from web.schemas import Model, RoleName
from web.security.access import require_role, role_required
from web.services import account

log = logging.getLogger("lectern.panel")

blueprint = Blueprint("api_users", __name__, url_prefix="/api/v1/users")


class UserView(Model):
    """A user account."""

    name: str
    """Name with which the user signs in."""
    role: RoleName
    """Each role includes the permissions of the roles before it: viewer, teacher, admin."""


class UserList(Model):
    """All user accounts."""

    users: list[UserView]
    """User accounts, sorted by name."""


class NewUser(Model):
    """A user account to create."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    """Name with which the user signs in: up to 40 letters, digits, dots, hyphens and
    underscores."""
    role: RoleName
    """Role of the user."""
    password: Annotated[str, Field(min_length=1, max_length=200)]
    """First password, at least 10 characters."""


class UserChange(Model):
    """A new role, a new password, or both. Null leaves the value unchanged."""

    role: RoleName | None = None
    """New role, which revokes the user's API keys. The last administrator keeps the role."""
    password: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """New password, at least 10 characters. It ends all sessions and API keys of the user."""


@blueprint.get("")
@role_required("admin")
@operation("List the user accounts", response=UserList)
def list_users() -> UserList:
    """Return all user accounts, sorted by name."""
    return UserList(users=[_user_view(user) for user in get_panel().users.all()])


@blueprint.post("")
@role_required("admin", by_token=False)
@operation("Create a user account", body=NewUser, response=UserView, status=201)
def create_user(body: NewUser) -> UserView:
    """Create an account with a role and a first password."""
    panel = get_panel()
    user = panel.users.add(body.name, Role(body.role), body.password, panel.now())
    _log_change("created", user.name)
    return _user_view(user)


@blueprint.patch("/<name>")
@role_required("admin", by_token=False)
@operation("Change the role or password of a user", body=UserChange, response=UserView)
def change_user(name: str, body: UserChange) -> UserView:
    """Change the role, the password or both.

    The last administrator keeps the role. A new password ends all sessions of the user; a new role
    or password revokes the user's API keys.
    """
    panel = get_panel()
    user = panel.users.get(name)
    if body.role is not None:
        account.set_role(panel, user.name, Role(body.role))
    if body.password is not None:
        account.set_password(panel, user.name, body.password)
    _log_change("changed", user.name)
    return _user_view(panel.users.get(user.name))


@blueprint.delete("/<name>")
@role_required("admin", by_token=False)
@operation("Delete a user account")
def delete_user(name: str) -> None:
    """Delete the account and end the user's sessions. The user's jobs and videos are kept."""
    panel = get_panel()
    account.delete_user(panel, name)
    _log_change("deleted", name)


def _log_change(verb: str, name: str) -> None:
    log.info("%s %s the user %s", require_role("admin").name, verb, ascii(name))


def _user_view(user: User) -> UserView:
    return UserView(name=user.name, role=user.role.value)
