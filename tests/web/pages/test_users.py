"""Set-up, sign-in, accounts: who gets in, and how far."""

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


class TestSetUp:
    def test_a_new_box_leads_to_its_set_up(self, fresh: Flask) -> None:
        browser = browser_of(fresh)
        assert browser.get("/").location == "/setup"
        assert browser.get("/login").location == "/setup"
        page = browser.get("/setup")
        assert page.status_code == 200
        assert fresh.extensions[EXTENSION].setup_code not in page.text

    def test_the_code_of_the_log_makes_the_administrator_once(self, fresh: Flask) -> None:
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
    def test_what_is_wrong_is_said_in_the_page(
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

    def test_the_code_cannot_be_guessed(self, fresh: Flask) -> None:
        browser, here = browser_of(fresh), fresh.extensions[EXTENSION]
        browser.csrf = csrf(browser, "/setup")
        for _ in range(8):
            assert browser.change("/setup", **fields("AAAA")).status_code == 403
        assert browser.change("/setup", **fields(here.setup_code)).status_code == 429


def csrf(browser: Browser, path: str) -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', browser.get(path).text)
    assert found
    return found[1]


class TestSignIn:
    def test_the_right_password_opens_the_page_that_was_asked_for(self, app: Flask) -> None:
        browser = browser_of(app)
        assert browser.get("/account").location == "/login?next=/account"
        answer = browser.change("/login", name="Teacher", password=PASSWORD, next="/account")
        assert (answer.status_code, answer.location) == (302, "/account")
        cookie = browser.get_cookie("lectern")
        assert cookie and cookie.http_only and cookie.same_site == "Strict"

    @pytest.mark.parametrize(
        "elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", ""]
    )
    def test_it_never_leads_elsewhere(self, app: Flask, elsewhere: str) -> None:
        answer = browser_of(app).change("/login", name="teacher", password=PASSWORD, next=elsewhere)
        assert answer.location == "/"

    def test_a_wrong_password_and_an_unknown_name_are_told_alike(self, app: Flask) -> None:
        browser = browser_of(app)
        wrong = browser.change("/login", name="teacher", password="no")
        unknown = browser.change("/login", name="nobody", password="no")
        assert wrong.status_code == unknown.status_code == 403
        assert wrong.text.replace("teacher", "nobody") == unknown.text
        assert browser.get_cookie("lectern") is None

    def test_it_ends_after_idleness_which_live_pages_do_not_break(
        self, sign_in: SignIn, clock: Clock
    ) -> None:
        browser = sign_in("teacher")
        clock.time += 119 * 60
        assert browser.get("/account").status_code == 200
        clock.time += 119 * 60
        assert browser.get("/account", headers={"X-Lectern-Live": "1"}).status_code == 200
        clock.time += 2 * 60
        assert browser.get("/account").status_code == 302

    def test_signing_out_makes_the_cookie_worthless(self, app: Flask, sign_in: SignIn) -> None:
        browser = sign_in("teacher")
        cookie = browser.get_cookie("lectern")
        assert cookie
        assert browser.change("/logout").location == "/login"
        thief = browser_of(app)
        thief.set_cookie("lectern", cookie.value)
        assert thief.get("/account").status_code == 302

    def test_sign_ins_outlive_a_restart(self, app: Flask, sign_in: SignIn, clock: Clock) -> None:
        from web.app import create_app

        browser = sign_in("teacher")
        cookie = browser.get_cookie("lectern")
        assert cookie
        here: Panel = app.extensions[EXTENSION]
        again = create_app(here.config, now=clock)
        client = again.test_client()
        client.set_cookie("lectern", cookie.value)
        assert client.get("/account").status_code == 200
        again.extensions[EXTENSION].users.close()


class TestAccounts:
    def test_only_administrators_see_them(self, sign_in: SignIn) -> None:
        assert sign_in("admin").get("/users").status_code == 200
        for name in ("teacher", "viewer"):
            answer = sign_in(name).get("/users")
            assert answer.status_code == 403
            assert "not have permission to do this" in answer.text

    def test_a_new_account_can_sign_in(self, app: Flask, sign_in: SignIn) -> None:
        admin = sign_in("admin")
        answer = admin.change("/users", name="王老师", role="teacher", password=PASSWORD)
        assert answer.status_code == 302
        assert "王老师" in admin.get("/users").text
        answer = browser_of(app).change("/login", name="王老师", password=PASSWORD)
        assert answer.status_code == 302

    def test_a_new_password_ends_the_persons_sign_ins(self, sign_in: SignIn) -> None:
        teacher, admin = sign_in("teacher"), sign_in("admin")
        assert admin.change("/users/teacher/password", password="another long one").location
        assert teacher.get("/account").status_code == 302

    def test_the_last_administrator_stays(self, sign_in: SignIn) -> None:
        admin = sign_in("admin")
        for answer in (
            admin.change("/users/admin/delete"),
            admin.change("/users/admin/role", role="viewer"),
        ):
            assert answer.status_code == 409
            assert "only administrator" in answer.text

    def test_a_deleted_account_is_out_at_once(self, sign_in: SignIn) -> None:
        teacher, admin = sign_in("teacher"), sign_in("admin")
        admin.change("/users/teacher/delete")
        assert teacher.get("/account").status_code == 302
        assert admin.change("/users/teacher/delete").status_code == 404

    def test_changing_ones_own_password_asks_for_the_old_one(
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

    def test_a_key_opens_what_its_owner_may_and_is_shown_once(
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


class TestProgramsToo:
    """The API's changes of accounts end sign-ins as the page's do."""

    @pytest.mark.parametrize(
        ("method", "body"), [("PATCH", {"password": "another four words"}), ("DELETE", None)]
    )
    def test_a_new_password_or_none_ends_the_persons_sign_ins(
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
