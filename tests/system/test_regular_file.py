"""Opening files that another user may have placed."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from appliance.system.regular_file import (
    NotRegularFileError,
    descriptor_path,
    follow_link,
    is_regular,
    open_descriptor,
    open_regular,
    read_regular,
    read_regular_text,
)


def test_regular_file_is_read_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo")
    with open_regular(path) as file:
        assert file.name == str(path)
        assert not os.get_inheritable(file.fileno())
    assert read_regular_text(path, 20) == "one\ntwo"
    assert is_regular(path)


def test_hard_link_is_the_file_itself(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    os.link(tmp_path / "a", tmp_path / "b")
    assert read_regular(tmp_path / "b", 10) == b"content"


@pytest.mark.parametrize("kind", ["pipe", "link", "dangling", "link to folder", "socket", "device"])
def test_anything_else_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    (tmp_path / "a").write_bytes(b"content")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif kind == "device":
        if os.geteuid() != 0:
            pytest.skip("only root creates a device")
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero
    else:
        target = {"link": "a", "dangling": "missing", "link to folder": "."}[kind]
        path.symlink_to(target)
    with pytest.raises(NotRegularFileError):
        open_descriptor(path)
    assert not is_regular(path)


def test_folder_and_missing_file_keep_their_errors(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        open_descriptor(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_descriptor(tmp_path / "missing")
    assert not is_regular(tmp_path) and not is_regular(tmp_path / "missing")


def test_descriptors_are_closed_after_a_refusal(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    before = os.listdir("/proc/self/fd")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(OSError):
            open_descriptor(path)
    assert os.listdir("/proc/self/fd") == before


def test_size_is_limited(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(11))
    for read in (read_regular, read_regular_text):
        with pytest.raises(OSError, match="too large") as refused:
            read(path, 10)
        assert refused.value.errno == errno.EFBIG
    assert read_regular(path, 11) == bytes(11)


def test_file_that_grows_while_it_is_read_is_limited() -> None:
    """A file of ``/proc`` has the size 0, whatever is in it."""
    with pytest.raises(OSError, match="too large"):
        read_regular(Path("/proc/self/status"), 10)


def test_descriptor_path_keeps_naming_the_file_that_was_checked(tmp_path: Path) -> None:
    path, secret = tmp_path / "a", tmp_path / "secret"
    path.write_bytes(b"content")
    secret.write_bytes(b"secret")
    with descriptor_path(path) as same:
        path.unlink()
        path.symlink_to(secret)
        assert Path(same).read_bytes() == b"content"
    assert not Path(same).exists()


def test_links_that_a_person_typed_are_followed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "b").symlink_to("a")
    assert follow_link(tmp_path / "b") == (tmp_path / "a").resolve()
    assert follow_link(Path("a")) == Path("a")
