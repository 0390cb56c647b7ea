"""Notifications to systemd, read from a real socket."""

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
    """The service manager's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(30)
        yield line


class TestSender:
    def test_lines_are_sent_as_one_datagram(self, manager: socket.socket) -> None:
        make_notifier({"NOTIFY_SOCKET": manager.getsockname()})("READY=1\nSTATUS=running")
        assert manager.recv(1000) == b"READY=1\nSTATUS=running"

    def test_abstract_address_is_supported(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.bind(f"\0lectern-test-{os.getpid()}")
            make_notifier({"NOTIFY_SOCKET": f"@lectern-test-{os.getpid()}"})("READY=1")
            assert line.recv(100) == b"READY=1"

    @pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all"])
    def test_missing_socket_is_ignored(self, address: str) -> None:
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
    def test_interval_applies_to_this_process_only(
        self, environment: dict[str, str], expected: float | None
    ) -> None:
        assert watchdog_interval_s(environment, pid=7) == expected


class _FakeStop(threading.Event):
    """An event without real waiting: each wait is one check; ``between`` says when to beat."""

    def __init__(self, between: list[bool], heartbeat: Heartbeat) -> None:
        super().__init__()
        self._between, self._heartbeat = iter(between), heartbeat

    def wait(self, timeout: float | None = None) -> bool:
        beat_first = next(self._between, None)
        if beat_first:
            self._heartbeat.beat()
        return beat_first is None


class TestGuard:
    def test_watchdog_is_notified_while_work_progresses(self) -> None:
        heartbeat, sent = Heartbeat(), list[str]()
        run_watchdog(heartbeat, 60.0, sent.append, _FakeStop([True, True], heartbeat))
        assert sent == ["WATCHDOG=1"] * 3

    def test_watchdog_is_not_notified_while_the_worker_hangs(self) -> None:
        heartbeat, sent = Heartbeat(), list[str]()
        run_watchdog(heartbeat, 60.0, sent.append, _FakeStop([False] * 50, heartbeat))
        assert sent == ["WATCHDOG=1"]
        run_watchdog(
            heartbeat, 60.0, sent.append, _FakeStop([False, False, True, False], heartbeat)
        )
        assert sent == ["WATCHDOG=1"] * 3


class TestReporting:
    def test_stopping_is_sent_after_an_exception(self, manager: socket.socket) -> None:
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

    def test_daemon_sends_ready_watchdog_and_stopping(
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

    def test_suspended_daemon_sends_nothing(self, tmp_path: Path, manager: socket.socket) -> None:
        daemon = self.start(tmp_path, manager)
        try:
            while not manager.recv(1000).startswith(b"READY=1"):
                pass
            daemon.send_signal(signal.SIGSTOP)
            time.sleep(0.1)  # datagrams already sent have arrived
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
