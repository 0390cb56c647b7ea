"""The requests that the root helper accepts, and everything else, which it refuses."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from appliance.errors import BadInput
from appliance.helper.__main__ import serve_request
from appliance.helper.actions import UsbHelper
from appliance.helper.request import (
    MAX_REQUEST_BYTES,
    DriveRequest,
    HelperAction,
    build_request,
    parse_request,
)
from appliance.helper.service_user import ServiceUser

DRIVE_ACTIONS = {"usb_import", "usb_export", "usb_eject"}
FOREIGN = ("ask", "kind", "params", "path", "uuid", "command", "ACTION", "action ", "__class__", "")


def arguments(action: str) -> dict[str, object]:
    return {"device": "sda1"} if action in DRIVE_ACTIONS else {}


@pytest.mark.parametrize("action", [action.value for action in HelperAction])
class TestEveryAction:
    def test_request_is_read_as_it_was_built(self, action: str) -> None:
        request = parse_request(build_request(action, arguments(action)))
        assert request.action is HelperAction(action)
        assert isinstance(request, DriveRequest) is (action in DRIVE_ACTIONS)

    @pytest.mark.parametrize("name", FOREIGN)
    def test_foreign_argument_is_refused(self, action: str, name: str) -> None:
        line = json.dumps({"action": action, **arguments(action), name: "power_off"}).encode()
        with pytest.raises(BadInput, match="helper_request_unknown"):
            parse_request(line)

    def test_the_action_cannot_be_replaced_by_an_argument(self, action: str) -> None:
        with pytest.raises(BadInput, match="helper_request_unknown"):
            build_request("usb_list", {"action": action})
        line = f'{{"action": "usb_list", "action": "{action}"}}'.encode()
        with pytest.raises(BadInput, match="helper_request_unknown"):
            parse_request(line)

    @pytest.mark.parametrize(
        "device",
        [
            None,
            1,
            True,
            [],
            {},
            "",
            "sda1\n",
            "SDA1",
            "../sda1",
            "/dev/sda1",
            "-o",
            "s" * 40,
            "a b",
        ],
    )
    def test_device_of_another_type_is_refused(self, action: str, device: object) -> None:
        with pytest.raises(BadInput, match="helper_request_unknown"):
            build_request(action, {"device": device})

    def test_a_missing_or_superfluous_device_is_refused(self, action: str) -> None:
        wrong = {} if action in DRIVE_ACTIONS else {"device": "sda1"}
        with pytest.raises(BadInput, match="helper_request_unknown"):
            build_request(action, wrong)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"[]",
        b'"power_off"',
        b'{"action": null}',
        b'{"action": ["power_off"]}',
        b'{"action": "POWER_OFF"}',
        b'{"action": "usb_list"} {"action": "power_off"}',
        b'{"action": "usb_list", "x": NaN}',
        b"[" * MAX_REQUEST_BYTES,
        b"\xff\xfe",
        b'{"action": "usb_list"' + b" " * MAX_REQUEST_BYTES + b"}",
    ],
)
def test_anything_else_is_refused_without_a_command(line: bytes, tmp_path: Path) -> None:
    commands: list[object] = []

    def run(command: object) -> str:
        commands.append(command)
        return ""

    helper = UsbHelper(tmp_path, ServiceUser(0, 0), tmp_path, run)
    reply = io.BytesIO()
    serve_request(helper, io.BytesIO(line + b"\n"), reply)
    assert json.loads(reply.getvalue())["error"] == "helper_request_unknown"
    assert not commands
