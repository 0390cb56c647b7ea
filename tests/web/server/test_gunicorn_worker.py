"""The worker over real connections: HTTP/1.1 as clients use it, and clients that misbehave."""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from appliance.jobs.models import NewJob
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore
from tests.web.served import Served
from web.accounts.tokens import TokenStore
from web.accounts.users import Role, UserStore, users_path
from web.server.request_reader import BUFFERED_BODY_BYTES, MAX_HEAD_BYTES

pytestmark = pytest.mark.slow

VIDEO = os.urandom(3 << 20) + b"end"
SLOW_READERS = 76


class Panel(Served):
    """A served panel with a finished video and a signed-in user."""

    cookie = ""
    video = ""

    def prepare(self) -> None:
        """Create the user and the video."""
        self.cookie = self.sign_in(Role.ADMIN)
        outbox = self.root / "outbox"
        outbox.mkdir(parents=True)
        output, report = outbox / "lesson.mp4", outbox / "lesson.report.json"
        output.write_bytes(VIDEO)
        report.write_text("{}")
        with WorkerStore(store_path(self.root)) as store:
            job = store.add(NewJob("lesson", Path("a.mp4"), Path("a.wav"), owner="head"))
            store.claim()
            store.set_output_paths(job.id, output, report)
            store.finish(job.id)
            store.mark_archived(job.id)
        self.video = f"/api/v1/jobs/{job.id}/video"

    def open(self, receive_buffer: int = 0) -> socket.socket:
        """Return a connection, with TLS if the panel uses it."""
        plain = socket.socket()
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.settimeout(30)
        plain.connect(("127.0.0.1", self.port))
        if not self.tls:
            return plain
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(plain)

    def request(self, path: str, *fields: str, method: str = "GET") -> bytes:
        """Return the head of a request."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *fields]
        return ("\r\n".join([*lines, f"Cookie: {self.cookie}"]) + "\r\n\r\n").encode()

    def memory(self) -> int:
        """Return the memory in bytes that only the panel's processes use."""
        main = psutil.Process(self.process.pid)
        both = [main, *main.children()]
        return sum(process.memory_full_info().uss for process in both)


@pytest.fixture(scope="module", params=[False, True], ids=["http", "https"])
def panel(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Panel]:
    served = Panel(tmp_path_factory.mktemp("panel"), tls=request.param)
    served.prepare()
    with served:
        yield served


def ask(panel: Panel, path: str, **fields: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = panel.connect()
    connection.request("GET", path, headers={"Cookie": panel.cookie, **fields})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def test_video_is_sent_completely_and_in_ranges(panel: Panel) -> None:
    response, body = ask(panel, panel.video)
    assert (response.status, response.headers["Content-Length"]) == (200, str(len(VIDEO)))
    assert hashlib.sha256(body).digest() == hashlib.sha256(VIDEO).digest()
    response, body = ask(panel, panel.video, Range="bytes=1000000-2999999")
    assert (response.status, body) == (206, VIDEO[1000000:3000000])
    response, body = ask(panel, panel.video, Range="bytes=-3")
    assert (response.status, body) == (206, b"end")


def test_archive_of_unknown_length_is_sent_completely(panel: Panel) -> None:
    job = panel.video.split("/")[4]
    response, body = ask(panel, f"/api/v1/jobs/archive?job={job}")
    assert response.headers["Transfer-Encoding"] == "chunked"
    assert VIDEO in body


def test_one_connection_serves_requests_that_are_sent_at_once(panel: Panel) -> None:
    with panel.open() as connection:
        connection.sendall(
            panel.request("/healthz")
            + panel.request(panel.video, "Range: bytes=0-99")
            + panel.request("/healthz", "Connection: close")
        )
        data = read_to_end(connection)
    heads = [part for part in data.split(b"HTTP/1.1 ") if part]
    assert [head.split(b" ")[0] for head in heads] == [b"200", b"206", b"200"]
    assert VIDEO[:100] in data


def test_connection_is_kept_after_a_video(panel: Panel) -> None:
    connection = panel.connect()
    local = set()
    for path in (panel.video, "/healthz", panel.video, "/"):
        connection.request("GET", path, headers={"Cookie": panel.cookie})
        response = connection.getresponse()
        response.read()
        assert response.status == 200
        local.add(connection.sock.getsockname())
    connection.close()
    assert len(local) == 1


def read_to_end(connection: socket.socket) -> bytes:
    """Return what the panel sends until it closes the connection."""
    data = b""
    while block := connection.recv(1 << 16):
        data += block
    return data


def test_body_is_awaited_and_100_continue_answered(panel: Panel) -> None:
    body = b"name=head&password=wrong"
    with panel.open() as connection:
        connection.sendall(
            panel.request(
                "/login",
                f"Content-Length: {len(body)}",
                "Content-Type: application/x-www-form-urlencoded",
                "Expect: 100-continue",
                "Connection: close",
                method="POST",
            )
        )
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        for byte in body:
            connection.sendall(bytes([byte]))
        assert read_to_end(connection).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD_BYTES, b"431"),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n", b"431"),
        (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", b"400"),
        (b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (
            b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n"
            % (BUFFERED_BODY_BYTES + 1),
            b"413",
        ),
    ],
)
def test_bad_requests_are_answered_and_the_connection_ends(
    panel: Panel, sent: bytes, status: bytes
) -> None:
    began = time.monotonic()
    with panel.open() as connection:
        connection.sendall(sent)
        assert read_to_end(connection).split(b" ")[1] == status
    assert time.monotonic() - began < 5  # it does not wait for a body


def test_refused_upload_is_not_awaited(panel: Panel) -> None:
    """Its body would occupy a thread."""
    with panel.open() as connection:
        head = f"PATCH /api/v1/uploads/{'0' * 32} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        connection.sendall(f"{head}Content-Length: {1 << 30}\r\n\r\n".encode() + b"x" * 1000)
        began = time.monotonic()
        assert read_to_end(connection).startswith(b"HTTP/1.1 403 ")
        assert time.monotonic() - began < 3


def test_upload_arrives_in_pieces(panel: Panel) -> None:
    users = UserStore(users_path(panel.root))
    key = TokenStore(users, time.time).create("head", "program")
    users.close()
    headers = {"Authorization": f"Bearer {key}", "Tus-Resumable": "1.0.0"}
    connection = panel.connect()

    def send(method: str, path: str, body: bytes = b"", **more: str) -> http.client.HTTPResponse:
        sent = {**headers, **{name.replace("_", "-"): value for name, value in more.items()}}
        connection.request(method, path, body=body or None, headers=sent)
        response = connection.getresponse()
        response.read()
        return response

    size, name = str(len(VIDEO)), base64.b64encode(b"a.mp4").decode()
    created = send(
        "POST", "/api/v1/uploads", Upload_Length=size, Upload_Metadata=f"filename {name}"
    )
    address = created.headers["Location"]
    for start in range(0, len(VIDEO), 1 << 20):
        answer = send(
            "PATCH",
            address,
            VIDEO[start : start + (1 << 20)],
            Upload_Offset=str(start),
            Content_Type="application/offset+octet-stream",
        )
        assert answer.status == 204
    connection.close()
    (path,) = (panel.root / "state" / "uploads" / address.rpartition("/")[2]).iterdir()
    assert path.read_bytes() == VIDEO


def test_slow_readers_occupy_neither_threads_nor_much_memory(panel: Panel) -> None:
    """More readers than a panel has threads; those of a proxy may be many."""
    before = panel.memory()
    readers = [panel.open(4096) for _ in range(SLOW_READERS)]
    try:
        for reader in readers:
            reader.sendall(panel.request(panel.video))
        for reader in readers:
            assert reader.recv(15) == b"HTTP/1.1 200 OK"
        began = time.monotonic()
        for _ in range(20):
            assert panel.get("/healthz")[0] == 200
        assert time.monotonic() - began < 20
        threads = psutil.Process(panel.process.pid).children()[0].num_threads()
        assert threads < 40
        assert panel.memory() - before < 20e6
        readers[0].settimeout(30)
        received = 15
        while received < len(VIDEO):
            block = readers[0].recv(1 << 16)
            assert block
            received += len(block)
    finally:
        for reader in readers:
            reader.close()


def test_slow_reader_of_a_page_receives_all_of_it(panel: Panel) -> None:
    with panel.open(2048) as reader:
        reader.sendall(panel.request("/api/v1/openapi.json", "Connection: close"))
        time.sleep(0.5)
        data = read_to_end(reader)
    head, _, body = data.partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head.lower()


def test_client_that_leaves_during_a_download_is_forgotten(panel: Panel) -> None:
    worker = psutil.Process(panel.process.pid).children()[0]
    for _ in range(5):
        with panel.open(4096) as reader:
            reader.sendall(panel.request(panel.video))
            assert reader.recv(10)
    deadline = time.monotonic() + 20
    while any(file.path.endswith("lesson.mp4") for file in worker.open_files()):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_stop_lets_a_request_end_and_ends_streams(tmp_path: Path) -> None:
    served = Panel(tmp_path)
    served.prepare()
    with served:
        stream, idle = served.open(), served.open()
        stream.sendall(served.request("/live"))
        assert stream.recv(15) == b"HTTP/1.1 200 OK"
        downloading = served.open(4096)
        downloading.sendall(served.request(served.video, "Connection: close"))
        assert downloading.recv(15) == b"HTTP/1.1 200 OK"
        received: list[bytes] = []
        reading = threading.Thread(target=lambda: received.append(read_to_end(downloading)))
        served.process.send_signal(signal.SIGTERM)
        reading.start()
        assert served.process.wait(20) == 0
        reading.join(10)
        assert received and received[0].endswith(b"end")
        assert read_to_end(stream).endswith(b"0\r\n\r\n")
        assert idle.recv(1) == b""
        for connection in (stream, idle, downloading):
            connection.close()
