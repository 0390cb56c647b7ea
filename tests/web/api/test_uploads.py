"""tus 1.0.0 over HTTP: what the protocol requires, and what is rejected."""

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
    """Return all files in the folder of the uploads."""
    return [p for p in (config.root / "state" / "uploads").rglob("*") if p.parent.name != "uploads"]


class TestProtocol:
    def test_server_capabilities(self, program: Programs) -> None:
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
        found = teacher.ask("HEAD", f"/uploads/{number}", headers=TUS)
        assert (found.headers["Upload-Offset"], found.headers["Upload-Length"]) == ("4", "10")
        assert found.headers["Cache-Control"] == "no-store"
        assert found.headers["Tus-Resumable"] == "1.0.0"
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


class TestRejections:
    """Each rejection has its code and writes nothing."""

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
    def test_invalid_pieces(
        self, program: Programs, config: Config, headers: dict[str, str], status: int, code: str
    ) -> None:
        teacher = program("teacher")
        number = teacher.begin("a.mp4", 4)
        sent = {**PIECE, "Upload-Offset": "0", **headers}
        sent = {k: v.encode().decode("latin-1") for k, v in sent.items()}
        answer = teacher.ask("PATCH", f"/uploads/{number}", headers=sent, data=b"0123")
        assert (answer.status_code, answer.get_json()["code"]) == (status, code)
        assert files(config) in ([], [config.root / "state/uploads" / number / "a.mp4"])
        found = teacher.ask("HEAD", f"/uploads/{number}", headers=TUS)
        assert found.headers["Upload-Offset"] == "0"

    def test_more_bytes_than_announced(self, program: Programs) -> None:
        teacher = program("teacher")
        number = teacher.begin("a.mp4", 4)
        answer = teacher.send(number, 0, b"01234")
        assert (answer.status_code, answer.get_json()["code"]) == (413, "upload_too_large")

    @pytest.mark.parametrize("length", ["-5", "1e3", "", "0x10", "9" * 19, "1.5"])
    def test_invalid_lengths(self, program: Programs, config: Config, length: str) -> None:
        headers = {**TUS, "Upload-Length": length, "Upload-Metadata": "filename YS5tcDQ="}
        answer = program("teacher").ask("POST", "/uploads", headers=headers)
        assert answer.status_code == 400
        assert files(config) == []

    @pytest.mark.parametrize("metadata", ["", "filename", "filename ?", "filename /w==", "x YQ=="])
    def test_invalid_names(self, program: Programs, metadata: str) -> None:
        headers = {**TUS, "Upload-Length": "4", "Upload-Metadata": metadata}
        answer = program("teacher").ask("POST", "/uploads", headers=headers)
        assert answer.status_code == 400

    @pytest.mark.parametrize(
        "name", ["../../../etc/passwd.txt", "..\\..\\x.mp4", "/etc/cron.d/x.txt", "a\0/../b.mp3"]
    )
    def test_names_with_paths(self, program: Programs, config: Config, name: str) -> None:
        teacher = program("teacher")
        teacher.upload(name)
        (path,) = files(config)
        assert path.parent.parent == config.root / "state" / "uploads"
        assert path.name in {"passwd.txt", "x.mp4", "x.txt", "b.mp3"}

    @pytest.mark.parametrize(
        "number", ["..%2f..%2fusers.sqlite3", "%2e%2e", "uploads.sqlite3", "0" * 32, "a" * 4000]
    )
    def test_numbers_with_paths(self, program: Programs, number: str) -> None:
        for method in ("HEAD", "PATCH", "DELETE"):
            answer = program("teacher").ask(
                method, f"/uploads/{number}", headers={**PIECE, "Upload-Offset": "0"}, data=b"x"
            )
            assert answer.status_code == 404, (method, number)

    def test_other_users_upload(self, program: Programs, config: Config) -> None:
        number = program("teacher").begin("a.mp4", 4)
        for name in ("other", "admin"):
            for method in ("HEAD", "PATCH", "DELETE"):
                sent = {**PIECE, "Upload-Offset": "0"}
                answer = program(name).ask(method, f"/uploads/{number}", headers=sent, data=b"0123")
                assert answer.status_code == 404, (name, method)
        assert files(config) == []

    @pytest.mark.parametrize(("name", "status"), [("", 403), ("viewer", 403)])
    def test_viewers_cannot_upload(self, program: Programs, name: str, status: int) -> None:
        headers = {**TUS, "Upload-Length": "4", "Upload-Metadata": "filename YS5tcDQ="}
        answer = program(name).ask("POST", "/uploads", headers=headers)
        assert answer.status_code == status
        assert set(answer.get_json()) == {"code", "text", "cure"}

    def test_user_who_loses_the_role(self, program: Programs, app: Flask) -> None:
        teacher = program("teacher")
        number = teacher.begin("a.mp4", 4)
        with app.test_request_context():
            app.extensions["lectern"].users.set_role("teacher", Role.VIEWER)
        assert teacher.send(number, 0, b"0123").status_code == 403

    def test_too_many_concurrent_uploads_are_refused(self, program: Programs, app: Flask) -> None:
        teacher = program("teacher")
        number = teacher.begin("a.mp4", 4)
        with app.test_request_context():
            entrance = get_concurrency_limit()
        places = [entrance.slot(f"user {number}") for number in range(6)]
        for place in places:
            place.__enter__()
        assert teacher.send(number, 0, b"0123").status_code == 503
        places[0].__exit__(None, None, None)
        assert teacher.send(number, 0, b"0123").status_code == 204


def test_uploads_are_listed_for_their_owner_only(program: Programs) -> None:
    program("teacher").upload("a.mp4")
    (mine,) = program("teacher").get("/uploads").get_json()["uploads"]
    assert (mine["name"], mine["kind"], mine["length"], mine["offset"]) == (
        "a.mp4", "presenter", 4, 4,
    )  # fmt: skip
    assert program("other").get("/uploads").get_json() == {"uploads": []}
