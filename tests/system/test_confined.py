"""Real confined children; the kernel enforces what they may do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance.system.confined import ConfinedChild, Confinement, confined_child
from appliance.system.landlock import landlock_version

PROGRAM = "tests.system.confined_program"
PROJECT = Path(__file__).resolve().parents[2]

needs_landlock = pytest.mark.skipif(landlock_version() < 3, reason="the kernel has no Landlock")


def send(child: ConfinedChild, line: str) -> str:
    """Send a line and return the reply."""
    assert child.process.stdin is not None and child.process.stdout is not None
    child.process.stdin.write(line.encode() + b"\n")
    child.process.stdin.flush()
    return child.process.stdout.readline().decode()


def small(**changes: object) -> Confinement:
    values: dict[str, object] = {"memory_mb": 200, "cpu_s": 30, "file_mb": 1, "open_files": 64}
    # The tests are outside the packages that a child may read.
    readable = (PROJECT / "tests", *changes.pop("readable", ()))  # type: ignore[misc]
    return Confinement(**{**values, "readable": readable, **changes})  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "writable").mkdir()
    for name in ("given", "other"):
        (tmp_path / name).write_bytes(b"content")
    return tmp_path


@needs_landlock
def test_child_has_its_files_and_nothing_else(folder: Path) -> None:
    limits = small(readable=(folder / "given",), writable=(folder / "writable",))
    with confined_child(PROGRAM, limits) as child:
        result = json.loads(send(child, str(folder)))
        assert child.wait(10) == 0
    assert result == {
        "given": "ok", "other": "EACCES", "list": "EACCES", "write given": "EACCES",
        "write folder": "ok", "write elsewhere": "EACCES", "large file": "EFBIG",
        "inet": "EPERM", "unix": "EPERM", "memory": "MemoryError", "descriptors": "EMFILE",
        "parent": "EPERM" if landlock_version() >= 6 else "ok", "parent's memory": "EACCES",
        "no new privileges": "True", "own group": "True",
        "temporary": str(folder / "writable"),
    }  # fmt: skip


@needs_landlock
def test_file_that_takes_the_place_of_a_given_one_is_not_readable(folder: Path) -> None:
    limits = small(readable=(folder / "given",))
    with confined_child(PROGRAM, limits) as child:
        wait_until_confined(child)
        (folder / "given").unlink()
        (folder / "given").symlink_to("other")
        assert json.loads(send(child, str(folder)))["given"] == "EACCES"


def test_devices_permit_local_sockets(folder: Path) -> None:
    with confined_child(PROGRAM, small(devices=True)) as child:
        result = json.loads(send(child, str(folder)))
    assert (result["inet"], result["unix"]) == ("EPERM", "ok")


def test_processor_time_is_limited() -> None:
    with confined_child(PROGRAM, small(cpu_s=2)) as child:
        assert child.process.stdin is not None
        child.process.stdin.write(b"busy\n")
        child.process.stdin.flush()
        assert child.wait(120) in (-signal.SIGXCPU, -signal.SIGKILL)


def test_child_that_ignores_sigterm_is_killed_with_its_children() -> None:
    with confined_child(PROGRAM, small()) as child:
        other = int(send(child, "stubborn"))
        child.terminate()
        assert child.wait(0.5) is None
    end = time.monotonic() + 30
    while is_running(child.process.pid) or is_running(other):  # the kernel ends them soon
        assert time.monotonic() < end
        time.sleep(0.05)


def test_child_ends_when_its_parent_is_killed() -> None:
    """Also a child that never looks at its standard input."""
    code = (
        "import sys, time\n"
        "from appliance.system.confined import Confinement, confined_child\n"
        f"limits = Confinement(200, 100, 1, readable=({PROJECT / 'tests'!r},))\n"
        f"with confined_child({PROGRAM!r}, limits) as child:\n"
        "    child.process.stdin.write(b'busy\\n'); child.process.stdin.flush()\n"
        "    print(child.process.pid, flush=True)\n"
        "    time.sleep(600)\n"
    ).replace("PosixPath", "__import__('pathlib').Path")
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    end = time.monotonic() + 30
    while is_running(pid):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_confinement_survives_its_text_form() -> None:
    odd = Path(os.fsdecode(b"/a\xff\n"))
    confinement = Confinement(1, None, 3, readable=(odd,), writable=(Path("/b"),), devices=True)
    assert Confinement.from_json(confinement.to_json()) == confinement


def is_running(pid: int) -> bool:
    """Return whether the process exists and is no zombie."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def wait_until_confined(child: ConfinedChild) -> None:
    """Wait until the child has restricted itself, which it does after its rules are complete."""
    end = time.monotonic() + 60
    while "Seccomp:\t2" not in Path(f"/proc/{child.process.pid}/status").read_text():
        assert time.monotonic() < end
        time.sleep(0.02)
