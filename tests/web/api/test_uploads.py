"""tus 1.0.0 over HTTP: what its text asks, and what it does not want."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

import pytest
from flask import Flask

from appliance.config import Config
from tests.web.api.conftest import PIECE, TUS, Programs
from web.accounts.users import Role
from web.api.uploads import get_concurrency_limit


def files(config: Config) -> list[Path]:
    """Everything that lies among the uploads."""
    return [p for p in (config.root / "state" / "uploads").rglob("*") if p.parent.name != "uploads"]


class TestProtocol:
    def test_what_the_server_can_do(self, program: Programs) -> None:
        answer = program("").ask("OPTIONS", "/uploads")
        assert answer.status_code == 204
        assert answer.headers["Tus-Version"] == "1.0.0"
        assert answer.headers["Tus-Extension"] == "creation,termination,checksum,expiration"
        assert answer.headers["Tus-Max-Size"] == "20000000000"
        assert "sha1" in answer.headers["Tus-Checksum-Algorithm"].split(",")

    def test_a_file_in_two_pieces(self, program: Programs, config: Config) -> None:
        teacher = program("teacher")
        number = teacher.begin("课 1.mp4", 10)
        answer = teacher.send(number, 0, b"0123")
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "4")
        assert answer.headers["Upload-Expires"].endswith("GMT")
        look = teacher.ask("HEAD", f"/uploads/{number}", headers=TUS)
        assert (look.headers["Upload-Offset"], look.headers["Upload-Length"]) == ("4", "10")
        assert look.headers["Cache-Control"] == "no-store"
        assert look.headers["Tus-Resumable"] == "1.0.0"
        assert teacher.send(number, 4, b"456789").headers["Upload-Offset"] == "10"
        (path,) = files(config)
        assert (path.name, path.read_bytes()) == ("课 1.mp4", b"0123456789")

    def test_checksums(self, program: Programs) -> None:
        teacher = program("teacher")
        number = teacher.begin("a.mp4", 4)
        crc = base64.b64encode(zlib.crc32(b"0123").to_bytes(4, "big")).decode()
        wrong = teacher.send(number, 0, b"0X23", **{"Upload-Checksum": f"crc32 {crc}"})
        assert wrong.status_code == 460
        right = teacher.send(number, 0, b"0123", **{"Upload-Checksum": f"crc32 {crc}"})
        assert right.status_code == 204

    def test_termination(self, program: Programs, config: Config) -> None:
        teacher = program("teacher")
        number = teacher.upload("a.mp4")
        assert teacher.delete(f"/uploads/{number}", headers=TUS).status_code == 204
        assert teacher.ask("HEAD", f"/uploads/{number}", headers=TUS).status_code == 404
        assert files(config) == []


class TestRefusals:
    """Each says why, and writes nothing."""

    @pytest.mark.parametrize(
        ("headers", "status", "code"),
        [
            ({"Tus-Resumable": "0.2.2"}, 412, "upload_version_unsupported"),
            ({"Upload-Offset": "3"}, 409, "upload_offset_mismatch"),
            ({"Upload-Offset": "-1"}, 400, "upload_header_invalid"),
            ({"Upload-Offset": "9" * 19}, 400, "upload_header_invalid"),
            ({"Upload-Offset": "٣"}, 400, "upload_header_invalid"),
            ({"Upload-Offset": ""}, 400, "upload_header_invalid"),
            ({"Content-Type": "text/plain"}, 400, "upload_header_invalid"),
            ({"Upload-Checksum": "md5 AAAA"}, 400, "upload_checksum_unsupported"),
        ],
    )
    def test_pieces(
        self, program: Programs, config: Config, headers: dict[str, str], status: int, code: str
    ) -> None:
        teacher = program("teacher")
        number = teacher.begin("a.mp4", 4)
        told = {**PIECE, "Upload-Offset": "0", **headers}
        told = {k: v.encode().decode("latin-1") for k, v in told.items()}
        answer = teacher.ask("PATCH", f"/uploads/{number}", headers=told, data=b"0123")
        assert (answer.status_code, answer.get_json()["code"]) == (status, code)
        assert files(config) in ([], [config.root / "state/uploads" / number / "a.mp4"])
        look = teacher.ask("HEAD", f"/uploads/{number}", headers=TUS)
        assert look.headers["Upload-Offset"] == "0"

    def test_more_than_announced(self, program: Programs) -> None:
        teacher = program("teacher")
        number = teacher.begin("a.mp4", 4)
        answer = teacher.send(number, 0, b"01234")
        assert (answer.status_code, answer.get_json()["code"]) == (413, "upload_too_large")

    @pytest.mark.parametrize("length", ["-5", "1e3", "", "0x10", "9" * 19, "1.5"])
    def test_lengths_that_are_none(self, program: Programs, config: Config, length: str) -> None:
        headers = {**TUS, "Upload-Length": length, "Upload-Metadata": "filename YS5tcDQ="}
        answer = program("teacher").ask("POST", "/uploads", headers=headers)
        assert answer.status_code == 400
        assert files(config) == []

    @pytest.mark.parametrize("metadata", ["", "filename", "filename ?", "filename /w==", "x YQ=="])
    def test_names_that_are_none(self, program: Programs, metadata: str) -> None:
        headers = {**TUS, "Upload-Length": "4", "Upload-Metadata": metadata}
        answer = program("teacher").ask("POST", "/uploads", headers=headers)
        assert answer.status_code == 400

    @pytest.mark.parametrize(
        "name", ["../../../etc/passwd.txt", "..\\..\\x.mp4", "/etc/cron.d/x.txt", "a\0/../b.mp3"]
    )
    def test_names_that_lead_elsewhere(self, program: Programs, config: Config, name: str) -> None:
        teacher = program("teacher")
        teacher.upload(name)
        (path,) = files(config)
        assert path.parent.parent == config.root / "state" / "uploads"
        assert path.name in {"passwd.txt", "x.mp4", "x.txt", "b.mp3"}

    @pytest.mark.parametrize(
        "number", ["..%2f..%2fusers.sqlite3", "%2e%2e", "uploads.sqlite3", "0" * 32, "a" * 4000]
    )
    def test_numbers_that_lead_elsewhere(self, program: Programs, number: str) -> None:
        for method in ("HEAD", "PATCH", "DELETE"):
            answer = program("teacher").ask(
                method, f"/uploads/{number}", headers={**PIECE, "Upload-Offset": "0"}, data=b"x"
            )
            assert answer.status_code == 404, (method, number)

    def test_somebody_elses_upload(self, program: Programs, config: Config) -> None:
        number = program("teacher").begin("a.mp4", 4)
        for name in ("other", "admin"):
            for method in ("HEAD", "PATCH", "DELETE"):
                told = {**PIECE, "Upload-Offset": "0"}
                answer = program(name).ask(method, f"/uploads/{number}", headers=told, data=b"0123")
                assert answer.status_code == 404, (name, method)
        assert files(config) == []

    @pytest.mark.parametrize(("name", "status"), [("", 403), ("viewer", 403)])
    def test_who_may_not_upload(self, program: Programs, name: str, status: int) -> None:
        headers = {**TUS, "Upload-Length": "4", "Upload-Metadata": "filename YS5tcDQ="}
        answer = program(name).ask("POST", "/uploads", headers=headers)
        assert answer.status_code == status
        assert set(answer.get_json()) == {"code", "text", "cure"}

    def test_a_person_whose_role_is_taken_away(self, program: Programs, app: Flask) -> None:
        teacher = program("teacher")
        number = teacher.begin("a.mp4", 4)
        with app.test_request_context():
            app.extensions["lectern"].users.set_role("teacher", Role.VIEWER)
        assert teacher.send(number, 0, b"0123").status_code == 403

    def test_a_crowd_is_asked_to_come_again(self, program: Programs, app: Flask) -> None:
        teacher = program("teacher")
        number = teacher.begin("a.mp4", 4)
        with app.test_request_context():
            entrance = get_concurrency_limit()
        places = [entrance.slot() for _ in range(6)]
        for place in places:
            place.__enter__()
        assert teacher.send(number, 0, b"0123").status_code == 503
        places[0].__exit__(None, None, None)
        assert teacher.send(number, 0, b"0123").status_code == 204


def test_uploads_are_listed_for_their_owner_alone(program: Programs) -> None:
    program("teacher").upload("a.mp4")
    (mine,) = program("teacher").get("/uploads").get_json()["uploads"]
    assert (mine["name"], mine["kind"], mine["length"], mine["offset"]) == (
        "a.mp4", "presenter", 4, 4,
    )  # fmt: skip
    assert program("other").get("/uploads").get_json() == {"uploads": []}
