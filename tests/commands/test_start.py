"""``lectern start``: daemon and panel together, as a user starts and stops them."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from appliance.jobs.states import JobState
from appliance.jobs.store import JobStore, store_path

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Started:
    """``lectern start`` in a process of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        self.root, self._log = folder / "box", folder / "log"
        config = folder / "config.yaml"
        config.write_text(
            f"root: {self.root}\npanel: {{host: 127.0.0.1, port: {port}, mdns: never}}\n"
        )
        command = [sys.executable, "-m", "appliance.cli", "start", "--config", str(config)]
        command += ["--demo", str(folder / "demo")]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def log(self) -> str:
        return self._log.read_text()

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + 90
        while text not in self.log():
            assert time.monotonic() < deadline and self.process.poll() is None, self.log()
            time.sleep(0.1)

    def stop(self, number: int) -> int:
        """Send a signal; return the exit status after checking that no child remains."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        assert len(children) >= 3  # daemon, gunicorn and its worker
        self.process.send_signal(number)
        status = self.process.wait(90)
        assert not any(child.is_running() for child in children)
        return status


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """The folder in which ./setup.sh demo has left its files."""
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "lectern-demo.mp4").write_bytes(b"video")
    (folder / "report.json").write_text("{}")
    return folder


def test_panel_is_announced_and_ends_with_ctrl_c(tmp_path: Path, demo: Path) -> None:
    port = free_port()
    for _ in range(2):  # the demo is added once
        started = Started(tmp_path, port)
        try:
            started.wait_for("Press Ctrl-C")
            assert f"The panel is at http://127.0.0.1:{port}\n" in started.log()
            code = (started.root / "state" / "setup-code").read_text().strip()
            assert f"The setup code for the first visit is {code}\n" in started.log()
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", "/healthz")
            assert connection.getresponse().status == 200
            connection.close()
            assert started.stop(signal.SIGINT) == 0
        finally:
            started.process.kill()
        with JobStore(store_path(started.root)) as store:
            (job,) = store.jobs()
        assert job.state is JobState.DONE
        assert job.output is not None and job.output.read_bytes() == b"video"


def test_it_ends_if_the_panel_cannot_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        started = Started(tmp_path, server.getsockname()[1])
        assert started.process.wait(90) == 2
    assert "panel_address_unavailable" in started.log()
    assert "Press Ctrl-C" not in started.log()


def test_terminal_that_is_closed_ends_it(tmp_path: Path) -> None:
    started = Started(tmp_path, free_port())
    try:
        started.wait_for("Press Ctrl-C")
        assert started.stop(signal.SIGHUP) == 0
    finally:
        started.process.kill()
    assert not (started.root / "outbox" / "lectern-demo.mp4").exists()
