"""The parameters of every kind of task."""

from __future__ import annotations

import math
import os
from typing import Any

import pytest

from appliance.errors import BadInput
from appliance.jobs.task_params import TASK_PARAMS, check_params

FILES = {"presenter": "/p.mp4", "lecture": "/a.wav"}
VALID: dict[str, dict[str, Any]] = {
    "enrolment": {"presenter": "/srv/presenters/wang.mp4", "learn": True},
    **{kind: {} for kind in ("doctor", "power_off", "restart_worker", "usb_list")},
    **{kind: {"device": "sda1"} for kind in ("usb_eject", "usb_export", "usb_import")},
    "preflight": {**FILES, "options": {"speech": {"speed": 1.5, "voice": "auto"}}},
    "preview": {**FILES, "at_s": 1.5, "options": {"video": {"badge": True}}},
}
REQUIRED = {
    "enrolment": {"presenter"},
    "preflight": {"presenter"},
    "preview": {"presenter", "lecture"},
}
WRONG: dict[str, list[object]] = {
    "learn": [None, 1, "yes", [True]],
    "device": [None, 1, b"sda1", "", "../sda1", "/dev/sda1", "sda1\n", "-f", "S", ["sda1"]],
    "presenter": [None, 1, "", "wang.mp4", "/p\0", "/" + "x" * 5000, ["/p.mp4"], b"/p.mp4"],
    "lecture": [1, "", "talk.wav", {"a": 1}],
    "at_s": [None, "1", -1, 86_401, math.nan, math.inf, True, 10**400],
    "options": [None, [], "x", {"video": 1}, {"video": {"crf": [1]}}, {"video": {"crf": None}},
                {"__class__": {}}, {"video": {"../x": 1}}, {"video": {"crf": math.nan}},
                {"video": {"badge_text": "x" * 500}}],
}  # fmt: skip
FOREIGN = ("ask", "action", "kind", "owner", "config", "target", "csrf", "", "device\0", "Device")


def test_every_kind_has_its_valid_parameters() -> None:
    assert VALID.keys() == TASK_PARAMS.keys()


@pytest.mark.parametrize("kind", VALID)
class TestEveryKind:
    def test_valid_parameters_are_unchanged(self, kind: str) -> None:
        assert check_params(kind, VALID[kind]).items() >= VALID[kind].items()

    @pytest.mark.parametrize("value", ["power_off", None, 1, {}])
    @pytest.mark.parametrize("name", FOREIGN)
    def test_foreign_parameter_is_refused(self, kind: str, name: str, value: object) -> None:
        with pytest.raises(BadInput, match="task_params_invalid"):
            check_params(kind, {**VALID[kind], name: value})

    def test_parameters_of_other_kinds_are_refused(self, kind: str) -> None:
        for other, params in VALID.items():
            for name in params.keys() - TASK_PARAMS[kind].model_fields.keys():
                with pytest.raises(BadInput, match="task_params_invalid"):
                    check_params(kind, {**VALID[kind], name: VALID[other][name]})

    def test_missing_parameter_is_refused(self, kind: str) -> None:
        for name in REQUIRED.get(kind, VALID[kind].keys()):
            missing = {key: value for key, value in VALID[kind].items() if key != name}
            with pytest.raises(BadInput, match="task_params_invalid"):
                check_params(kind, missing)

    def test_parameter_of_another_type_is_refused(self, kind: str) -> None:
        for name in VALID[kind]:
            for value in WRONG[name]:
                with pytest.raises(BadInput, match="task_params_invalid"):
                    check_params(kind, {**VALID[kind], name: value})


def test_unknown_kind_is_refused() -> None:
    for kind in ("", "format", "POWER_OFF", "doctor ", "x" * 10_000):
        with pytest.raises(BadInput, match="task_params_invalid"):
            check_params(kind, {})


def test_file_name_need_not_be_valid_text() -> None:
    name = os.fsdecode("/课程\n".encode() + b"\xff")
    assert check_params("preflight", {"presenter": name}) == {
        "presenter": name,
        "lecture": None,
        "options": {},
    }
