from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import pytest

from appliance.system.signals import install_signal_handlers, raise_if_interrupted


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Restore the handlers of the process afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    install_signal_handlers()
    yield
    install_signal_handlers()  # clears the interrupts of the test
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_swallowed_interrupt_is_raised_later(number: signal.Signals) -> None:
    raise_if_interrupted()
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(number)
    with pytest.raises(KeyboardInterrupt):
        raise_if_interrupted()


def test_installing_handlers_clears_earlier_interrupts() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    install_signal_handlers()
    raise_if_interrupted()
