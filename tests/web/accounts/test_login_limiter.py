"""Password guessing is limited without locking out the owners of accounts."""

from __future__ import annotations

import contextlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient

from appliance.errors import BadInput
from tests.web.conftest import PASSWORD, Browser, Clock
from web.accounts.login_limiter import (
    FRESH_IN_TOTAL,
    FRESH_PER_ACCOUNT,
    IN_TOTAL,
    PER_ACCOUNT,
    PER_ADDRESS,
    WINDOW_S,
    LoginLimiter,
    client_network,
)
from web.context import EXTENSION

GUESSES = 10_000 if "LECTERN_LONG" in os.environ else 300


class TestPasswordGuessing:
    def guess(self, client: FlaskClient, token: str, address: str, name: str, word: str) -> int:
        answer = client.post(
            "/login",
            data={"csrf": token, "name": name, "password": word},
            environ_overrides={"REMOTE_ADDR": address},
        )
        return answer.status_code

    def test_thousands_of_guesses_allow_few_attempts(
        self, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        browser = app.test_client()
        assert isinstance(browser, Browser)
        checks = 0
        here = app.extensions[EXTENSION]
        check = here.users.authenticate

        def counted(name: str, password: str) -> object:
            nonlocal checks
            checks += 1
            return check(name, password)

        monkeypatch.setattr(here.users, "authenticate", counted)
        token = browser.token()
        codes = [
            self.guess(browser, token, "10.0.0.9", f"user{n % 50}", str(n)) for n in range(GUESSES)
        ]
        assert set(codes) == {403, 429}
        assert codes.count(403) == checks == PER_ADDRESS

    def test_one_account_is_protected_against_many_addresses(self, clock: Clock) -> None:
        throttle, passed = LoginLimiter(clock.monotonic), 0
        for n in range(1000):
            try:
                throttle.register_attempt(f"10.0.{n % 250}.{n // 250}", "admin")
            except Exception:
                continue
            passed += 1
        assert passed == PER_ACCOUNT + FRESH_PER_ACCOUNT

    def test_concurrent_guesses_are_limited_as_sequential_ones(self, clock: Clock) -> None:
        """All guesses start before the first one has been found wrong; hashing takes a while."""
        throttle, together = LoginLimiter(clock.monotonic), threading.Barrier(40)

        def guess(n: int) -> bool:
            together.wait(10)
            try:
                throttle.register_attempt("10.0.0.9", "admin")
            except BadInput:
                return False
            return True

        with ThreadPoolExecutor(40) as browsers:
            assert sum(browsers.map(guess, range(40))) == PER_ACCOUNT

    def test_successful_login_is_not_throttled(self, clock: Clock) -> None:
        throttle = LoginLimiter(clock.monotonic)
        for n in range(IN_TOTAL + 5):
            throttle.register_success(throttle.register_attempt(f"10.0.{n}.1", "admin"))
        throttle.register_attempt("10.9.9.9", "admin")

    def test_many_accounts_from_many_addresses_are_limited(self, clock: Clock) -> None:
        throttle, passed = LoginLimiter(clock.monotonic), 0
        for n in range(5000):
            try:
                throttle.register_attempt(f"10.{n // 250}.{n % 250}.1", f"user{n}")
            except Exception:
                continue
            passed += 1
        assert passed == IN_TOTAL + FRESH_IN_TOTAL

    def test_trusted_network_is_not_blocked(self, app: Flask) -> None:
        browser = app.test_client()
        assert isinstance(browser, Browser)
        token = browser.token()
        assert self.guess(browser, token, "192.168.1.5", "teacher", PASSWORD) == 302
        fresh = app.test_client()
        assert isinstance(fresh, Browser)
        token = fresh.token()
        for n in range(PER_ACCOUNT + 3):
            self.guess(fresh, token, f"10.0.0.{n}", "teacher", "no")
        assert self.guess(fresh, token, "10.0.0.1", "teacher", PASSWORD) == 429
        assert self.guess(fresh, token, "192.168.1.5", "teacher", PASSWORD) == 302

    def test_waiting_time_is_reported_and_ends(self, app: Flask, clock: Clock) -> None:
        browser = app.test_client()
        assert isinstance(browser, Browser)
        token = browser.token()
        for _ in range(PER_ACCOUNT):
            self.guess(browser, token, "10.0.0.9", "teacher", "no")
        answer = browser.post(
            "/login",
            data={"csrf": token, "name": "teacher", "password": "no"},
            environ_overrides={"REMOTE_ADDR": "10.0.0.9"},
        )
        wait = int(answer.headers["Retry-After"])
        assert answer.status_code == 429 and 0 < wait <= 600
        assert f"Wait {wait} seconds" in answer.text
        clock.time += wait + 1
        assert self.guess(browser, token, "10.0.0.9", "teacher", PASSWORD) == 302

    @pytest.mark.parametrize("jump", [-1e9, 1e9])
    def test_changed_clock_neither_ends_nor_prolongs_a_wait(
        self, app: Flask, clock: Clock, jump: float
    ) -> None:
        browser = app.test_client()
        assert isinstance(browser, Browser)
        token = browser.token()
        for _ in range(PER_ADDRESS):
            self.guess(browser, token, "10.0.0.9", f"user{_}", "no")
        clock.error = jump
        assert self.guess(browser, token, "10.0.0.9", "teacher", PASSWORD) == 429
        clock.time += WINDOW_S + 1
        assert self.guess(browser, token, "10.0.0.9", "teacher", PASSWORD) == 302

    def test_strangers_cannot_lock_out_the_owner_at_a_new_address(self, clock: Clock) -> None:
        """Ten addresses fail without end; another address is admitted at any time."""
        throttle = LoginLimiter(clock.monotonic)
        for minute in range(24 * 60):
            for n in range(10):
                with contextlib.suppress(BadInput):
                    throttle.register_attempt(f"10.0.0.{n}", "teacher")
            if minute % 60 == 0:
                address = f"10.1.{minute // 60}.1"
                throttle.register_success(throttle.register_attempt(address, "teacher"))
            clock.time += 60

    def test_known_browser_is_admitted_at_the_address_of_an_attacker(self, app: Flask) -> None:
        owner, attacker = app.test_client(), app.test_client()
        assert isinstance(owner, Browser) and isinstance(attacker, Browser)
        assert self.guess(owner, owner.token(), "192.168.1.5", "teacher", PASSWORD) == 302
        cookie = owner.get_cookie("lectern_device")
        assert cookie and cookie.http_only and cookie.same_site == "Strict"
        owner.delete_cookie("lectern")
        owner.csrf = ""
        for n in range(PER_ADDRESS + 5):
            self.guess(attacker, attacker.token(), "10.0.0.9", f"user{n % 7}", str(n))
        assert self.guess(attacker, attacker.token(), "10.0.0.9", "teacher", PASSWORD) == 429
        assert self.guess(owner, owner.token(), "10.0.0.9", "teacher", PASSWORD) == 302
        # It does not help with another account, and has a limit of its own.
        owner.delete_cookie("lectern")
        owner.csrf = ""
        assert self.guess(owner, owner.token(), "10.0.0.9", "admin", PASSWORD) == 429
        codes = [
            self.guess(owner, owner.token(), "10.0.0.9", "teacher", str(n))
            for n in range(PER_ACCOUNT + 5)
        ]
        assert codes == [403] * PER_ACCOUNT + [429] * 5

    def test_device_cookie_of_a_stranger_is_not_known(self, app: Flask) -> None:
        devices = app.extensions[EXTENSION].devices
        own = devices.remember("", "teacher")
        assert devices.find(own, "Teacher") and devices.remember(own, "admin") == own
        for value, name in (
            (own, "other"),
            ("", "teacher"),
            ("x" * 43, "teacher"),
            ("\0", "teacher"),
        ):
            assert devices.find(value, name) == ""
        devices.forget("teacher")
        assert not devices.find(own, "teacher") and devices.find(own, "admin")

    def test_own_sign_ins_do_not_reset_the_counters_of_an_attacker(self, clock: Clock) -> None:
        throttle, passed = LoginLimiter(clock.monotonic), 0
        for _ in range(200):
            with contextlib.suppress(BadInput):
                throttle.register_success(throttle.register_attempt("10.0.0.9", "mallory"))
            with contextlib.suppress(BadInput):
                throttle.register_attempt("10.0.0.9", "admin")
                passed += 1
        assert passed == PER_ACCOUNT

    def test_ipv6_addresses_of_a_network_count_as_one(self) -> None:
        assert client_network("2001:db8::1") == client_network("2001:db8::ffff:1")
        assert client_network("2001:db8:1::1") != client_network("2001:db8:2::1")
        assert client_network("::ffff:10.0.0.1") == client_network("10.0.0.1")
