"""A complete device in a folder, whose daemon is started, killed and observed from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from PIL import Image

from appliance.jobs.daemon_status import DaemonStatusStore
from appliance.jobs.states import FINAL_STATES
from appliance.jobs.store import JobStore, store_path
from tests.render.conftest import write_wav
from tests.talking_face import babble, portrait, voice
from tests.tiny_wav2lip import write_wav2lip

PROJECT = Path(__file__).resolve().parents[2]

_CONFIG = """\
root: .
video: {crf: 0, badge: false, preset: ultrafast}
render: {chunk_s: 1}
lips: {model: MODEL}
score: {enabled: false}
jobs: {min_free_disk_mb: 0}
governor: {min_start_memory_mb: 0, min_running_memory_mb: 0}
inbox: {poll_interval_s: 0.2, settle_s: 0.5, incomplete_timeout_s: 1}
"""


@dataclass
class Device:
    """A device with a presenter ``wang.png``, 160 pixels wide, and quick settings."""

    root: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        model = write_wav2lip(self.root / "tiny.onnx")
        self.config.write_text(_CONFIG.replace("MODEL", str(model)))
        Image.fromarray(portrait()).resize((160, 160)).save(self.root / "wang.png")

    @property
    def config(self) -> Path:
        """The path of the settings."""
        return self.root / "device.yaml"

    def write_lecture(self, name: str, seconds: float, seed: int = 0) -> Path:
        """Write a lecture ``name`` into the device's folder."""
        return write_wav(self.root / name, voice(babble(round(25 * seconds), seed=seed)))

    def start(self) -> subprocess.Popen[bytes]:
        """Start the daemon; its output goes to ``daemon.txt``."""
        command = [sys.executable, "-m", "appliance.cli", "serve", "--config", str(self.config)]
        with (self.root / "daemon.txt").open("ab") as out:
            process = subprocess.Popen(command, cwd=PROJECT, stderr=out, stdout=out)
        self.processes.append(process)
        return process

    def kill(self) -> None:
        """Kill the processes that still run."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Stop the daemon once it has started, and wait for its end."""
        wait_for(lambda: self._is_started(process.pid), 60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0

    def _is_started(self, pid: int) -> bool:
        with DaemonStatusStore(store_path(self.root)) as status:
            daemon = status.read()
        return daemon is not None and daemon.pid == pid

    def store(self) -> JobStore:
        """Open the job store."""
        return JobStore(store_path(self.root))

    def wait_until_all_ended(self, process: subprocess.Popen[bytes], limit_s: float) -> None:
        """Wait until every job has ended and is archived; the daemon must keep running."""

        def all_archived() -> bool:
            assert process.poll() is None, (self.root / "daemon.txt").read_text()[-3000:]
            with self.store() as store:
                return len(store.jobs(FINAL_STATES)) == len(store.jobs()) and not store.unarchived()

        wait_for(all_archived, limit_s, pause_s=0.5)


def wait_for(condition: Callable[[], bool], limit_s: float, pause_s: float = 0.05) -> None:
    """Wait until ``condition`` is true; fail after ``limit_s``."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, f"the condition was not true within {limit_s} s"
        time.sleep(pause_s)


@dataclass(frozen=True)
class Footprint:
    """The memory (MiB, without its children) and the file descriptors of a daemon."""

    rss_mb: float
    descriptors: int

    @classmethod
    def of(cls, pid: int) -> Footprint:
        process = psutil.Process(pid)
        return cls(process.memory_info().rss / (1 << 20), process.num_fds())


def count(variable: str, default: int) -> int:
    """Return a number from the environment, for longer runs."""
    return int(os.environ.get(variable, default))
