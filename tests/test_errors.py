"""Errors keep their class, code and details when they are sent to another process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.errors import BadInput, Cancelled, Fault, LecternError


@pytest.mark.parametrize(
    "error",
    [
        BadInput("file_empty", name=Path("a.mp4")),
        Fault("disk_full", name="课.mp4"),
        Cancelled("cancelled"),
    ],
)
def test_error_survives_the_way_through_json(error: LecternError) -> None:
    restored = LecternError.from_dict(json.loads(json.dumps(error.to_dict())))
    assert type(restored) is type(error)
    assert (restored.code, restored.details) == (error.code, error.details)
    assert str(restored) == str(error)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"error": "file_empty", "details": {"name": "a"}},
        {"error": "no_such_code", "type": "Fault", "details": {}},
        {"error": "file_empty", "type": "OSError", "details": {"name": "a"}},
    ],
)
def test_invalid_values_are_rejected(values: dict[str, object]) -> None:
    with pytest.raises(KeyError):
        LecternError.from_dict(values)
