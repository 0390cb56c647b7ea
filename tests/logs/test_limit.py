"""Floods of warnings do not push other lines out of the log."""

from __future__ import annotations

import logging
import logging.handlers
from collections.abc import Iterator

import pytest

from appliance.logs.limit import PER_KIND, PER_SOURCE, WINDOW_S, RepeatLimiter


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class Log:
    """A logger behind the limiter, with a clock that the test advances."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.written, self.second = Lines(), Lines()
        self.logger = logging.Logger("lectern.panel")
        self.logger.addHandler(
            RepeatLimiter([self.written, self.second], monotonic=lambda: self.seconds)
        )

    def refuse(self, source: str, times: int = 1) -> None:
        for number in range(times):
            self.logger.warning("refused %s: GET /%d", source, number, extra={"source": source})

    def count(self, text: str) -> int:
        return sum(text in line for line in self.written.lines)


@pytest.fixture
def log() -> Iterator[Log]:
    yield Log()


def test_one_source_gets_a_few_lines_and_others_theirs(log: Log) -> None:
    log.refuse("10.0.0.9", 100_000)
    log.refuse("10.0.0.1", 3)
    assert log.count("10.0.0.9") == PER_SOURCE and log.count("10.0.0.1") == 3
    assert log.count("left out") == 1 and "left out" in log.written.lines[PER_SOURCE - 1]
    assert log.second.lines == log.written.lines


def test_many_sources_share_the_lines_of_one_kind(log: Log) -> None:
    for number in range(5000):
        log.refuse(f"10.0.{number // 250}.{number % 250}")
    log.logger.warning("the disk is nearly full")
    log.logger.info("wang signed in")
    assert len(log.written.lines) == PER_KIND + 2


def test_information_is_never_left_out(log: Log) -> None:
    for number in range(500):
        log.logger.info("job %d is done", number)
    assert len(log.written.lines) == 500


def test_number_of_omitted_messages_is_written_later(log: Log) -> None:
    log.refuse("10.0.0.9", 1000)
    log.seconds += WINDOW_S
    log.refuse("10.0.0.9")
    assert log.written.lines[-1].endswith(
        f"({1000 - PER_SOURCE} similar messages were left out before this one)"
    )


def test_memory_is_limited(log: Log) -> None:
    limiter = log.logger.handlers[0]
    assert isinstance(limiter, RepeatLimiter)
    for number in range(5000):
        log.seconds += WINDOW_S
        log.refuse(str(number))
    assert len(limiter._counts) <= 2000
