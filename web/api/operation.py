"""What an operation of the API takes and gives, said once: checked, and written into its document.

@blueprint.get("/jobs")
@needs("viewer")
@operation("Find jobs", query=JobQuery, answer=JobPage)
def find_jobs(query: JobQuery) -> JobPage: ...
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
"""The converter of a job's or an errand's number: nothing that the database could not hold."""


class Model(BaseModel):
    """What goes in and out; a name that is not known is a mistake, as in the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Problem(Model):
    """Why something was refused: what happened, and what to do."""

    code: str
    text: str
    cure: str


@dataclass(frozen=True)
class Header:
    """A header that an operation reads, and the regular expression of its values."""

    name: str
    pattern: str
    required: bool = True


@dataclass(frozen=True)
class Operation:
    """One entry of the document. ``produces`` is the media type of an answer that is a file,
    ``takes`` that of a body that is one."""

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
    """Let a view take ``query`` and ``body`` as checked models, and give an ``answer``.

    The view raises ``BadInput("request_bad")`` before it is called when either does not fit. A
    view that gives ``None`` answers 204, one that gives a ``Response`` answers that.
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
    """Write a view that reads and answers for itself into the document."""

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
    """The query's values: one each, or all of those that the model takes as a list."""
    many = {
        name
        for name, field in model.model_fields.items()
        if "list" in str(field.annotation) or "tuple" in str(field.annotation)
    }
    return {
        name: arguments.getlist(name) if name in many else arguments[name] for name in arguments
    }
