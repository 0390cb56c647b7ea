"""The panel as it runs on a device, in a process of its own."""

from __future__ import annotations

import http.client
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from web.accounts.sessions import SessionStore
from web.accounts.users import Role, UserStore, users_path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Served:
    """A panel in a process of its own; ``text`` is added to its config file."""

    def __init__(
        self, folder: Path, text: str = "", *, threads: int = 72, tls: bool = False
    ) -> None:
        self.tls = tls
        self.root, self.port, self.log = folder / "box", free_port(), folder / "log"
        self.config = folder / "config.yaml"
        self.config.write_text(
            f"root: {self.root}\n"
            f"panel: {{host: 127.0.0.1, port: {self.port}, threads: {threads},"
            f" tls: {'local-ca' if tls else 'none'}}}\n{text}",
            encoding="utf-8",
        )

    def __enter__(self) -> Served:
        command = [sys.executable, "-m", "appliance.cli", "panel", "--config", str(self.config)]
        with self.log.open("wb") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=file)
        deadline = time.monotonic() + 60
        while self.process.poll() is None:
            try:
                self.get("/healthz")
                break
            except OSError:  # it does not listen yet, or has no certificate
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()

    def sign_in(self, role: Role = Role.ADMIN) -> str:
        """Return a session cookie. Call it before the start, when the panel reads the sessions."""
        users = UserStore(users_path(self.root))
        if users.is_empty():
            users.add("head", role, "four quiet words", time.time())
        cookie = SessionStore(users, 3600, time.time).create("head")
        users.close()
        return f"lectern={cookie}"

    def connect(self) -> http.client.HTTPConnection:
        if not self.tls:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=30, context=self.trusting()
        )

    def trusting(self) -> ssl.SSLContext:
        """Return the TLS context of a client that trusts the device's authority."""
        pem = (self.root / "state" / "tls" / "authority.pem").read_text()
        return ssl.create_default_context(cadata=pem[pem.index("-----BEGIN CERT") :])

    def get(self, path: str, cookie: str = "") -> tuple[int, str]:
        connection = self.connect()
        connection.request("GET", path, headers={"Cookie": cookie, "Accept": "text/html"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text
