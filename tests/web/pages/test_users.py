"""Setup, sign-in and user accounts."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.web.conftest import PASSWORD, Browser, Clock, SignIn
from web.context import EXTENSION, Panel


def browser_of(app: Flask) -> Browser:
    client = app.test_client()
    assert isinstance(client, Browser)
    return client


def fields(code: str, **more: str) -> dict[str, str]:
    return {
        "code": code,
        "name": "Ms Li".replace(" ", "."),
        "password": PASSWORD,
        "confirm_password": PASSWORD,
        **more,
    }


class TestSetup:
    def test_new_device_redirects_to_setup(self, fresh: Flask) -> None:
        browser = browser_of(fresh)
        assert browser.get("/").location == "/setup"
        assert browser.get("/login").location == "/setup"
        page = browser.get("/setup")
        assert page.status_code == 200
        assert fresh.extensions[EXTENSION].setup_code not in page.text

    def test_setup_code_creates_the_administrator_once(self, fresh: Flask) -> None:
        browser, here = browser_of(fresh), fresh.extensions[EXTENSION]
        browser.csrf = csrf(browser, "/setup")
        code = here.setup_code.lower().replace("-", " ")
        assert browser.change("/setup", **fields(code)).location == "/"
        assert browser.get("/").status_code == 200
        assert [p.role.value for p in here.users.all()] == ["admin"]
        other = browser_of(fresh)
        other.csrf = csrf(other, "/login")
        assert other.change("/setup", **fields(here.setup_code, name="thief")).location == "/"
        assert len(here.users.all()) == 1

    @pytest.mark.parametrize(
        ("change", "status", "words"),
        [
            ({"code": "AAAA-BBBB-CCCC"}, 403, "setup code is wrong"),
            ({"password": "short", "confirm_password": "short"}, 400, "too short"),
            ({"confirm_password": "something else"}, 400, "do not match"),
            ({"name": "a/../b"}, 400, "cannot be used for an account"),
        ],
    )
    def test_setup_errors_are_shown(
        self, fresh: Flask, change: dict[str, str], status: int, words: str
    ) -> None:
        browser, here = browser_of(fresh), fresh.extensions[EXTENSION]
        browser.csrf = csrf(browser, "/setup")
        answer = browser.change(
            "/setup",
            **fields(here.setup_code, **{k: v for k, v in change.items() if k != "code"})
            if "code" not in change
            else fields(change["code"]),
        )
        assert answer.status_code == status
        assert words in answer.text
        assert here.users.is_empty()

    def test_setup_code_guesses_are_limited(self, fresh: Flask) -> None:
        browser, here = browser_of(fresh), fresh.extensions[EXTENSION]
        browser.csrf = csrf(browser, "/setup")
        for _ in range(8):
            assert browser.change("/setup", **fields("AAAA")).status_code == 403
        assert browser.change("/setup", **fields("AAAA")).status_code == 429
        assert here.users.is_empty()


def csrf(browser: Browser, path: str) -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', browser.get(path).text)
    assert found
    return found[1]


class TestSignIn:
    def test_login_redirects_to_the_requested_page(self, app: Flask) -> None:
        browser = browser_of(app)
        assert browser.get("/account").location == "/login?next=/account"
        answer = browser.change("/login", name="Teacher", password=PASSWORD, next="/account")
        assert (answer.status_code, answer.location) == (302, "/account")
        cookie = browser.get_cookie("lectern")
        assert cookie and cookie.http_only and cookie.same_site == "Strict"

    @pytest.mark.parametrize(
        "elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", ""]
    )
    def test_login_never_redirects_to_another_site(self, app: Flask, elsewhere: str) -> None:
        answer = browser_of(app).change("/login", name="teacher", password=PASSWORD, next=elsewhere)
        assert answer.location == "/"

    def test_wrong_password_and_unknown_name_look_the_same(self, app: Flask) -> None:
        browser = browser_of(app)
        wrong = browser.change("/login", name="teacher", password="no")
        unknown = browser.change("/login", name="nobody", password="no")
        assert wrong.status_code == unknown.status_code == 403
        assert wrong.text.replace("teacher", "nobody") == unknown.text
        assert browser.get_cookie("lectern") is None

    def test_session_expires_despite_live_pages(self, sign_in: SignIn, clock: Clock) -> None:
        browser = sign_in("teacher")
        clock.time += 119 * 60
        assert browser.get("/account").status_code == 200
        clock.time += 119 * 60
        assert browser.get("/account", headers={"X-Lectern-Live": "1"}).status_code == 200
        clock.time += 2 * 60
        assert browser.get("/account").status_code == 302

    def test_sign_out_invalidates_the_cookie(self, app: Flask, sign_in: SignIn) -> None:
        browser = sign_in("teacher")
        cookie = browser.get_cookie("lectern")
        assert cookie
        assert browser.change("/logout").location == "/login"
        thief = browser_of(app)
        thief.set_cookie("lectern", cookie.value)
        assert thief.get("/account").status_code == 302

    def test_sessions_survive_a_restart(self, app: Flask, sign_in: SignIn, clock: Clock) -> None:
        from web.app import create_app

        browser = sign_in("teacher")
        cookie = browser.get_cookie("lectern")
        assert cookie
        here: Panel = app.extensions[EXTENSION]
        again = create_app(here.config, now=clock, monotonic=clock.monotonic)
        client = again.test_client()
        client.set_cookie("lectern", cookie.value)
        assert client.get("/account").status_code == 200
        again.extensions[EXTENSION].users.close()


class TestAccounts:
    def test_only_administrators_see_user_accounts(self, sign_in: SignIn) -> None:
        assert sign_in("admin").get("/users").status_code == 200
        for name in ("teacher", "viewer"):
            answer = sign_in(name).get("/users")
            assert answer.status_code == 403
            assert "not have permission to do this" in answer.text

    def test_new_user_can_sign_in(self, app: Flask, sign_in: SignIn) -> None:
        admin = sign_in("admin")
        answer = admin.change("/users", name="王老师", role="teacher", password=PASSWORD)
        assert answer.status_code == 302
        assert "王老师" in admin.get("/users").text
        answer = browser_of(app).change("/login", name="王老师", password=PASSWORD)
        assert answer.status_code == 302

    def test_new_password_ends_the_users_sessions(self, sign_in: SignIn) -> None:
        teacher, admin = sign_in("teacher"), sign_in("admin")
        assert admin.change("/users/teacher/password", password="another long one").location
        assert teacher.get("/account").status_code == 302

    def test_last_administrator_is_kept(self, sign_in: SignIn) -> None:
        admin = sign_in("admin")
        for answer in (
            admin.change("/users/admin/delete"),
            admin.change("/users/admin/role", role="viewer"),
        ):
            assert answer.status_code == 409
            assert "only administrator" in answer.text

    def test_deleted_user_is_signed_out(self, sign_in: SignIn) -> None:
        teacher, admin = sign_in("teacher"), sign_in("admin")
        admin.change("/users/teacher/delete")
        assert teacher.get("/account").status_code == 302
        assert admin.change("/users/teacher/delete").status_code == 404

    def test_changing_the_own_password_requires_the_current_one(
        self, app: Flask, sign_in: SignIn
    ) -> None:
        teacher, elsewhere = sign_in("teacher"), sign_in("teacher")
        new = {"password": "another long one", "confirm_password": "another long one"}
        assert (
            teacher.change("/account/password", current_password="wrong", **new).status_code == 403
        )
        assert (
            teacher.change("/account/password", current_password=PASSWORD, **new).status_code == 200
        )
        assert teacher.get("/account").status_code == 200
        assert elsewhere.get("/account").status_code == 302

    def test_api_key_has_the_owners_permissions_and_is_shown_once(
        self, app: Flask, sign_in: SignIn
    ) -> None:
        teacher = sign_in("teacher")
        page = teacher.change("/account/tokens", label="script").text
        found = re.search(r"lectern_[\w-]+", page)
        assert found
        assert found[0] not in teacher.get("/account").text
        program, headers = app.test_client(), {"Authorization": f"Bearer {found[0]}"}
        assert program.get("/account", headers=headers).status_code == 200
        assert program.get("/users", headers=headers).status_code == 403
        teacher.change("/account/tokens/1/revoke")
        assert program.get("/account", headers=headers).status_code == 302


class TestApi:
    """Account changes over the API end sessions as on the page."""

    @pytest.mark.parametrize(
        ("method", "body"), [("PATCH", {"password": "another four words"}), ("DELETE", None)]
    )
    def test_password_change_or_deletion_ends_the_users_sessions(
        self, sign_in: SignIn, method: str, body: dict[str, str] | None
    ) -> None:
        admin, teacher = sign_in("admin"), sign_in("teacher")
        assert teacher.get("/account").status_code == 200
        answer = admin.open(
            "/api/v1/users/teacher",
            method=method,
            json=body,
            headers={"X-CSRF-Token": admin.token()},
        )
        assert answer.status_code in (200, 204)
        assert teacher.get("/account").status_code == 302
        assert admin.get("/account").status_code == 200


def test_wrong_setup_codes_of_others_do_not_prevent_the_setup(fresh: Flask) -> None:
    here: Panel = fresh.extensions[EXTENSION]
    stranger, owner, codes = browser_of(fresh), browser_of(fresh), []
    stranger.csrf, owner.csrf = csrf(stranger, "/setup"), csrf(owner, "/setup")
    for _ in range(60):
        codes.append(stranger.change("/setup", **fields("AAAA")).status_code)
    assert set(codes) == {403, 429}
    assert owner.change("/setup", **fields(here.setup_code)).location == "/"
    assert [user.role.value for user in here.users.all()] == ["admin"]
