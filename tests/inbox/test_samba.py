"""Tests with a real SMB share, to which a client copies files slowly."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.config import InboxConfig
from appliance.inbox.scanner import InboxScanner
from appliance.jobs.store import JobStore, store_path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("smbclient") is None, reason="smbclient is not installed"),
    pytest.mark.skipif(shutil.which("smbd", path="/usr/sbin:/usr/bin") is None,
                       reason="smbd is not installed"),
]  # fmt: skip

SETTLE_S = 0.3

CONFIG = """\
[global]
server role = standalone server
interfaces = 127.0.0.1/8
bind interfaces only = yes
smb ports = {port}
private dir = {folder}
state directory = {folder}
lock directory = {folder}
cache directory = {folder}
pid directory = {folder}
ncalrpc dir = {folder}/ncalrpc
log file = {folder}/log
map to guest = Bad User
guest account = {user}
load printers = no
disable spoolss = yes
[inbox]
path = {inbox}
guest ok = yes
read only = no
"""


class Share:
    """The inbox as an SMB share, with a scanner."""

    def __init__(self, root: Path, port: int, config: Path) -> None:
        settings = InboxConfig(settle_s=SETTLE_S, settle_unknown_s=5, incomplete_timeout_s=30)
        self.store = JobStore(store_path(root))
        self.scanner = InboxScanner(self.store, root, settings)
        self.folder = root / "inbox"
        where = ["//127.0.0.1/inbox", "-p", str(port), "-N", "-s", str(config)]
        self._client = ["smbclient", *where]

    def do(self, command: str) -> subprocess.CompletedProcess[bytes]:
        """Run one command of smbclient."""
        return subprocess.run([*self._client, "-c", command], capture_output=True, check=False)

    def put_slowly(self, name: str, content: bytes, piece: int, pause_s: float) -> None:
        """Copy piece by piece, and check that scans meanwhile create no job."""
        client = subprocess.Popen(
            [*self._client, "-c", f'put - "{name}"'],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert client.stdin is not None
        before, sizes = len(self.store.jobs()), set()
        for start in range(0, len(content), piece):
            client.stdin.write(content[start : start + piece])
            client.stdin.flush()
            self.scan(pause_s)
            assert len(self.store.jobs()) == before
            if (self.folder / name).exists():
                sizes.add((self.folder / name).stat().st_size)
        client.stdin.close()
        assert client.wait(30) == 0
        assert (self.folder / name).read_bytes() == content
        assert len(sizes) > 1  # it arrived piece by piece

    def scan(self, seconds: float) -> None:
        """Scan repeatedly for ``seconds``."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.scanner.scan()
            time.sleep(0.05)

    def scan_until(self, condition: Callable[[], bool]) -> None:
        """Scan repeatedly until ``condition`` is true."""
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end, "timeout"
            self.scan(0.1)


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Share]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder, root = tmp_path / "samba", tmp_path / "root"
    folder.mkdir()
    (root / "presenters").mkdir(parents=True)
    (root / "presenters" / "default.png").touch()
    config = folder / "smb.conf"
    config.write_text(CONFIG.format(
        port=port, folder=folder, user=getpass.getuser(), inbox=root / "inbox"
    ))  # fmt: skip
    share = Share(root, port, config)
    command = [str(shutil.which("smbd", path="/usr/sbin:/usr/bin")), "-F", "--no-process-group"]
    server = subprocess.Popen(
        [*command, "-s", str(config)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        end = time.monotonic() + 30
        while share.do("ls").returncode != 0:
            if server.poll() is not None or time.monotonic() > end:
                pytest.skip("smbd does not start here")
            time.sleep(0.2)
        yield share
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(10)


def names(share: Share) -> list[str]:
    return [job.lecture.name for job in share.store.jobs()[::-1] if job.lecture]


def test_slow_copies_create_one_job_each_when_complete(share: Share) -> None:
    words = b"Light is fast. " * 1_200_000  # 18 MB: smbclient sends several megabytes at a time
    # The pause between two pieces is longer than the time for which a file must be unchanged.
    share.put_slowly("课 三.txt", words, 6_000_000, 2 * SETTLE_S)
    share.scan_until(lambda: names(share) == ["课 三.txt"])

    share.put_slowly("other.txt.part", words, 6_000_000, 2 * SETTLE_S)
    share.scan(3 * SETTLE_S)
    assert names(share) == ["课 三.txt"]
    assert share.do("rename other.txt.part other.txt").returncode == 0
    share.scan_until(lambda: names(share) == ["课 三.txt", "other.txt"])

    assert share.do("mkdir week").returncode == 0
    for name in ("1.txt", "2.txt"):
        share.put_slowly(f"week/{name}", words, 6_000_000, 2 * SETTLE_S)
    share.scan_until(lambda: len(names(share)) == 4)
    share.scan(3 * SETTLE_S)
    assert names(share)[2:] == ["1.txt", "2.txt"]
