"""Declare an operation of the API once: for validation and for the OpenAPI document.

Example::

    @blueprint.get("/jobs")
    @role_required("viewer")
    @operation("List jobs", query=JobQuery, response=JobPage)
    def list_jobs(query: JobQuery) -> JobPage: ...
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Response, jsonify, make_response, request
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict

from appliance.errors import BadInput
from web.schemas import Model


@dataclass(frozen=True)
class Header:
    """A request header of an operation and the regular expression that its value matches."""

    name: str
    pattern: str
    required: bool = True


@dataclass(frozen=True)
class Operation:
    """Description of one operation for the OpenAPI document.

    ``produces`` is the media type of a response that is a file, ``accepts`` that of a request body
    that is a file.
    """

    summary: str
    query: type[Model] | None = None
    body: type[Model] | None = None
    response: type[Model] | None = None
    produces: str | None = None
    status: int = 200
    headers: tuple[Header, ...] = ()
    accepts: str | None = None


View = TypeVar("View", bound=Callable[..., Any])


def operation(
    summary: str,
    *,
    query: type[Model] | None = None,
    body: type[Model] | None = None,
    response: type[Model] | None = None,
    produces: str | None = None,
    status: int = 200,
) -> Callable[[View], Callable[..., Response]]:
    """Validate the ``query`` and ``body`` of a view against models, and serialize its ``response``.

    Raises ``BadInput("bad_request")`` before the view is called if either is invalid. A view that
    returns ``None`` is answered with 204; a ``Response`` is sent unchanged.
    """
    description = Operation(
        summary, query, body, response, produces, 204 if not (response or produces) else status
    )

    def decorate(view: View) -> Callable[..., Response]:
        @functools.wraps(view)
        def wrapped(**arguments: Any) -> Response:
            if query is not None:
                arguments["query"] = _validate(query, _query_values(request.args, query))
            if body is not None:
                arguments["body"] = _validate(body, request.get_data())
            result = view(**arguments)
            if isinstance(result, BaseModel):
                return make_response(jsonify(result.model_dump(mode="json")), status)
            return make_response("", 204) if result is None else make_response(result)

        wrapped.operation = description  # type: ignore[attr-defined]
        return wrapped

    return decorate


def documented(
    summary: str, *headers: Header, status: int, accepts: str | None = None
) -> Callable[[View], View]:
    """Add a view that parses its request and builds its response itself to the OpenAPI document."""

    def decorate(view: View) -> View:
        description = Operation(summary, status=status, headers=headers, accepts=accepts)
        view.operation = description  # type: ignore[attr-defined]
        return view

    return decorate


def _validate(model: type[Model], given: dict[str, Any] | bytes) -> Model:
    try:
        if isinstance(given, bytes):
            return model.model_validate_json(given, strict=True)
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        reason = f"{where}: {first['msg']}" if where else str(first["msg"])
        raise BadInput("bad_request", reason=reason[:200]) from error


def _query_values(arguments: MultiDict[str, str], model: type[Model]) -> dict[str, Any]:
    """Return the values of the query by name.

    Fields that accept several values get a list, all others a single value.
    """
    list_fields = {
        name
        for name, field in model.model_fields.items()
        if "list" in str(field.annotation) or "tuple" in str(field.annotation)
    }
    return {
        name: arguments.getlist(name) if name in list_fields else arguments[name]
        for name in arguments
    }
