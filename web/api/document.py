"""Build the OpenAPI 3.1 document from the registered operations.

pydantic generates JSON Schema 2020-12, the dialect of OpenAPI 3.1, so the models need no second
description.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from werkzeug.routing import Rule

from web.api.operation import Operation, Problem

PREFIX = "/api/v1"
_REF = "#/components/schemas/{model}"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")


def document(app: Flask, version: str) -> dict[str, Any]:
    """Return the OpenAPI document of all operations of ``app``.

    ``version`` is the version of the software.
    """
    found = list(_operations(app))
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Problem, "serialization")]
    for _, _, told in found:
        models += [(m, "validation") for m in (told.body, told.query) if m]
        models += [(told.answer, "serialization")] if told.answer else []
    named, definitions = models_json_schema(models, ref_template=_REF)
    schemas: dict[Any, dict[str, Any]] = dict(named.items())
    paths: dict[str, dict[str, Any]] = {}
    for rule, method, told in found:
        path = re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"{\1}", rule.rule)
        paths.setdefault(path, {})[method.lower()] = _entry(rule, method, told, schemas)
    components: dict[str, Any] = {
        "schemas": definitions.get("$defs", {}),
        "securitySchemes": {
            "token": {"type": "http", "scheme": "bearer"},
            "cookie": {"type": "apiKey", "in": "cookie", "name": "lectern"},
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lectern",
            "version": version,
            "description": "REST API of a Lectern device. Authenticate with an API key "
            "(Authorization: Bearer) or with the session cookie of the panel. Requests that "
            "change something need the header X-CSRF-Token with a session cookie, but not with "
            "an API key. Files are uploaded with tus 1.0.0 at /api/v1/uploads.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"cookie": []}],
        "paths": paths,
        "components": components,
    }


def _operations(app: Flask) -> Iterable[tuple[Rule, str, Operation]]:
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        told = getattr(app.view_functions[rule.endpoint], "operation", None)
        if told is not None:
            for method in _METHODS:
                methods = rule.methods or set()
                if method in methods and not (method == "HEAD" and "GET" in methods):
                    yield rule, method, told


def _entry(
    rule: Rule,
    method: str,
    told: Operation,
    schemas: dict[Any, dict[str, Any]],
) -> dict[str, Any]:
    def content(model: type[BaseModel], mode: JsonSchemaMode) -> dict[str, Any]:
        return {"application/json": {"schema": schemas[model, mode]}}

    good: dict[str, Any] = {"description": told.summary}
    if told.answer is not None:
        good["content"] = content(told.answer, "serialization")
    elif told.produces is not None:
        good["content"] = {told.produces: {"schema": {"type": "string", "format": "binary"}}}
    bad = {"description": "Error", "content": content(Problem, "serialization")}
    entry: dict[str, Any] = {
        "operationId": rule.endpoint.replace(".", "_"),
        "summary": told.summary,
        "parameters": [*_in_path(rule), *_in_query(told), *_in_headers(told)],
        "responses": {str(told.status): good, "4XX": bad, "5XX": bad},
    }
    if told.produces is not None:
        entry["responses"]["206"] = {**good, "description": "Partial content"}
    if told.body is not None:
        entry["requestBody"] = {"required": True, "content": content(told.body, "validation")}
    if told.takes is not None:
        binary = {told.takes: {"schema": {"type": "string", "format": "binary"}}}
        entry["requestBody"] = {"required": True, "content": binary}
    return entry


def _in_headers(told: Operation) -> Iterable[dict[str, Any]]:
    for header in told.headers:
        schema = {"type": "string", "pattern": header.pattern}
        yield {
            "name": header.name,
            "in": "header",
            "required": header.required,
            "schema": schema,
        }


def _in_path(rule: Rule) -> Iterable[dict[str, Any]]:
    for converter, name in re.findall(r"<(?:([^:<>]+):)?(\w+)>", rule.rule):
        numbers = {"type": "integer", "minimum": 1, "maximum": 2147483647}
        kind = numbers if converter.startswith("int") else {"type": "string", "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "schema": kind}


def _in_query(told: Operation) -> Iterable[dict[str, Any]]:
    if told.query is None:
        return
    shape = told.query.model_json_schema(ref_template=_REF)
    required = set(shape.get("required", ()))
    for name, schema in shape["properties"].items():
        yield {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": schema,
            **({"style": "form", "explode": True} if schema.get("type") == "array" else {}),
        }
