"""User accounts and their roles, for administrators."""

from __future__ import annotations

import logging
from typing import Annotated, Literal

from flask import Blueprint
from pydantic import Field

from web.api.operation import Model, operation
from web.panel import panel
from web.people.access import needs, require
from web.people.store import Person, Role

log = logging.getLogger("lectern.panel")

RoleName = Literal["viewer", "teacher", "admin"]

blueprint = Blueprint("api_people", __name__, url_prefix="/api/v1/people")


class PersonView(Model):
    """A user account."""

    name: str
    """Name with which the user signs in."""
    role: RoleName
    """Each role includes the permissions of the roles before it: viewer, teacher, admin."""


class PeopleView(Model):
    """All user accounts."""

    people: list[PersonView]
    """User accounts, sorted by name."""


class NewPerson(Model):
    """A user account to create."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    """Name with which the user signs in: up to 40 letters, digits, dots, hyphens and
    underscores."""
    role: RoleName
    """Role of the user."""
    password: Annotated[str, Field(min_length=1, max_length=200)]
    """First password, at least 10 characters."""


class PersonChange(Model):
    """A new role, a new password, or both. Null leaves the value unchanged."""

    role: RoleName | None = None
    """New role. The last administrator cannot be given another one."""
    password: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """New password, at least 10 characters. It ends all sessions of the user."""


@blueprint.get("")
@needs("admin")
@operation("List the user accounts", answer=PeopleView)
def everybody() -> PeopleView:
    """Return all user accounts, sorted by name."""
    return PeopleView(people=[_view(person) for person in panel().people.all()])


@blueprint.post("")
@needs("admin")
@operation("Create a user account", body=NewPerson, answer=PersonView, status=201)
def add(body: NewPerson) -> PersonView:
    """Create an account with a role and a first password."""
    people = panel().people
    made = people.add(body.name, Role(body.role), body.password, panel().now())
    _note("made the account", made.name)
    return _view(made)


@blueprint.patch("/<name>")
@needs("admin")
@operation("Change the role or password of a user", body=PersonChange, answer=PersonView)
def change(name: str, body: PersonChange) -> PersonView:
    """Change the role, the password or both.

    The last administrator keeps the role. A new password ends all sessions of the user.
    """
    people = panel().people
    person = people.get(name)
    if body.role is not None:
        people.set_role(person.name, Role(body.role))
    if body.password is not None:
        people.set_password(person.name, body.password)
        panel().sessions.end_all_of(person.name)
    _note("changed the account", person.name)
    return _view(people.get(person.name))


@blueprint.delete("/<name>")
@needs("admin")
@operation("Delete a user account")
def remove(name: str) -> None:
    """Delete the account and end the user's sessions. The user's jobs and videos are kept."""
    person = panel().people.get(name)
    panel().people.remove(person.name)
    panel().sessions.end_all_of(person.name)
    _note("removed the account", person.name)


def _note(deed: str, name: str) -> None:
    log.info("%s %s %s", require("admin").name, deed, ascii(name))


def _view(person: Person) -> PersonView:
    return PersonView(name=person.name, role=person.role.value)
