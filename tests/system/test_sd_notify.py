"""What systemd is told, read from a real socket."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.system.sd_notify import (
    Heartbeat,
    make_notifier,
    run_watchdog,
    service_notifications,
    watchdog_interval_s,
)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """A service manager's end of the line."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(30)
        yield line


class TestSender:
    def test_lines_arrive_as_one_datagram(self, manager: socket.socket) -> None:
        make_notifier({"NOTIFY_SOCKET": manager.getsockname()})("READY=1\nSTATUS=running")
        assert manager.recv(1000) == b"READY=1\nSTATUS=running"

    def test_an_abstract_address(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.bind(f"\0lectern-test-{os.getpid()}")
            make_notifier({"NOTIFY_SOCKET": f"@lectern-test-{os.getpid()}"})("READY=1")
            assert line.recv(100) == b"READY=1"

    @pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all"])
    def test_nobody_listening_is_no_failure(self, address: str) -> None:
        make_notifier({"NOTIFY_SOCKET": address})("READY=1")


class TestWatchdogInterval:
    @pytest.mark.parametrize(
        ("environment", "expected"),
        [
            ({}, None),
            ({"WATCHDOG_USEC": "0"}, None),
            ({"WATCHDOG_USEC": "soon"}, None),
            ({"WATCHDOG_USEC": "60000000"}, 60.0),
            ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "7"}, 60.0),
            ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"}, None),
        ],
    )
    def test_is_read_for_this_process_only(
        self, environment: dict[str, str], expected: float | None
    ) -> None:
        assert watchdog_interval_s(environment, pid=7) == expected


class _Looks(threading.Event):
    """Time that passes at once: each wait is one look, with ``between`` done before the next."""

    def __init__(self, between: list[bool], pulse: Heartbeat) -> None:
        super().__init__()
        self._between, self._pulse = iter(between), pulse

    def wait(self, timeout: float | None = None) -> bool:
        beats = next(self._between, None)
        if beats:
            self._pulse.beat()
        return beats is None


class TestGuard:
    def test_reports_only_while_the_work_gets_on(self) -> None:
        pulse, sent = Heartbeat(), list[str]()
        run_watchdog(pulse, 60.0, sent.append, _Looks([True, True], pulse))
        assert sent == ["WATCHDOG=1"] * 3

    def test_is_silent_while_the_worker_hangs_and_speaks_when_it_goes_on(self) -> None:
        pulse, sent = Heartbeat(), list[str]()
        run_watchdog(pulse, 60.0, sent.append, _Looks([False] * 50, pulse))
        assert sent == ["WATCHDOG=1"]
        run_watchdog(pulse, 60.0, sent.append, _Looks([False, False, True, False], pulse))
        assert sent == ["WATCHDOG=1"] * 3


class TestReporting:
    def test_an_end_by_failure_is_an_end_too(self, manager: socket.socket) -> None:
        address = {"NOTIFY_SOCKET": str(manager.getsockname())}
        with pytest.raises(ValueError, match="broken"), service_notifications(Heartbeat(), address):
            raise ValueError("broken")
        assert manager.recv(100).startswith(b"READY=1")
        assert manager.recv(100).startswith(b"STOPPING=1")


class TestTheDaemon:
    def start(self, root: Path, manager: socket.socket) -> subprocess.Popen[bytes]:
        (root / "config.yaml").write_text(f"root: {root}/box\n")
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": str(manager.getsockname()),
            "WATCHDOG_USEC": "1500000",
        }
        command = [sys.executable, "-m", "appliance.cli", "serve", "--config"]
        return subprocess.Popen([*command, str(root / "config.yaml")], env=environment)

    def test_is_ready_alive_and_says_when_it_ends(
        self, tmp_path: Path, manager: socket.socket
    ) -> None:
        daemon = self.start(tmp_path, manager)
        try:
            said = [manager.recv(1000).decode() for _ in range(4)]
            daemon.send_signal(signal.SIGTERM)
            while not (last := manager.recv(1000).decode()).startswith("STOPPING=1"):
                assert last == "WATCHDOG=1"
            assert daemon.wait(30) == 0
        finally:
            daemon.kill()
            daemon.wait()
        assert sum(line.startswith("READY=1") for line in said) == 1
        assert said.count("WATCHDOG=1") == 3

    def test_a_stopped_process_falls_silent(self, tmp_path: Path, manager: socket.socket) -> None:
        daemon = self.start(tmp_path, manager)
        try:
            while not manager.recv(1000).startswith(b"READY=1"):
                pass
            daemon.send_signal(signal.SIGSTOP)
            time.sleep(0.1)  # what was on its way has arrived
            manager.settimeout(0.01)
            with pytest.raises(TimeoutError):
                while True:
                    manager.recv(1000)
            manager.settimeout(2.0)
            with pytest.raises(TimeoutError):
                manager.recv(1000)
        finally:
            daemon.kill()
            daemon.wait()
