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

from web.api.operation import Operation
from web.schemas import Problem

PREFIX = "/api/v1"
_REF = "#/components/schemas/{model}"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")


def build_document(app: Flask, version: str) -> dict[str, Any]:
    """Return the OpenAPI document of all operations of ``app``.

    ``version`` is the version of the software.
    """
    found = list(_operations(app))
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Problem, "serialization")]
    for _, _, operation in found:
        models += [(m, "validation") for m in (operation.body, operation.query) if m]
        models += [(operation.response, "serialization")] if operation.response else []
    named, definitions = models_json_schema(models, ref_template=_REF)
    schemas: dict[Any, dict[str, Any]] = dict(named.items())
    paths: dict[str, dict[str, Any]] = {}
    for rule, method, operation in found:
        path = re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"{\1}", rule.rule)
        paths.setdefault(path, {})[method.lower()] = _operation_object(
            rule, method, operation, schemas
        )
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
        operation = getattr(app.view_functions[rule.endpoint], "operation", None)
        if operation is not None:
            for method in _METHODS:
                methods = rule.methods or set()
                if method in methods and not (method == "HEAD" and "GET" in methods):
                    yield rule, method, operation


def _operation_object(
    rule: Rule,
    method: str,
    operation: Operation,
    schemas: dict[Any, dict[str, Any]],
) -> dict[str, Any]:
    def content(model: type[BaseModel], mode: JsonSchemaMode) -> dict[str, Any]:
        return {"application/json": {"schema": schemas[model, mode]}}

    success: dict[str, Any] = {"description": operation.summary}
    if operation.response is not None:
        success["content"] = content(operation.response, "serialization")
    elif operation.produces is not None:
        success["content"] = {
            operation.produces: {"schema": {"type": "string", "format": "binary"}}
        }
    error = {"description": "Error", "content": content(Problem, "serialization")}
    entry: dict[str, Any] = {
        "operationId": rule.endpoint.replace(".", "_"),
        "summary": operation.summary,
        "parameters": [
            *_path_parameters(rule),
            *_query_parameters(operation),
            *_header_parameters(operation),
        ],
        "responses": {str(operation.status): success, "4XX": error, "5XX": error},
    }
    if operation.produces is not None:
        entry["responses"]["206"] = {**success, "description": "Partial content"}
    if operation.body is not None:
        entry["requestBody"] = {"required": True, "content": content(operation.body, "validation")}
    if operation.accepts is not None:
        binary = {operation.accepts: {"schema": {"type": "string", "format": "binary"}}}
        entry["requestBody"] = {"required": True, "content": binary}
    return entry


def _header_parameters(operation: Operation) -> Iterable[dict[str, Any]]:
    for header in operation.headers:
        schema = {"type": "string", "pattern": header.pattern}
        yield {
            "name": header.name,
            "in": "header",
            "required": header.required,
            "schema": schema,
        }


def _path_parameters(rule: Rule) -> Iterable[dict[str, Any]]:
    for converter, name in re.findall(r"<(?:([^:<>]+):)?(\w+)>", rule.rule):
        numbers = {"type": "integer", "minimum": 1, "maximum": 2147483647}
        kind = numbers if converter.startswith("int") else {"type": "string", "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "schema": kind}


def _query_parameters(operation: Operation) -> Iterable[dict[str, Any]]:
    if operation.query is None:
        return
    shape = operation.query.model_json_schema(ref_template=_REF)
    required = set(shape.get("required", ()))
    for name, schema in shape["properties"].items():
        yield {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": schema,
            **({"style": "form", "explode": True} if schema.get("type") == "array" else {}),
        }
