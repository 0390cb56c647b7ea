"""Tests of formatting and parsing log lines."""

from __future__ import annotations

import json
import logging
import os
import sys
from types import TracebackType

import pytest

from appliance.logs.line import LogLine, job_context

Trace = tuple[type[BaseException], BaseException, TracebackType | None]


def record(text: str, level: int = logging.INFO, trace: Trace | None = None) -> logging.LogRecord:
    return logging.LogRecord("lectern.worker", level, "", 0, text, (), trace)


class TestLine:
    @pytest.mark.parametrize("job", [None, 17])
    def test_both_formats_are_parsed_back(self, job: int | None) -> None:
        line = LogLine(
            "2026-11-22T08:00:00.123+08:00", "warning", job, "lectern.worker", "课 is: x"
        )
        assert LogLine.parse(line.to_text()) == line == LogLine.parse(line.to_json())

    def test_job_number_is_added_inside_its_context(self) -> None:
        with job_context(3):
            inside = LogLine.from_record(record("a"))
        assert (inside.job, LogLine.from_record(record("b")).job) == (3, None)
        assert " job=3 lectern.worker: a" in inside.to_text()

    def test_control_characters_are_escaped(self) -> None:
        name = os.fsdecode(b"a\nb\x1b[31m\xff.mp4")
        line = LogLine.from_record(record(name))
        text = line.to_text()
        assert "\n" not in text and "\x1b" not in text
        text.encode()
        assert json.loads(line.to_json())["message"] == name

    def test_traceback_is_part_of_the_line(self) -> None:
        try:
            raise RuntimeError("why")
        except RuntimeError as error:
            info = (RuntimeError, error, error.__traceback__)
            text = LogLine.from_record(record("job 3", logging.CRITICAL, info)).to_text()
        assert "\n" not in text and text.endswith("RuntimeError: why") and " ERROR " in text
        assert sys.exc_info() == (None, None, None)

    @pytest.mark.parametrize(
        "invalid", ["", "{", '{"time": 1}', "2026-11-22 INFO", "Traceback (most", "[]"]
    )
    def test_invalid_line_is_none(self, invalid: str) -> None:
        assert LogLine.parse(invalid) is None

    def test_filter_by_job_and_level(self) -> None:
        line = LogLine("2026-11-22T08:00:00+08:00", "warning", 3, "lectern", "x")
        assert line.matches(None, "debug") and line.matches(3, "warning")
        assert not line.matches(4, "debug") and not line.matches(3, "error")
