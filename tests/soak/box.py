"""A whole box in a folder: its daemon is started, killed and watched from outside."""

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
class Box:
    """With a presenter ``wang.png``, 160 pixels wide, and quick settings in ``box.yaml``."""

    root: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        model = write_wav2lip(self.root / "tiny.onnx")
        self.config.write_text(_CONFIG.replace("MODEL", str(model)))
        Image.fromarray(portrait()).resize((160, 160)).save(self.root / "wang.png")

    @property
    def config(self) -> Path:
        """Its settings."""
        return self.root / "box.yaml"

    def say(self, name: str, seconds: float, seed: int = 0) -> Path:
        """A lecture ``name`` in the box's folder."""
        return write_wav(self.root / name, voice(babble(round(25 * seconds), seed=seed)))

    def start(self) -> subprocess.Popen[bytes]:
        """Start the daemon; what it says goes to ``daemon.txt``."""
        command = [sys.executable, "-m", "appliance.cli", "serve", "--config", str(self.config)]
        with (self.root / "daemon.txt").open("ab") as out:
            process = subprocess.Popen(command, cwd=PROJECT, stderr=out, stdout=out)
        self.processes.append(process)
        return process

    def end(self) -> None:
        """Kill what still runs."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Tell the daemon to end, once it is at work, and wait for it."""
        wait_for(lambda: self._at_work(process.pid), 60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0

    def _at_work(self, pid: int) -> bool:
        with DaemonStatusStore(store_path(self.root)) as record:
            daemon = record.read()
        return daemon is not None and daemon.pid == pid

    def store(self) -> JobStore:
        """Its queue."""
        return JobStore(store_path(self.root))

    def wait_until_over(self, process: subprocess.Popen[bytes], limit_s: float) -> None:
        """Until every job has ended and its files are put away; the daemon must live."""

        def over() -> bool:
            assert process.poll() is None, (self.root / "daemon.txt").read_text()[-3000:]
            with self.store() as store:
                return len(store.jobs(FINAL_STATES)) == len(store.jobs()) and not store.unarchived()

        wait_for(over, limit_s, pause_s=0.5)


def wait_for(condition: Callable[[], bool], limit_s: float, pause_s: float = 0.05) -> None:
    """Until ``condition``; fails after ``limit_s``."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, f"it did not come within {limit_s} s"
        time.sleep(pause_s)


@dataclass(frozen=True)
class Footprint:
    """What a daemon holds: its own memory (MiB, without its children's) and file descriptors."""

    rss_mb: float
    descriptors: int

    @classmethod
    def of(cls, pid: int) -> Footprint:
        process = psutil.Process(pid)
        return cls(process.memory_info().rss / (1 << 20), process.num_fds())


def count(variable: str, default: int) -> int:
    """How often, from the environment: the big runs are for patient people."""
    return int(os.environ.get(variable, default))
