"""Refusals are logged in few lines."""

from __future__ import annotations

import logging

import pytest

from tests.web.conftest import Clock
from web.server.refusal_log import INTERVAL_S, MAX_ADDRESSES, RefusalLog


def test_one_line_for_an_address_and_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    clock = Clock()
    refusals = RefusalLog(clock)
    for _ in range(3):
        for _ in range(100):
            refusals.add("10.0.0.1", "connections too many")
        refusals.write()
        clock.time += 1
    assert caplog.messages == ["refused 10.0.0.1: 100 connections too many"]
    clock.time += INTERVAL_S
    refusals.write()
    assert caplog.messages[1:] == ["refused 10.0.0.1: 200 connections too many"]


def test_many_addresses_do_not_fill_the_log_or_the_memory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    refusals = RefusalLog(Clock())
    for number in range(10_000):
        refusals.add(f"10.0.{number // 250}.{number % 250}", "requests arrived too slowly")
        refusals.write()
    assert len(caplog.messages) == MAX_ADDRESSES
    assert len(refusals._counts) <= 10 * MAX_ADDRESSES
