"""Slow pieces, and network failures as each server reports them."""

from __future__ import annotations

import io
import os
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from appliance.errors import BadInput
from web.tls.authority import create_authority, issue_certificate
from web.uploads.body_reader import (
    GRACE_S,
    MIN_BYTES_PER_S,
    ConcurrencyLimit,
    body_blocks,
    deadline,
    time_allowed_s,
)


def test_connection_is_shut_down_at_the_deadline() -> None:
    near, far = socket.socketpair()
    with near, far, deadline({"gunicorn.socket": near, "REMOTE_ADDR": "x"}, 0.01):
        assert near.recv(1) == b""  # waits until the deadline, not for ever
        assert far.recv(1) == b""


def test_tls_connection_is_shut_down_without_reading_ciphertext(tmp_path: Path) -> None:
    path = tmp_path / "shown.pem"
    signer = create_authority("box", ())
    path.write_bytes(issue_certificate(signer, {"box.local"}, (), time.time()).to_pem())
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    near, far = socket.socketpair()
    with ThreadPoolExecutor(1) as other_side:
        greeting = other_side.submit(client.wrap_socket, far)
        with server.wrap_socket(near, server_side=True) as reading, greeting.result() as slow:
            slow.sendall(b"x")
            assert reading.recv(1) == b"x"
            with deadline({"gunicorn.socket": reading, "REMOTE_ADDR": "x"}, 0.1):
                # Half a record: the thread that reads waits for the rest of it.
                os.write(slow.fileno(), b"\x17\x03\x03\x40\x00 not all of it")
                came = body_blocks(reading.makefile("rb", buffering=0), 100)
                with pytest.raises(OSError, match="network"):
                    next(came)


def test_connection_in_time_stays_open() -> None:
    near, far = socket.socketpair()
    with near, far:
        with deadline({"gunicorn.socket": near}, 60):
            pass
        far.sendall(b"x")
        assert near.recv(1) == b"x"


def test_larger_piece_has_more_time() -> None:
    assert time_allowed_s(0) == GRACE_S
    assert time_allowed_s(4 << 20) == GRACE_S + (4 << 20) / MIN_BYTES_PER_S


def test_limit_holds_after_a_failure() -> None:
    gate = ConcurrencyLimit(1, 1)
    with pytest.raises(ValueError, match="broken"), gate.slot("a"):
        with pytest.raises(BadInput) as error, gate.slot("a"):
            pass
        assert error.value.code == "too_many_concurrent_uploads"
        raise ValueError("broken")
    with gate.slot("a"):
        pass


def test_one_owner_cannot_occupy_all_slots() -> None:
    gate = ConcurrencyLimit(3, 2)
    with gate.slot("a"), gate.slot("a"):
        with pytest.raises(BadInput) as error, gate.slot("a"):
            pass
        assert error.value.code == "too_many_concurrent_uploads"
        with gate.slot("b"):
            pass


class Failing(io.BytesIO):
    """The stream of a server whose client is gone."""

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(size)
        if not block:
            raise RuntimeError("no more data")
        return block


@pytest.mark.parametrize("source", [Failing(b"0123"), io.BytesIO(b"0123")])
def test_interrupted_body_yields_its_bytes_and_raises_oserror(source: io.BytesIO) -> None:
    came = body_blocks(source, 10)
    assert next(came) == b"0123"
    with pytest.raises(OSError, match="network"):
        next(came)


def test_only_the_announced_length_is_read() -> None:
    source = io.BytesIO(b"0123456789")
    assert b"".join(body_blocks(source, 4)) == b"0123"
    assert source.read() == b"456789"
