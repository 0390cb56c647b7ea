"""Tests of writing, rotating, searching and following log files."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from appliance.cli import main
from appliance.config import Config
from appliance.logs.line import job_context
from appliance.logs.read import follow, last_lines
from appliance.logs.write import configure_logging, log_path

log = logging.getLogger("lectern.test")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config.model_validate(
        {"root": tmp_path, "logs": {"max_file_mb": 0.1, "backup_count": 2}}
    )


class TestConfigureLogging:
    def test_log_is_complete_and_bounded_in_size(self, config: Config) -> None:
        with configure_logging(config.root, config.logs):
            for number in range(6000):
                log.info("event %d", number)
        path = log_path(config.root)
        files = sorted(path.parent.iterdir())
        assert [file.name for file in files] == ["lectern.log", "lectern.log.1", "lectern.log.2"]
        assert all(file.stat().st_size <= 100_000 for file in files)
        lines = last_lines(path, 2000)
        assert [line.message for line in lines] == [f"event {n}" for n in range(4000, 6000)]

    def test_json_format_and_level_are_applied(self, config: Config) -> None:
        settings = config.logs.model_copy(update={"json_lines": True, "level": "warning"})
        with configure_logging(config.root, settings):
            log.info("not this")
            with job_context(5):
                log.warning("this\nway")
        (line,) = log_path(config.root).read_text().splitlines()
        assert json.loads(line)["job"] == 5 and json.loads(line)["message"] == "this\nway"

    def test_unwritable_log_folder_is_only_a_warning(
        self, config: Config, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (config.root / "logs").write_text("a file where the folder should be")
        with configure_logging(config.root, config.logs):
            log.info("at work")
        errors = capsys.readouterr().err
        assert "the log file cannot be opened" in errors and "at work" in errors

    def test_full_disk_does_not_stop_the_program(self, config: Config) -> None:
        log_path(config.root).parent.mkdir()
        log_path(config.root).symlink_to("/dev/full")
        with configure_logging(config.root, config.logs):
            log.info("at work")

    def test_logging_is_restored_afterwards(self, config: Config) -> None:
        root = logging.getLogger()
        before = root.level, list(root.handlers)
        with configure_logging(config.root, config.logs):
            assert (root.level, root.handlers) != before
        assert (root.level, root.handlers) == before


class TestFollow:
    def test_following_continues_after_rotation(self, config: Config) -> None:
        path = log_path(config.root)
        with configure_logging(config.root, config.logs):
            log.info("old")
            rounds = iter(range(100))

            def pause() -> None:
                number = next(rounds)
                log.info("new %d", number)
                if number % 3 == 1:
                    for handler in logging.getLogger().handlers:
                        getattr(handler, "doRollover", lambda: None)()

            lines = follow(path, lambda line: "new" in line.message, pause=pause)
            assert [line.message for line in islice(lines, 9)] == [f"new {n}" for n in range(9)]

    def test_following_waits_for_a_missing_log(self, tmp_path: Path) -> None:
        path = tmp_path / "lectern.log"

        def lines() -> Iterator[str]:
            yield from ("", "", "2026-11-22T08:00:00+08:00 INFO    lectern: first\n")

        texts = lines()

        def pause() -> None:
            text = next(texts)
            if text:
                path.write_text(text)

        assert next(follow(path, pause=pause)).message == "first"


class TestCommand:
    def test_filters_of_the_command_are_applied(
        self, config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with configure_logging(config.root, config.logs), job_context(2):
            log.info("about two")
            log.warning("warning about two")
            with job_context(3):
                log.warning("about three")
        (tmp_path / "box.yaml").write_text("root: .\n")
        capsys.readouterr()
        arguments = ["logs", "--config", str(tmp_path / "box.yaml"), "--job", "2"]
        assert main([*arguments, "--level", "warning"]) == 0
        assert capsys.readouterr().out.endswith("job=2 lectern.test: warning about two\n")
        assert main([*arguments, "--json", "-n", "1"]) == 0
        assert json.loads(capsys.readouterr().out)["message"] == "warning about two"

    def test_missing_log_prints_nothing(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "box.yaml").write_text("root: .\n")
        assert main(["logs", "--config", str(tmp_path / "box.yaml")]) == 0
        assert capsys.readouterr().out == ""
