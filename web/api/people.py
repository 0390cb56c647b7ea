"""People and their roles, for administrators."""

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
    """Somebody with an account."""

    name: str
    role: RoleName


class PeopleView(Model):
    """Everybody with an account."""

    people: list[PersonView]


class NewPerson(Model):
    """A new account."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    role: RoleName
    password: Annotated[str, Field(min_length=1, max_length=200)]


class PersonChange(Model):
    """Another role, another password, or both."""

    role: RoleName | None = None
    password: Annotated[str, Field(min_length=1, max_length=200)] | None = None


@blueprint.get("")
@needs("admin")
@operation("Everybody with an account", answer=PeopleView)
def everybody() -> PeopleView:
    """By name."""
    return PeopleView(people=[_view(person) for person in panel().people.all()])


@blueprint.post("")
@needs("admin")
@operation("Give somebody an account", body=NewPerson, answer=PersonView, status=201)
def add(body: NewPerson) -> PersonView:
    """With a role and a first password."""
    people = panel().people
    made = people.add(body.name, Role(body.role), body.password, panel().now())
    _note("made the account", made.name)
    return _view(made)


@blueprint.patch("/<name>")
@needs("admin")
@operation("Change somebody's role or password", body=PersonChange, answer=PersonView)
def change(name: str, body: PersonChange) -> PersonView:
    """The last administrator stays one. A new password ends the person's sign-ins."""
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
@operation("Take somebody's account away")
def remove(name: str) -> None:
    """What they have made stays."""
    person = panel().people.get(name)
    panel().people.remove(person.name)
    panel().sessions.end_all_of(person.name)
    _note("removed the account", person.name)


def _note(deed: str, name: str) -> None:
    log.info("%s %s %s", require("admin").name, deed, ascii(name))


def _view(person: Person) -> PersonView:
    return PersonView(name=person.name, role=person.role.value)
