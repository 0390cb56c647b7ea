"""What one user, and one address, may have open at the same time."""

from __future__ import annotations

import logging

import pytest

from tests.web.conftest import Clock
from web.services.client_limits import LOG_INTERVAL_S, ClientLimits


def test_limits_of_user_address_and_all() -> None:
    limits = ClientLimits("streams", 4, per_user=3, per_address=2)
    first = limits.acquire("Ann", "10.0.0.1")
    assert first is not None
    assert limits.acquire("ann", "10.0.0.1") is not None
    assert limits.acquire("bob", "10.0.0.1") is None
    assert limits.acquire("ANN", "10.0.0.2") is not None
    assert limits.acquire("ann", "10.0.0.3") is None
    assert limits.acquire("bob", "10.0.0.3") is not None
    assert limits.acquire("eve", "10.0.0.4") is None
    first()
    first()
    assert limits.acquire("eve", "10.0.0.1") is not None
    assert limits.acquire("eve", "10.0.0.5") is None


def test_address_of_a_proxy_is_not_limited() -> None:
    limits = ClientLimits("streams", 9, per_user=9, per_address=1)
    assert all(limits.acquire(user, "127.0.0.1") is not None for user in "abcdefghi")


def test_refusals_are_logged_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    clock = Clock()
    limits = ClientLimits("streams", 1, per_user=1, per_address=1, now=clock)
    limits.acquire("ann", "10.0.0.1")
    for _ in range(100):
        limits.acquire("ann", "10.0.0.1")
    assert caplog.messages == ["refused 'ann' at 10.0.0.1: too many streams"]
    clock.time += LOG_INTERVAL_S
    limits.acquire("eve", "10.0.0.2")
    assert len(caplog.messages) == 2
