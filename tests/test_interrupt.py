from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import pytest

from appliance.interrupt import listen_for_signals, stop_if_wished


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The process' own, afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    listen_for_signals()
    yield
    listen_for_signals()  # forgets what was wished here
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_wish_that_a_library_swallowed_is_remembered(number: signal.Signals) -> None:
    stop_if_wished()
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(number)
    with pytest.raises(KeyboardInterrupt):
        stop_if_wished()


def test_a_new_command_knows_nothing_of_earlier_wishes() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    listen_for_signals()
    stop_if_wished()
