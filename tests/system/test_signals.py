from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import pytest

from appliance.system.signals import install_signal_handlers, raise_if_interrupted


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The process' own, afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    install_signal_handlers()
    yield
    install_signal_handlers()  # forgets what was wished here
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_wish_that_a_library_swallowed_is_remembered(number: signal.Signals) -> None:
    raise_if_interrupted()
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(number)
    with pytest.raises(KeyboardInterrupt):
        raise_if_interrupted()


def test_a_new_command_knows_nothing_of_earlier_wishes() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    install_signal_handlers()
    raise_if_interrupted()
