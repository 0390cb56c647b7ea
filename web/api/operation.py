"""Declare an operation of the API once: for validation and for the OpenAPI document.

Example::

    @blueprint.get("/jobs")
    @needs("viewer")
    @operation("List jobs", query=JobQuery, answer=JobPage)
    def list_jobs(query: JobQuery) -> JobPage: ...
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Response, jsonify, make_response, request
from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.datastructures import MultiDict

from appliance.errors import BadInput

NUMBER = "int(min=1, max=2147483647)"
"""URL converter for the number of a job, key or task: no number that the database cannot hold."""


class Model(BaseModel):
    """Base class of the request and response models. Unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Problem(Model):
    """Why a request or a job failed: what happened and how to fix it."""

    code: str
    """Error code."""
    text: str
    """What happened, in the user's language."""
    cure: str
    """How to fix it, in the user's language."""


@dataclass(frozen=True)
class Header:
    """A request header of an operation and the regular expression that its value matches."""

    name: str
    pattern: str
    required: bool = True


@dataclass(frozen=True)
class Operation:
    """Description of one operation for the OpenAPI document.

    ``produces`` is the media type of a response that is a file, ``takes`` that of a request body
    that is a file.
    """

    summary: str
    query: type[Model] | None = None
    body: type[Model] | None = None
    answer: type[Model] | None = None
    produces: str | None = None
    status: int = 200
    headers: tuple[Header, ...] = ()
    takes: str | None = None


View = TypeVar("View", bound=Callable[..., Any])


def operation(
    summary: str,
    *,
    query: type[Model] | None = None,
    body: type[Model] | None = None,
    answer: type[Model] | None = None,
    produces: str | None = None,
    status: int = 200,
) -> Callable[[View], Callable[..., Response]]:
    """Validate the ``query`` and ``body`` of a view against models, and serialize its ``answer``.

    Raises ``BadInput("request_bad")`` before the view is called if either is invalid. A view that
    returns ``None`` is answered with 204; a ``Response`` is sent unchanged.
    """
    told = Operation(
        summary, query, body, answer, produces, 204 if not (answer or produces) else status
    )

    def decorate(view: View) -> Callable[..., Response]:
        @functools.wraps(view)
        def wrapped(**arguments: Any) -> Response:
            if query is not None:
                arguments["query"] = _parsed(query, _plain(request.args, query))
            if body is not None:
                arguments["body"] = _parsed(body, request.get_data())
            result = view(**arguments)
            if isinstance(result, BaseModel):
                return make_response(jsonify(result.model_dump(mode="json")), status)
            return make_response("", 204) if result is None else make_response(result)

        wrapped.operation = told  # type: ignore[attr-defined]
        return wrapped

    return decorate


def described(
    summary: str, *headers: Header, status: int, takes: str | None = None
) -> Callable[[View], View]:
    """Add a view that parses its request and builds its response itself to the OpenAPI document."""

    def decorate(view: View) -> View:
        told = Operation(summary, status=status, headers=headers, takes=takes)
        view.operation = told  # type: ignore[attr-defined]
        return view

    return decorate


def _parsed(model: type[Model], given: dict[str, Any] | bytes) -> Model:
    try:
        if isinstance(given, bytes):
            return model.model_validate_json(given, strict=True)
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        reason = f"{where}: {first['msg']}" if where else str(first["msg"])
        raise BadInput("request_bad", reason=reason[:200]) from error


def _plain(arguments: MultiDict[str, str], model: type[Model]) -> dict[str, Any]:
    """Return the values of the query by name.

    Fields that accept several values get a list, all others a single value.
    """
    many = {
        name
        for name, field in model.model_fields.items()
        if "list" in str(field.annotation) or "tuple" in str(field.annotation)
    }
    return {
        name: arguments.getlist(name) if name in many else arguments[name] for name in arguments
    }
