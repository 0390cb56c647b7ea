"""A fault at the n-th change of a file or of the queue, during one whole job; then a restart.

A few n by default; ``LECTERN_FAULTS=all`` for every one of each kind.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from appliance.jobs.states import JobState
from appliance.jobs.store import JobStore, store_path
from tests.soak.device import PROJECT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler"),
]

HOW = ("eio", "enospc", "kill", "torn", "after")
SAMPLE = 3
"""Number of calls of each kind of fault that are tried by default."""

_CONFIG = "root: box\njobs: {min_free_disk_mb: 0}\ngovernor: {min_start_memory_mb: 0}\n"


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that injects the fault."""
    library = tmp_path_factory.mktemp("shim") / "fault.so"
    source = PROJECT / "tests" / "soak" / "fault.c"
    command = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return library


def run(folder: Path, shim: Path | None, at: int = 0, how: str = "") -> int:
    """Run the job, or what is left of it; return the exit status."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"}
    if shim is not None:
        environment |= {
            "LD_PRELOAD": str(shim), "FAULT_ROOT": str(folder / "box"),
            "FAULT_LOG": str(folder / "calls"), "FAULT_AT": str(at), "FAULT_HOW": how,
        }  # fmt: skip
    with (folder / "log").open("ab") as log:
        return subprocess.run(
            [sys.executable, "-m", "tests.soak.one_job", str(folder / "box")],
            cwd=PROJECT, env=environment, stdout=log, stderr=log, check=False, timeout=300,
        ).returncode  # fmt: skip


def new_device(folder: Path) -> Path:
    """Create a device with one job in its inbox."""
    inbox = folder / "box" / "inbox"
    inbox.mkdir(parents=True)
    (folder / "device.yaml").write_text(_CONFIG)
    (inbox / "lesson.wav").write_bytes(b"lecture")
    (inbox / "lesson.png").write_bytes(b"presenter")
    return folder


def check_end(folder: Path) -> str:
    """Check that nothing is lost, doubled or left over; return how the job ended."""
    root = folder / "box"
    with JobStore(store_path(root)) as store:
        (job,) = store.jobs()
        assert not store.unarchived()
    with sqlite3.connect(store_path(root)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    files = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())
    inbox = [name for name in files if name.startswith("inbox/")]
    outbox = [name for name in files if name.startswith("outbox/")]
    assert not [name for name in files if Path(name).is_relative_to("state/work")]
    ending = "done" if job.state is JobState.DONE else "failed"
    sources = [f"inbox/{ending}/lesson.png", f"inbox/{ending}/lesson.wav"]
    for name, content in zip(sources, (b"presenter", b"lecture"), strict=True):
        assert (root / name).read_bytes() == content
    if job.state is JobState.DONE:
        assert inbox == sources
        assert outbox == [f"outbox/lesson{end}" for end in (".jpg", ".mp4", ".report.json", ".srt")]
        assert (root / "outbox" / "lesson.mp4").read_bytes() == b".mp4lecture"
        return "done"
    assert job.state is JobState.FAILED and job.reason is not None
    assert inbox == sorted([*sources, "inbox/failed/lesson.reason.txt"])
    assert outbox == []
    return job.reason.code


@pytest.mark.parametrize("how", HOW)
def test_restart_ends_the_job_after_a_fault_at_any_call(
    tmp_path: Path, shim: Path, how: str
) -> None:
    first = new_device(tmp_path / "first")
    assert run(first, shim) == 0, (first / "log").read_text()
    assert check_end(first) == "done"
    calls = (first / "calls").read_text().split()
    if os.environ.get("LECTERN_FAULTS") == "all":
        numbers = list(range(1, len(calls) + 1))
    else:
        start, step = 1 + 7 * HOW.index(how), max(len(calls) // SAMPLE, 1)
        numbers = list(range(start, len(calls) + 1, step))
    outcomes: Counter[str] = Counter()
    wrong: list[str] = []
    for number in numbers:
        folder = new_device(tmp_path / f"{number}")
        status = run(folder, shim, number, how)
        try:
            assert run(folder, None) == 0
            outcomes[f"{status}: {check_end(folder)}"] += 1
            shutil.rmtree(folder)
        except (AssertionError, ValueError, OSError) as error:
            wrong.append(f"{how} at {number} ({calls[number - 1]}), {folder}: {error}"[:600])
    print(how, len(calls), "calls", Counter(calls), "tried", len(numbers), outcomes)
    assert not wrong, "\n".join(wrong)
