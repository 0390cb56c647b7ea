"""Tests of interrupted copies, with processes that are killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.config import InboxConfig
from appliance.inbox.partial_copies import (
    atomic_copy,
    remove_failure_note,
    remove_partial_copies,
    write_failure_note,
)
from appliance.inbox.scanner import InboxScanner
from appliance.jobs.store import JobStore, store_path

_COPY = """
import sys
from pathlib import Path
from appliance.inbox.partial_copies import atomic_copy
with atomic_copy(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("copying", flush=True)
    sys.stdin.read()
"""
PART = ".lesson.wav.usb-part"
NOTE = "failed/lesson.wav.reason.txt"


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


@pytest.fixture
def copier(inbox: Path, project: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has copied half of ``lesson.wav``."""
    command = [sys.executable, "-c", _COPY, str(inbox / "lesson.wav")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=project
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "copying\n"
        yield process
        process.kill()


def list_files(inbox: Path) -> list[str]:
    return sorted(str(p.relative_to(inbox)) for p in inbox.rglob("*") if p.is_file())


def test_copy_in_progress_is_kept(inbox: Path, copier: subprocess.Popen[str]) -> None:
    remove_partial_copies(inbox)
    assert list_files(inbox) == [PART]
    copier.communicate()  # the copy is completed
    assert list_files(inbox) == ["lesson.wav"]


def test_scan_removes_a_partial_copy_after_a_power_cut(
    inbox: Path, copier: subprocess.Popen[str]
) -> None:
    copier.send_signal(signal.SIGKILL)
    copier.wait()
    assert list_files(inbox) == [PART]
    path = store_path(inbox.parent)
    path.parent.mkdir()
    with JobStore(path) as store:
        InboxScanner(store, inbox.parent, InboxConfig()).scan()
        assert list(store.jobs()) == []
    assert list_files(inbox) == [NOTE]
    text = (inbox / NOTE).read_text(encoding="utf-8")
    assert "Plug the USB drive in again" in text and "重新插入" in text


def test_note_is_removed_but_not_the_reason_of_a_job(inbox: Path) -> None:
    write_failure_note(inbox, "lesson.wav")
    remove_failure_note(inbox, "lesson.wav")
    assert list_files(inbox) == []
    (inbox / NOTE).write_text("the reason of a job")
    remove_failure_note(inbox, "lesson.wav")
    assert list_files(inbox) == [NOTE]
    remove_failure_note(inbox, "another.wav")


def test_note_for_a_name_that_is_not_valid_text(inbox: Path) -> None:
    write_failure_note(inbox, "caf\udce9.wav")
    assert "caf\\udce9.wav" in next((inbox / "failed").iterdir()).read_text()


def test_files_of_other_programs_are_kept(inbox: Path) -> None:
    (inbox / PART).symlink_to(inbox / "elsewhere")
    (inbox / ".lesson.wav.part").write_bytes(b"another program's")
    remove_partial_copies(inbox)
    assert {path.name for path in inbox.iterdir()} == {PART, ".lesson.wav.part"}


def test_failed_copy_leaves_nothing(inbox: Path) -> None:
    with pytest.raises(ZeroDivisionError), atomic_copy(inbox / "lesson.wav") as file:
        file.write(bytes(1 // (len(PART) - len(PART))))
    assert list_files(inbox) == []
