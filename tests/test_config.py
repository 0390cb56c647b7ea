"""Tests of the configuration: the example file, loading, and problems with their lines."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from appliance.commands.overrides import add_override_options, overrides_from
from appliance.config import (
    PROJECT,
    SYSTEM_ROOT,
    Config,
    check_config,
    default_root,
    find_config,
    load_config,
    overrides_from_options,
)
from appliance.config_file import _CODES, ConfigProblem, list_keys
from appliance.errors import BadInput
from appliance.inbox.job_file import read_job_file, to_overrides


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "box.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def found(problems: list[ConfigProblem]) -> list[tuple[int, str, str, str]]:
    return [(p.line, p.key, p.value, p.error.code) for p in problems]


class TestExampleFile:
    """``config.yaml`` is the reference for users, so it must agree with the code."""

    def test_every_value_is_the_default(self, project: Path) -> None:
        assert load_config(project / "config.yaml") == Config()

    def test_every_key_is_listed_in_order(self, project: Path) -> None:
        written: dict[str, Any] = yaml.safe_load((project / "config.yaml").read_text())
        listed: list[str] = []
        for name, value in written.items():
            listed += [f"{name}.{key}" for key in value] if isinstance(value, dict) else [name]
        assert listed == list_keys(Config)

    def test_every_section_and_key_is_explained(self, project: Path) -> None:
        lines = (project / "config.yaml").read_text().splitlines()
        unexplained = [
            line
            for above, line in zip(["", *lines], lines, strict=False)
            if ":" in line and "#" not in line and not above.startswith("#")
        ]
        assert unexplained == ["  port: 8080"]


class TestLoading:
    def test_missing_keys_have_their_defaults(self, tmp_path: Path) -> None:
        config = load_config(write(tmp_path, "video:\n  crf: 23\n"))
        assert config.video.crf == 23
        assert config.model_copy(update={"video": Config().video}) == Config()

    @pytest.mark.parametrize(
        "text", ["", "# nothing\n", "video:\n", "video:\n  crf:\nroot: null\n"]
    )
    def test_empty_keys_have_their_defaults(self, tmp_path: Path, text: str) -> None:
        assert load_config(write(tmp_path, text)) == Config()

    def test_windows_line_ends_and_byte_order_mark_are_accepted(self, tmp_path: Path) -> None:
        text = b"\xef\xbb\xbfvideo:\r\n  crf: 23\r\n"
        assert load_config(write(tmp_path, text)).video.crf == 23

    def test_relative_root_is_relative_to_the_files_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write(tmp_path, "root: data/box\n")
        monkeypatch.chdir(tmp_path)
        assert load_config(Path(path.name)).root == tmp_path.resolve() / "data" / "box"

    def test_absolute_root_and_home_folder_are_accepted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", "/home/teacher")
        assert load_config(write(tmp_path, "root: /srv/lectern")).root == Path("/srv/lectern")
        assert load_config(write(tmp_path, "root: ~/box")).root == Path("/home/teacher/box")

    def test_configuration_is_immutable(self) -> None:
        with pytest.raises(ValidationError, match="frozen"):
            Config().video.crf = 1

    def test_problem_raises_an_error_with_line_and_cure(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput) as caught:
            load_config(write(tmp_path, "root: ./box\nvideo:\n  crf: 99\n"))
        assert caught.value.code == "config_too_high"
        assert caught.value.text() == "Line 3 of box.yaml sets video.crf to 99, which is too high."
        assert caught.value.cure() == "Use 51 or less."

    def test_json_is_accepted(self, tmp_path: Path) -> None:
        text = '{"video": {"crf": 23}, \'score\': {"enabled": false}}'
        config = load_config(write(tmp_path, text))
        assert config.video.crf == 23 and not config.score.enabled

    def test_missing_file_is_reported(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput) as caught:
            load_config(tmp_path / "nowhere.yaml")
        assert caught.value.code == "file_missing"

    def test_folder_is_reported_as_unreadable(self, tmp_path: Path) -> None:
        assert found(check_config(tmp_path)) == [(0, "", "", "file_unreadable")]


class TestFinding:
    def test_environment_takes_precedence_over_the_checkout(self) -> None:
        assert find_config({"LECTERN_CONFIG": "/srv/my.yaml"}) == Path("/srv/my.yaml")
        assert find_config({"LECTERN_CONFIG": ""}) == PROJECT / "config.yaml"
        assert find_config({}) == PROJECT / "config.yaml"

    def test_file_named_by_the_environment_must_exist(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LECTERN_CONFIG", str(tmp_path / "nowhere.yaml"))
        with pytest.raises(BadInput, match="file_missing"):
            load_config()

    def test_installed_package_uses_the_system_folders(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("appliance.config.PROJECT", tmp_path)
        monkeypatch.setattr("appliance.config.SYSTEM_CONFIG", tmp_path / "etc.yaml")
        assert default_root() == SYSTEM_ROOT
        assert find_config({}) is None
        (tmp_path / "etc.yaml").touch()
        assert find_config({}) == tmp_path / "etc.yaml"


PROBLEMS = [
    # text of the file; expected problems: line, key, value, code
    ("rooot: ./box", [(1, "rooot", "./box", "config_key_misspelled")]),
    ("telephone: 5", [(1, "telephone", "5", "config_key_unknown")]),
    ("vidoe:\n  crf: 3", [(1, "vidoe", "crf: 3", "config_key_misspelled")]),
    ("video:\n\n  qrf: 3", [(3, "video.qrf", "3", "config_key_misspelled")]),
    ("1: 2", [(1, "1", "2", "config_key_unknown")]),
    ("? [a]\n: b", [(1, "[a]", "b", "config_key_unknown")]),
    ("video: 5", [(1, "video", "5", "config_not_section")]),
    ("video: [crf]", [(1, "video", "[crf]", "config_not_section")]),
    ('video: {crf: "18"}', [(1, "video.crf", '"18"', "config_not_integer")]),
    ("video:\n  crf: true", [(2, "video.crf", "true", "config_not_integer")]),
    ("video:\n  crf: 18.5 # fine", [(2, "video.crf", "18.5", "config_not_integer")]),
    ("video:\n  crf: -1", [(2, "video.crf", "-1", "config_too_low")]),
    ("video:\n  crf: 52", [(2, "video.crf", "52", "config_too_high")]),
    ("video:\n  crf: {a: 1}", [(2, "video.crf", "{a: 1}", "config_not_integer")]),
    ("video:\n  badge: yess", [(2, "video.badge", "yess", "config_not_boolean")]),
    ("video:\n  badge: 1", [(2, "video.badge", "1", "config_not_boolean")]),
    ("video:\n  badge_text: 7", [(2, "video.badge_text", "7", "config_not_text")]),
    ("video:\n  badge_text: ''", [(2, "video.badge_text", "''", "config_invalid")]),
    ("video:\n  preset: warp", [(2, "video.preset", "warp", "config_not_a_choice")]),
    ("lips:\n  amplitude: wide", [(2, "lips.amplitude", "wide", "config_not_number")]),
    ("lips:\n  amplitude: .nan", [(2, "lips.amplitude", ".nan", "config_not_number")]),
    ("lips:\n  providers: cpu", [(2, "lips.providers", "cpu", "config_not_list")]),
    ("lips:\n  providers: []", [(2, "lips.providers", "[]", "config_invalid")]),
    (
        "lips:\n  providers:\n  - cpu\n  - dsp",
        [(4, "lips.providers", "dsp", "config_not_a_choice")],
    ),
    ("root: 5", [(1, "root", "5", "config_not_text")]),
    ("root: 2024-01-01", [(1, "root", "2024-01-01", "config_not_text")]),
    ("video:\n  crf: 1\n  crf: 2", [(3, "video.crf", "2", "config_duplicate_key")]),
    (
        "face: {index: 0}\nvideo: {}\nface: {index: 1}",
        [(3, "face", "{index: 1}", "config_duplicate_key")],
    ),
    ("- a\n- b", [(1, "", "- a - b", "config_not_mapping")]),
    ("hello", [(1, "", "hello", "config_not_mapping")]),
    ("video:\n\tcrf: 3", [(2, "", "", "config_syntax")]),
    ("video: [1\nface: 2", [(2, "", "", "config_syntax")]),
    ("root: 'box\n", [(2, "", "", "config_syntax")]),
    ("root: !!python/object:os.system x", [(1, "", "", "config_syntax")]),
    ("root: a\n---\nroot: b", [(2, "", "", "config_syntax")]),
    ("a: &a [*a]", [(1, "", "", "config_syntax")]),
    (b"root: a\nvideo: \x01", [(2, "", "", "config_syntax")]),
    ("root: a\n# Zürich\n".encode("latin-1"), [(2, "", "", "config_syntax")]),
]


class TestProblems:
    @pytest.mark.parametrize(("text", "expected"), PROBLEMS, ids=[repr(t) for t, _ in PROBLEMS])
    def test_problem_has_line_key_value_and_code(
        self, tmp_path: Path, text: str | bytes, expected: list[tuple[int, str, str, str]]
    ) -> None:
        assert found(check_config(write(tmp_path, text))) == expected

    def test_all_problems_are_found_in_the_order_of_the_lines(self, tmp_path: Path) -> None:
        text = "lips:\n  precision: fp8\nvideo:\n  crf: 1\n  crf: 2\n  badge: 3\nscroe: {}\n"
        assert [(m.line, m.error.code) for m in check_config(write(tmp_path, text))] == [
            (2, "config_not_a_choice"),
            (5, "config_duplicate_key"),
            (6, "config_not_boolean"),
            (7, "config_key_misspelled"),
        ]

    @pytest.mark.parametrize(
        ("text", "cure"),
        [
            ("video: {presett: fast}", "Write video.preset instead, or remove the line."),
            ("crf: 3", "Write video.crf instead, or remove the line."),
            ("vidio: {crf: 3}", "Write video instead, or remove the line."),
            ("lips: {precision: fp8}", "Use one of these values: auto, fp32, fp16, int8."),
            ("face: {max_yaw_deg: 91}", "Use 90 or less."),
            ("speech: {speed: 0.1}", "Use 0.5 or more."),
        ],
    )
    def test_cure_suggests_a_correction(self, tmp_path: Path, text: str, cure: str) -> None:
        (problem,) = check_config(write(tmp_path, text))
        assert problem.error.cure() == cure

    def test_long_value_is_shortened(self, tmp_path: Path) -> None:
        (problem,) = check_config(write(tmp_path, "video:\n  crf: " + "x" * 500))
        assert problem.value == "x" * 57 + "..."

    def test_valid_file_has_no_problems(self, tmp_path: Path) -> None:
        assert check_config(write(tmp_path, "root: /srv/box\nvideo: {crf: 20}\n")) == []


def test_every_key_is_used(project: Path) -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for package in ("appliance", "web")
        for path in (project / package).rglob("*.py")
        if path.name not in {"config.py", "config_file.py"}
    )

    def is_read(key: str) -> bool:
        """Keys of one word are common words: they must follow the section's name."""
        section, _, name = key.rpartition(".")
        owner = rf"(\b{section}|settings)" if "_" not in name and section else ""
        return re.search(rf"{owner}\.{name}\b", code) is not None

    assert [key for key in list_keys(Config) if not is_read(key)] == []


def test_every_kind_of_limit_has_a_code() -> None:
    """Without a code of its own, users would read pydantic's text."""
    bounds = {"ge": "greater_than_equal", "le": "less_than_equal"}
    lengths = {"min_length", "max_length"}  # rare: config_invalid contains pydantic's text

    def constraints(model: type[BaseModel]) -> set[str]:
        names: set[str] = set()
        for field in model.model_fields.values():
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                names |= constraints(inner)
            for rule in field.metadata:
                names |= {name for name in (*bounds, *lengths, "gt", "lt") if hasattr(rule, name)}
        return names

    assert constraints(Config) <= set(bounds) | lengths
    assert set(bounds.values()) <= set(_CODES)


class TestPersonalization:
    @pytest.mark.parametrize("text", ["off", "'off'", "no", "false"])
    def test_off_is_read_with_and_without_quotes(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "config.yaml"
        path.write_text(f"personalization: {{motion: {text}}}\n")
        assert load_config(path).personalization.motion == "off"

    def test_anything_else_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "config.yaml"
        for text in ("on", "sometimes", "0"):
            path.write_text(f"personalization: {{motion: {text}}}\n")
            with pytest.raises(BadInput):
                load_config(path)

    def test_job_option_and_command_line_set_every_key(self, tmp_path: Path) -> None:
        off = overrides_from_options({"personalization": "off"})
        assert off["personalization"].keys() == type(Config().personalization).model_fields.keys()
        assert set(off["personalization"].values()) == {"off"} and len(off) == 1
        parser = argparse.ArgumentParser()
        add_override_options(parser)
        assert overrides_from(parser.parse_args(["--no-personalization"])) == off
        assert overrides_from(parser.parse_args([])) == {}
        job = tmp_path / "job.yaml"
        job.write_text("personalization: off\n")
        settings, problems = read_job_file(job)
        assert problems == [] and to_overrides(settings) == off
