"""API clients with a key, and uploads in a single call."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from web.context import EXTENSION

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}


class Program:
    """A client of the API with the key of a user."""

    def __init__(self, client: FlaskClient, key: str) -> None:
        self._client = client
        self._key = {"Authorization": f"Bearer {key}"} if key else {}

    def ask(self, method: str, path: str, **more: Any) -> TestResponse:
        """Send a request below ``/api/v1``."""
        headers = {**self._key, **more.pop("headers", {})}
        return self._client.open(
            f"/api/v1{path}", method=method, headers=headers, buffered=True, **more
        )

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.ask("GET", path, **more)

    def post(self, path: str, json: object = None, **more: Any) -> TestResponse:
        return self.ask("POST", path, json=json, **more)

    def delete(self, path: str, **more: Any) -> TestResponse:
        return self.ask("DELETE", path, **more)

    def begin(self, name: str, length: int) -> str:
        """Create an upload and return its number."""
        encoded = base64.b64encode(name.encode()).decode()
        headers = {**TUS, "Upload-Length": str(length), "Upload-Metadata": f"filename {encoded}"}
        answer = self.ask("POST", "/uploads", headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"].rpartition("/")[2]

    def send(self, number: str, offset: int, data: bytes, **headers: str) -> TestResponse:
        """Send one piece."""
        sent = {**PIECE, "Upload-Offset": str(offset), **headers}
        return self.ask("PATCH", f"/uploads/{number}", headers=sent, data=data)

    def upload(self, name: str, data: bytes = b"data") -> str:
        """Upload a whole file and return its number."""
        number = self.begin(name, len(data))
        assert self.send(number, 0, data).status_code == 204
        return number


Programs = Callable[[str], Program]


@pytest.fixture
def program(app: Flask) -> Programs:
    """Return a factory of clients with the key of the named user; "" has no key."""

    def make(name: str) -> Program:
        key = ""
        if name:
            with app.test_request_context():
                key = app.extensions[EXTENSION].tokens.create(name, "test")
        return Program(app.test_client(), key)

    return make
