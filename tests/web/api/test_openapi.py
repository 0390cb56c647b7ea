"""The OpenAPI document: whole, true, and tried with what its schemas allow and forbid.

``LECTERN_EXAMPLES`` sets how many requests each operation gets.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from appliance.config import Config
from appliance.jobs.models import NewJob
from appliance.jobs.store import JobStore
from tests.web.api.conftest import Programs
from web.api.uploads import PIECE_TYPE
from web.context import EXTENSION

EXAMPLES = int(os.environ.get("LECTERN_EXAMPLES", "3"))
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)

schemathesis.serializer.alias(PIECE_TYPE, "application/octet-stream")


@pytest.fixture
def document(program: Programs) -> dict[str, Any]:
    """The document as an anonymous client reads it."""
    found: dict[str, Any] = program("").get("/openapi.json").get_json()
    return found


def test_every_route_is_documented(app: Flask, document: dict[str, Any]) -> None:
    here = {
        (rule.rule.replace("<", "{"), method)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and rule.rule != "/api/v1/openapi.json"
        for method in (rule.methods or set()) - {"OPTIONS"}
        if method != "HEAD" or "GET" not in (rule.methods or ())
    }
    described = {
        (path, method.upper()) for path, entry in document["paths"].items() for method in entry
    }
    assert len(described) == len(here)
    assert document["openapi"] == "3.1.0"


def test_every_reference_exists(document: dict[str, Any]) -> None:
    def references(part: object) -> Iterator[str]:
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                yield part["$ref"]
            for value in part.values():
                yield from references(value)
        elif isinstance(part, list):
            for value in part:
                yield from references(value)

    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= known
    names = [e["operationId"] for p in document["paths"].values() for e in p.values()]
    assert len(names) == len(set(names))


@pytest.mark.slow
def test_no_documented_request_causes_an_internal_error(
    app: Flask, store: JobStore, config: Config
) -> None:
    (config.root / "presenters").mkdir(parents=True, exist_ok=True)
    (config.root / "presenters" / "wang.mp4").write_bytes(b"picture")
    for _ in range(3):
        store.add(NewJob("lesson", Path("a.mp4"), Path("a.wav"), owner="admin"))
    with app.test_request_context():
        key = app.extensions[EXTENSION].tokens.create("admin", "test")
    headers = {"Authorization": f"Bearer {key}"}
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    tried = 0
    bounds = settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )

    def attempt(case: schemathesis.Case[Any]) -> None:
        nonlocal tried
        tried += 1
        checks = CHECKS if case.meta is None or mode is GenerationMode.POSITIVE else CHECKS[:1]
        case.call_and_validate(headers=headers, checks=list(checks))

    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            cases = operation.as_strategy(generation_mode=mode)
            bounds(given(case=cases)(attempt))()
    assert tried > EXAMPLES * 30
