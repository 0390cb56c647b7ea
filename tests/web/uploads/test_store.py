"""Uploads that are interrupted, damaged, too large, of other users, or abandoned."""

from __future__ import annotations

import base64
import errno
import hashlib
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from appliance.errors import BadInput, Fault, LecternError
from appliance.system.elapsed import ElapsedTimes
from web.uploads.body_reader import Checksum
from web.uploads.models import Limits
from web.uploads.store import SYNC_BYTES, UploadStore

LIMITS = Limits(file_bytes=1000, user_bytes=1500, user_files=3, keep_s=3600, min_free_bytes=100)
LONG = Limits(file_bytes=10**9, user_bytes=10**9, user_files=3, keep_s=3600, min_free_bytes=0)


class Clock:
    """A clock that the test advances."""

    def __init__(self) -> None:
        self.time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def uploads(tmp_path: Path, clock: Clock) -> Iterator[UploadStore]:
    with UploadStore(tmp_path / "up", LIMITS, find_free=lambda _: 10**9, now=clock) as store:
        yield store


def refused(error: pytest.ExceptionInfo[LecternError]) -> str:
    return error.value.code


def cut(*blocks: bytes) -> Iterator[bytes]:
    """Yield blocks and then fail as a broken network does."""
    yield from blocks
    raise ConnectionResetError(errno.ECONNRESET, "gone")


def crc(data: bytes) -> Checksum:
    value = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    return Checksum(f"crc32 {value}")


@pytest.mark.parametrize(("version", "code"), [(0, "database_too_old"), (99, "database_too_new")])
def test_a_file_of_another_version_is_rejected(tmp_path: Path, version: int, code: str) -> None:
    with closing(sqlite3.connect(tmp_path / "uploads.sqlite3")) as other:
        other.execute("CREATE TABLE uploads (id TEXT, touched REAL)")
        other.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(Fault) as fault:
        UploadStore(tmp_path, LIMITS)
    assert fault.value.code == code


class TestReceiving:
    def test_pieces_make_up_the_file(self, uploads: UploadStore) -> None:
        upload = uploads.create("wang", "a.mp4", 10)
        upload = uploads.append(upload, 0, 4, [b"0123"])
        assert (upload.offset, upload.complete) == (4, False)
        upload = uploads.append(upload, 4, 6, [b"45", b"6789"])
        assert upload.complete
        assert uploads.path(upload).read_bytes() == b"0123456789"

    def test_bytes_before_a_network_failure_are_kept(self, uploads: UploadStore) -> None:
        upload = uploads.create("wang", "a.mp4", 10)
        upload = uploads.append(upload, 0, 10, cut(b"012", b"34"))
        assert upload.offset == 5
        upload = uploads.append(upload, 5, 5, [b"56789"])
        assert uploads.path(upload).read_bytes() == b"0123456789"

    def test_unacknowledged_bytes_are_overwritten(self, uploads: UploadStore) -> None:
        upload = uploads.append(uploads.create("wang", "a.mp4", 6), 0, 3, [b"012"])
        with uploads.path(upload).open("ab") as file:
            file.write(b"\0\0\0")  # the file grew, but its data never reached the disk
        assert uploads.get(upload.id, "wang").offset == 3
        upload = uploads.append(upload, 3, 3, [b"345"])
        assert uploads.path(upload).read_bytes() == b"012345"

    def test_long_piece_is_acknowledged_in_steps(self, tmp_path: Path) -> None:
        with UploadStore(tmp_path / "up", LONG) as uploads:
            upload = uploads.create("wang", "a.mp4", 3 * SYNC_BYTES)
            seen: list[int] = []

            def blocks() -> Iterator[bytes]:
                for _ in range(3):
                    yield bytes(SYNC_BYTES)
                    seen.append(uploads.get(upload.id, "wang").offset)

            uploads.append(upload, 0, 3 * SYNC_BYTES, blocks())
        assert seen == [SYNC_BYTES, 2 * SYNC_BYTES, 3 * SYNC_BYTES]

    @pytest.mark.parametrize("offset", [-1, 3, 5, 1 << 70])
    def test_wrong_offset_writes_nothing(self, uploads: UploadStore, offset: int) -> None:
        upload = uploads.append(uploads.create("wang", "a.mp4", 10), 0, 4, [b"0123"])
        with pytest.raises(BadInput) as error:
            uploads.append(upload, offset, 2, [b"xx"])
        assert refused(error) == "upload_offset_mismatch"
        assert uploads.path(upload).read_bytes() == b"0123"

    def test_too_long_piece_is_refused_before_writing(self, uploads: UploadStore) -> None:
        upload = uploads.create("wang", "a.mp4", 4)
        with pytest.raises(BadInput) as error:
            uploads.append(upload, 0, 5, [b"01234"])
        assert refused(error) == "upload_too_large"
        assert uploads.path(upload).read_bytes() == b""
        assert uploads.append(upload, 0, 4, [b"01234567"]).complete  # a body that lies
        assert uploads.path(upload).read_bytes() == b"0123"

    def test_concurrent_pieces_do_not_mix(self, uploads: UploadStore) -> None:
        upload = uploads.create("wang", "a.mp4", 4)
        refusals: list[str] = []

        def blocks() -> Iterator[bytes]:
            with pytest.raises(BadInput) as error:
                uploads.append(upload, 0, 4, [b"xxxx"])
            refusals.append(refused(error))
            with pytest.raises(BadInput):
                uploads.delete(upload)
            yield b"0123"

        assert uploads.append(upload, 0, 4, blocks()).complete
        assert refusals == ["upload_busy"]
        assert uploads.path(upload).read_bytes() == b"0123"


class TestChecksum:
    @pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
    def test_hash_algorithms_of_the_protocol(self, uploads: UploadStore, algorithm: str) -> None:
        value = base64.b64encode(hashlib.new(algorithm, b"0123").digest()).decode()
        upload = uploads.create("wang", "a.mp4", 4)
        assert uploads.append(upload, 0, 4, [b"01", b"23"], Checksum(f"{algorithm} {value}"))

    def test_damaged_piece_is_discarded(self, uploads: UploadStore) -> None:
        upload = uploads.append(uploads.create("wang", "a.mp4", 8), 0, 4, [b"0123"])
        with pytest.raises(BadInput) as error:
            uploads.append(upload, 4, 4, [b"4X67"], crc(b"4567"))
        assert refused(error) == "upload_checksum_mismatch"
        assert uploads.get(upload.id, "wang").offset == 4
        assert uploads.path(upload).read_bytes() == b"0123"
        assert uploads.append(upload, 4, 4, [b"4567"], crc(b"4567")).complete

    def test_incomplete_piece_with_checksum_is_discarded(self, uploads: UploadStore) -> None:
        upload = uploads.create("wang", "a.mp4", 4)
        with pytest.raises(BadInput):
            uploads.append(upload, 0, 4, cut(b"01"), crc(b"0123"))
        assert uploads.get(upload.id, "wang").offset == 0

    @pytest.mark.parametrize("header", ["", "md5 AAAA", "crc32 ?", "sha1 é"])
    def test_invalid_checksum_header(self, header: str) -> None:
        with pytest.raises(BadInput) as error:
            Checksum(header)
        assert refused(error) == "upload_checksum_unsupported"


class TestLimits:
    def test_file_size_number_and_quota(self, uploads: UploadStore) -> None:
        with pytest.raises(BadInput) as error:
            uploads.create("wang", "a.mp4", 1001)
        assert refused(error) == "upload_too_large"
        uploads.create("wang", "a.mp4", 1000)
        with pytest.raises(BadInput) as error:
            uploads.create("wang", "b.mp4", 501)
        assert refused(error) == "upload_quota_exceeded"
        uploads.create("li", "b.mp4", 1000)  # everybody has room of their own
        uploads.create("wang", "b.mp4", 1)
        uploads.create("wang", "c.mp4", 1)
        with pytest.raises(BadInput) as error:
            uploads.create("wang", "d.mp4", 1)
        assert refused(error) == "upload_too_many"

    @pytest.mark.parametrize("length", [0, -1])
    def test_empty_file_is_refused(self, uploads: UploadStore, length: int) -> None:
        with pytest.raises(BadInput) as error:
            uploads.create("wang", "a.mp4", length)
        assert refused(error) == "file_empty"

    def test_disk_reserve_is_kept(self, tmp_path: Path) -> None:
        free = [1000]
        with UploadStore(tmp_path / "up", LIMITS, find_free=lambda _: free[0]) as uploads:
            with pytest.raises(Fault) as error:
                uploads.create("wang", "a.mp4", 901)
            assert refused(error) == "disk_full"
            upload = uploads.create("wang", "a.mp4", 900)
            free[0] = 150  # others have filled it since
            with pytest.raises(Fault):
                uploads.append(upload, 0, 100, [b"x" * 100])
            assert uploads.get(upload.id, "wang").offset == 0

    def test_disk_that_fills_up_during_an_upload(self, uploads: UploadStore) -> None:
        upload = uploads.create("wang", "a.mp4", 4)
        with pytest.raises(Fault) as error:
            uploads.append(upload, 0, 4, _full_disk())
        assert refused(error) == "disk_full"


def _full_disk() -> Iterator[bytes]:
    class Full(bytes):
        """A disk that is full: pwrite fails."""

        def __getitem__(self, key: object) -> bytes:  # type: ignore[override]
            raise OSError(errno.ENOSPC, "No space left on device")

    yield Full(b"0123")


class TestOwnership:
    def test_other_users_upload_is_unknown(self, uploads: UploadStore) -> None:
        upload = uploads.create("wang", "a.mp4", 4)
        for name, number in [("li", upload.id), ("wang", "0" * 32), ("wang", "../" + upload.id)]:
            with pytest.raises(BadInput) as error:
                uploads.get(number, name)
            assert refused(error) == "upload_unknown"
        assert uploads.list_for("li") == []


class TestUseAndExpiry:
    def test_file_is_linked_under_several_names(self, uploads: UploadStore, tmp_path: Path) -> None:
        upload = uploads.create("wang", "a.mp4", 4)
        with pytest.raises(BadInput) as error:
            uploads.link(upload, tmp_path / "early.mp4")
        assert refused(error) == "upload_incomplete"
        upload = uploads.append(upload, 0, 4, [b"0123"])
        uploads.link(upload, tmp_path / "one.mp4")
        uploads.link(upload, tmp_path / "two.mp4")
        uploads.delete(upload)
        assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes() == b"0123"
        assert uploads.list_for("wang") == []
        assert not uploads.path(upload).parent.exists()

    def test_abandoned_uploads_expire(
        self, uploads: UploadStore, clock: Clock, tmp_path: Path
    ) -> None:
        old = uploads.create("wang", "old.mp4", 4)
        uploads.append(old, 0, 2, [b"01"])
        activity = ElapsedTimes(clock, clock)
        assert uploads.remove_expired(activity) == []
        clock.time += 3000
        young = uploads.create("wang", "young.mp4", 4)
        clock.time += 700
        stray = tmp_path / "up" / ("0" * 32)
        stray.mkdir()
        assert [upload.id for upload in uploads.remove_expired(activity)] == [old.id]
        assert [upload.id for upload in uploads.list_for("wang")] == [young.id]
        assert not stray.exists()

    @pytest.mark.parametrize("jump", [-1e9, -10_000, 1e9])
    def test_changed_clock_neither_deletes_uploads_nor_keeps_them(
        self, uploads: UploadStore, clock: Clock, jump: float
    ) -> None:
        passed = [0.0]
        activity = ElapsedTimes(clock, lambda: passed[0])
        upload = uploads.create("wang", "a.mp4", 4)
        clock.time += jump
        assert uploads.remove_expired(activity) == []
        passed[0] = LIMITS.keep_s - 1
        assert uploads.remove_expired(activity) == []
        passed[0] = LIMITS.keep_s
        assert uploads.remove_expired(activity) == [upload]
