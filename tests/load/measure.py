"""Measure how long others wait for the panel while one address attacks it.

The panel, the attacker and the visitor are in network namespaces of their own, so this needs root.
The attacker holds four kinds of connections: silent ones, requests that arrive one byte a second,
downloads of which one byte a second is read, and event streams. It is signed in as a viewer; the
visitor is another user. The attacker runs at the lowest priority, because a real one has its own
processor.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from appliance.jobs.models import NewJob
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore
from tests.load.network import HOSTILE, PANEL, PANEL_ADDRESS, VISITOR, Network
from web.accounts.sessions import SessionStore
from web.accounts.users import Role, UserStore, users_path

PORT = 8080
LIMIT_S = 1.0
"""Longest time that 99 of 100 requests of others may take in seconds."""

VIDEO_BYTES = 1 << 30
ATTACKS = ("silent", "trickle", "slow_reader", "stream")
PATHS = ("/healthz", "/")


@dataclass(frozen=True)
class Prepared:
    """A device with two users and a finished video."""

    config: Path
    hostile_cookie: str
    visitor_cookie: str
    video: str


def prepare(folder: Path, tls: bool) -> Prepared:
    """Create the device in ``folder``."""
    root = folder / "box"
    config = folder / "config.yaml"
    config.write_text(
        f"root: {root}\npanel: {{host: 0.0.0.0, port: {PORT}, default_ports: false, mdns: never,"
        f" tls: {'local-ca' if tls else 'none'}}}\n",
        encoding="utf-8",
    )
    users = UserStore(users_path(root))
    sessions = SessionStore(users, 36000, time.time)
    cookies = {}
    for name, role in ((HOSTILE, Role.VIEWER), (VISITOR, Role.ADMIN)):
        users.add(name, role, "four quiet words", time.time())
        cookies[name] = f"lectern={sessions.create(name)}"
    users.close()
    video = f"/api/v1/jobs/{_finished_job(root)}/video"
    return Prepared(config, cookies[HOSTILE], cookies[VISITOR], video)


def _finished_job(root: Path) -> int:
    """Add a finished job with a large video to the queue and return its number."""
    outbox = root / "outbox"
    outbox.mkdir(parents=True)
    output, report = outbox / "lesson.mp4", outbox / "lesson.report.json"
    with output.open("wb") as file:
        file.truncate(VIDEO_BYTES)
    report.write_text("{}")
    with WorkerStore(store_path(root)) as store:
        job = store.add(NewJob("lesson", Path("a.mp4"), Path("a.wav")))
        store.claim()
        store.set_output_paths(job.id, output, report)
        store.finish(job.id)
        store.mark_archived(job.id)
    return job.id


class Measurement:
    """A panel under attack, in a network of its own."""

    def __init__(self, folder: Path, *, tls: bool) -> None:
        self._tls = tls
        self._network = Network()
        self._prepared = prepare(folder, tls)
        self._log = folder / "log"
        self._attackers: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Measurement:
        self._network.__enter__()
        command = [*_python("appliance.cli"), "panel", "--config", str(self._prepared.config)]
        with self._log.open("wb") as file:
            self._panel = subprocess.Popen(
                self._network.command(PANEL, command), stdout=file, stderr=file
            )
        deadline = time.monotonic() + 60
        while max(self.visit(0.1)["/healthz"]) > 5:
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.2)
        return self

    def __exit__(self, *error: object) -> None:
        self.stop_attacks()
        self._panel.terminate()
        try:
            self._panel.wait(20)
        finally:
            self._panel.kill()
            self._panel.wait()
            self._network.__exit__(None, None, None)

    def attack(self, kind: str, count: int, path: str = "") -> None:
        """Hold ``count`` connections of ``kind`` from the hostile address."""
        host = PANEL_ADDRESS[HOSTILE]
        command = [*_python("tests.load.hostile"), kind, str(count), host, str(PORT)]
        command = ["nice", "-n", "19", *command, "--cookie", self._prepared.hostile_cookie]
        command += ["--path", path or self._prepared.video] + (["--tls"] if self._tls else [])
        self._attackers.append(
            subprocess.Popen(
                self._network.command(HOSTILE, command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )

    def stop_attacks(self) -> list[dict[str, Any]]:
        """End the attacks and return what the attackers have seen."""
        found = []
        for attacker in self._attackers:
            try:
                output, _ = attacker.communicate(timeout=30)
                found.append(json.loads(output))
            except (subprocess.TimeoutExpired, ValueError):
                attacker.kill()
                attacker.wait()
        self._attackers.clear()
        return found

    def visit(self, seconds: float, paths: Sequence[str] = PATHS) -> dict[str, list[float]]:
        """Return the sorted times in seconds of a visitor's requests by path."""
        host = PANEL_ADDRESS[VISITOR]
        command = [*_python("tests.load.visitor"), host, str(PORT), str(seconds), *paths]
        command += ["--cookie", self._prepared.visitor_cookie] + (["--tls"] if self._tls else [])
        done = subprocess.run(
            self._network.command(VISITOR, command), capture_output=True, text=True, check=True
        )
        times: dict[str, list[float]] = json.loads(done.stdout)
        return times

    def memory_mb(self) -> float:
        """Return the memory that only the panel's processes use, in MB (10^6 bytes)."""
        return sum(process.memory_full_info().uss for process in self._processes()) / 1e6

    def processor_s(self) -> float:
        """Return the processor time in seconds that the panel's processes have used."""
        return sum(sum(process.cpu_times()[:2]) for process in self._processes())

    def _processes(self) -> list[psutil.Process]:
        panel = psutil.Process(self._panel.pid)
        return [panel, *panel.children(recursive=True)]

    def log(self) -> str:
        """Return the panel's log."""
        return self._log.read_text()


def percentile(times: list[float], part: float) -> float:
    """Return the smallest of the sorted ``times`` that at least ``part`` of them do not exceed."""
    return times[min(len(times) - 1, int(len(times) * part))]


def _python(module: str) -> list[str]:
    return [sys.executable, "-m", module]


def main() -> int:
    """Attack a panel and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=400, help="number (default: 400)")
    parser.add_argument("--seconds", type=float, default=30.0, help="duration (default: 30)")
    parser.add_argument("--tls", action="store_true", help="with HTTPS")
    parser.add_argument("--busy", action="store_true", help="also 20 clients that request Home")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Measurement(Path(folder), tls=given.tls) as measurement,
    ):
        quiet = measurement.visit(given.seconds / 3)
        before = measurement.memory_mb()
        for kind in ATTACKS:
            measurement.attack(kind, given.connections // len(ATTACKS))
        if given.busy:
            measurement.attack("busy", 20, "/")
        time.sleep(3)  # until all have connected
        used = measurement.processor_s()
        attacked = measurement.visit(given.seconds)
        used = measurement.processor_s() - used
        after = measurement.memory_mb()
        for seen in measurement.stop_attacks():
            print("attackers:", json.dumps(seen))
        refusals = [line for line in measurement.log().splitlines() if "refused" in line]
    print(f"{len(refusals)} lines about refusals in the log, the last: {refusals[-1:]}")
    print(f"processor time of the panel during the attack: {used / given.seconds:.0%} of one core")
    print(f"memory of the panel: {before:.1f} MB before, {after:.1f} MB during the attack")
    worst = 0.0
    for path, times in attacked.items():
        worst = max(worst, percentile(times, 0.99))
        print(
            f"{path}: p50 {percentile(times, 0.5) * 1e3:.0f} ms, "
            f"p99 {percentile(times, 0.99) * 1e3:.0f} ms, longest {times[-1] * 1e3:.0f} ms "
            f"of {len(times)}; without the attack p50 {percentile(quiet[path], 0.5) * 1e3:.0f} ms, "
            f"p99 {percentile(quiet[path], 0.99) * 1e3:.0f} ms of {len(quiet[path])}"
        )
    return 0 if worst <= LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
