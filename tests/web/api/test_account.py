"""The own password and keys over the API: for browser sessions, never for a key."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.web.api.conftest import Programs
from tests.web.conftest import PASSWORD, Browser, SignIn

NEW = "five other quiet words"


def send(browser: Browser, method: str, path: str, json: object = None) -> TestResponse:
    headers = {"X-CSRF-Token": browser.token()}
    return browser.open(f"/api/v1/me{path}", method=method, json=json, headers=headers)


def test_key_is_created_used_listed_and_revoked(app: Flask, sign_in: SignIn) -> None:
    teacher = sign_in("teacher")
    made = send(teacher, "POST", "/keys", {"label": "Moodle"})
    assert made.status_code == 201
    program = {"Authorization": f"Bearer {made.get_json()['key']}"}
    assert app.test_client().get("/api/v1/me", headers=program).get_json()["name"] == "teacher"
    (key,) = send(teacher, "GET", "/keys").get_json()["keys"]
    assert key["label"] == "Moodle" and key["last_used"] and "key" not in key
    other = sign_in("other")
    assert send(other, "GET", "/keys").get_json()["keys"] == []
    assert send(other, "DELETE", f"/keys/{key['id']}").status_code == 204
    assert app.test_client().get("/api/v1/me", headers=program).status_code == 200
    assert send(teacher, "DELETE", f"/keys/{key['id']}").status_code == 204
    assert app.test_client().get("/api/v1/me", headers=program).status_code == 401


def test_changing_the_password_requires_the_current_one(sign_in: SignIn) -> None:
    here, elsewhere = sign_in("teacher"), sign_in("teacher")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"current_password": "a guess of mine", "new_password": NEW}, "invalid_credentials"),
        ({"current_password": PASSWORD, "new_password": "short"}, "password_too_short"),
        ({"current_password": PASSWORD}, "bad_request"),
    ]
    for body, code in wrong:
        assert send(here, "POST", "/password", body).get_json()["code"] == code
    assert send(elsewhere, "GET", "").status_code == 200
    assert (
        send(
            here, "POST", "/password", {"current_password": PASSWORD, "new_password": NEW}
        ).status_code
        == 204
    )
    assert send(here, "GET", "").status_code == 200
    assert send(elsewhere, "GET", "").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "json"),
    [
        ("GET", "/api/v1/me/keys", None),
        ("POST", "/api/v1/me/keys", {"label": "more"}),
        ("DELETE", "/api/v1/me/keys/1", None),
        ("POST", "/api/v1/me/password", {"current_password": PASSWORD, "new_password": NEW}),
        ("POST", "/account/tokens", None),
        ("POST", "/account/tokens/1/revoke", None),
        ("POST", "/account/password", None),
        ("POST", "/api/v1/users", {"name": "x", "role": "admin", "password": NEW}),
        ("PATCH", "/api/v1/users/teacher", {"role": "admin"}),
        ("PATCH", "/api/v1/users/teacher", {"password": NEW}),
        ("DELETE", "/api/v1/users/teacher", None),
        ("POST", "/users", None),
        ("POST", "/users/teacher/role", None),
        ("POST", "/users/teacher/password", None),
        ("POST", "/users/teacher/delete", None),
    ],
)
def test_stolen_key_cannot_change_the_account(
    app: Flask, program: Programs, method: str, path: str, json: object
) -> None:
    key = program("admin")._key
    answer = app.test_client().open(path, method=method, json=json, headers=key)
    assert answer.status_code == 403
    assert app.test_client().get("/api/v1/me", headers=key).status_code == 200


@pytest.mark.parametrize(
    ("who", "path", "body"),
    [
        ("teacher", "/api/v1/me/password", {"current_password": PASSWORD, "new_password": NEW}),
        ("admin", "/api/v1/users/teacher", {"password": NEW}),
        ("admin", "/api/v1/users/teacher", {"role": "viewer"}),
        ("admin", "/api/v1/users/teacher", {"role": "admin"}),
    ],
)
def test_new_password_or_role_revokes_the_keys_of_this_user_only(
    app: Flask, program: Programs, sign_in: SignIn, who: str, path: str, body: dict[str, str]
) -> None:
    key, other = program("teacher")._key, program("other")._key
    browser = sign_in(who)
    answer = browser.open(
        path,
        method="POST" if path.endswith("password") else "PATCH",
        json=body,
        headers={"X-CSRF-Token": browser.token()},
    )
    assert answer.status_code in (200, 204)
    assert app.test_client().get("/api/v1/me", headers=key).status_code == 401
    assert app.test_client().get("/api/v1/me", headers=other).status_code == 200


def test_every_change_of_accounts_refuses_keys(app: Flask, program: Programs) -> None:
    """Also views that are added later: all that change something below these addresses."""
    key = program("admin")._key
    changes = [
        (method, rule.rule.replace("<name>", "teacher"))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & {"POST", "PATCH", "PUT", "DELETE"}
        if rule.rule.startswith(("/users", "/api/v1/users", "/account", "/api/v1/me"))
    ]
    assert len(changes) >= 12
    for method, path in changes:
        path = re.sub("<int[^>]*>", "1", path)
        answer = app.test_client().open(path, method=method, headers=key)
        assert answer.status_code == 403, (method, path)
