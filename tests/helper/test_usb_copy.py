"""What is taken from a stick and what is put on one, with folders in a stick's place."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from typing import NamedTuple

import pytest

from appliance.errors import BadInput, Fault
from appliance.helper import usb_copy
from appliance.helper.usb_copy import (
    ImportLog,
    export_results,
    find_folder,
    find_media_files,
    import_files,
)


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    folder = tmp_path / "stick"
    folder.mkdir()
    for name in ("talk.wav", "wang.mp4", "notes.pdf", "._talk.wav", "talk.wav.part"):
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


PATIENCE_S = 120.0
"""An emulated processor is slow to start a program."""


class Endless(NamedTuple):
    """A helper that copies a file which goes on until ``pen`` is closed; 5000 bytes are through."""

    helper: subprocess.Popen[bytes]
    pen: int

    def has_ended(self) -> bool:
        """Whether the helper has; if not, the file goes on by as much as there is room for."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self.pen, bytes(1 << 16))
        return self.helper.poll() is not None


_HELPER = """
import os, signal, sys
from functools import partial
from pathlib import Path
from appliance.helper import __main__ as main
from appliance.helper.service_user import ServiceUser, run_as_user
from appliance.helper.usb_copy import ImportLog, import_files

def work(top):
    import_files([top / "endless.wav"], "A", top / "inbox", ImportLog(top / "taken.tsv"))
    return {}

signal.signal(signal.SIGTERM, main._exit_on_signal)
run_as_user(ServiceUser(os.getuid(), os.getgid()), partial(work, Path(sys.argv[1])))
"""

_TOLD_TO_END_WHEN_IT_LOCKS_THE_NEW_FILE = """
import os, signal, sys
from pathlib import Path

def told(event, arguments):
    if event == "fcntl.flock" and Path(sys.argv[1], "inbox/.endless.wav.usb-part").exists():
        os.killpg(0, signal.SIGTERM)

sys.addaudithook(told)
"""


@pytest.fixture
def endless(inbox: Path, project: Path) -> Iterator[Endless]:
    os.mkfifo(inbox.parent / "endless.wav")
    command = [sys.executable, "-c", _HELPER, str(inbox.parent)]
    with subprocess.Popen(command, cwd=project, start_new_session=True) as helper:
        pen = os.open(inbox.parent / "endless.wav", os.O_WRONLY)  # waits for who reads
        os.write(pen, bytes(5000))
        until((inbox / ".endless.wav.usb-part").exists)
        yield Endless(helper, pen)
        helper.kill()
        with contextlib.suppress(OSError):
            os.close(pen)


def until(happens: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.02)


def left_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


class TestMaterial:
    def test_is_what_lectern_knows(self, stick: Path) -> None:
        assert names(find_media_files(stick, only_folder=False)) == ["talk.wav", "wang.mp4"]

    def test_a_private_stick_is_left_alone_when_it_arrives(self, stick: Path) -> None:
        assert find_media_files(stick, only_folder=True) == []

    def test_only_the_folder_counts_where_there_is_one(self, stick: Path) -> None:
        (stick / "LECTERN").mkdir()
        (stick / "LECTERN" / "lesson.txt").write_text("hello")
        for only_folder in (True, False):
            assert names(find_media_files(stick, only_folder=only_folder)) == ["lesson.txt"]

    def test_links_lead_nowhere(self, stick: Path, tmp_path: Path) -> None:
        secret = tmp_path / "secret.txt"
        secret.write_text("of the box")
        (stick / "a.txt").symlink_to(secret)
        (stick / "lectern").symlink_to(tmp_path)
        assert names(find_media_files(stick, only_folder=False)) == ["talk.wav", "wang.mp4"]


class TestBring:
    def bring(self, stick: Path, inbox: Path) -> list[str]:
        taken = ImportLog(inbox.parent / "taken.tsv")
        return import_files(find_media_files(stick, only_folder=False), "1234-ABCD", inbox, taken)

    def test_copies_the_bytes_and_leaves_nothing_else(self, stick: Path, inbox: Path) -> None:
        assert self.bring(stick, inbox) == ["talk.wav", "wang.mp4"]
        assert (inbox / "talk.wav").read_bytes() == b"talk.wav"
        assert sorted(os.listdir(inbox)) == ["talk.wav", "wang.mp4"]

    def test_the_same_stick_brings_nothing_twice(self, stick: Path, inbox: Path) -> None:
        self.bring(stick, inbox)
        (inbox / "talk.wav").unlink()  # the daemon has taken it
        assert self.bring(stick, inbox) == []
        (stick / "talk.wav").write_bytes(b"a new recording")
        assert self.bring(stick, inbox) == ["talk.wav"]

    def test_files_of_one_name_get_one_number(self, stick: Path, inbox: Path) -> None:
        (stick / "talk.mp4").write_bytes(b"presenter")
        (inbox / "TALK.wav").write_bytes(b"somebody else's")
        assert self.bring(stick, inbox) == ["talk-2.mp4", "talk-2.wav", "wang.mp4"]
        assert (inbox / "TALK.wav").read_bytes() == b"somebody else's"

    def test_without_room_nothing_is_begun(
        self, stick: Path, inbox: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Usage(NamedTuple):
            free: int

        monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10))
        with pytest.raises(Fault) as caught:
            self.bring(stick, inbox)
        assert caught.value.code == "disk_full"
        assert os.listdir(inbox) == []

    def test_a_stick_that_is_pulled_out_leaves_a_note_until_it_is_back(
        self, stick: Path, inbox: Path
    ) -> None:
        # Reading it fails with the error that a device gives that is gone.
        gone = Path("/proc/self/mem")
        taken = ImportLog(inbox.parent / "taken.tsv")
        with pytest.raises(BadInput) as caught:
            import_files([stick / "talk.wav", gone], "1234-ABCD", inbox, taken)
        assert caught.value.code == "usb_copy_incomplete"
        assert sorted(os.listdir(inbox)) == ["failed", "talk.wav"]
        assert os.listdir(inbox / "failed") == ["mem.reason.txt"]
        (stick / "mem").write_bytes(b"whole")
        assert import_files([stick / "mem"], "1234-ABCD", inbox, taken) == ["mem"]
        assert os.listdir(inbox / "failed") == []

    def test_names_that_are_too_long_for_the_box_are_cut(self, stick: Path, inbox: Path) -> None:
        name = 83 * "课" + ".wav"  # a stick may have longer ones, but this disk not
        (stick / name).write_bytes(b"lesson")
        taken = ImportLog(inbox.parent / "taken.tsv")
        for brought in (66 * "课" + ".wav", 66 * "课" + "-2.wav"):
            assert import_files([stick / name], "1234-ABCD", inbox, taken) == [brought]
            (stick / name).write_bytes(b"another lesson")

    def test_systemd_ends_it_without_leavings(self, endless: Endless, inbox: Path) -> None:
        os.killpg(endless.helper.pid, signal.SIGTERM)  # all processes of the unit, as systemd does
        # Python sees a signal that comes just before it reads only when that read has ended.
        os.set_blocking(endless.pen, False)
        until(endless.has_ended)
        assert endless.helper.returncode == 128 + signal.SIGTERM
        assert left_in(inbox) == ["failed/endless.wav.reason.txt"]

    def test_nor_where_it_has_only_made_the_file(self, inbox: Path, project: Path) -> None:
        (inbox.parent / "endless.wav").write_bytes(bytes(5000))
        program = _TOLD_TO_END_WHEN_IT_LOCKS_THE_NEW_FILE + _HELPER
        command = [sys.executable, "-c", program, str(inbox.parent)]
        done = subprocess.run(
            command, cwd=project, start_new_session=True, timeout=PATIENCE_S, check=False
        )
        assert done.returncode == 128 + signal.SIGTERM
        assert left_in(inbox) == ["failed/endless.wav.reason.txt"]

    def test_two_sticks_at_once_bring_files_of_one_name_both(
        self, endless: Endless, stick: Path, inbox: Path
    ) -> None:
        (stick / "endless.wav").write_bytes(b"another lecture")
        with ThreadPoolExecutor(1) as second:
            taken = ImportLog(inbox.parent / "taken.tsv")
            coming = second.submit(import_files, [stick / "endless.wav"], "B", inbox, taken)
            with pytest.raises(NotYet):
                coming.result(0.3)
            os.close(endless.pen)
            assert coming.result(PATIENCE_S) == ["endless-2.wav"]
        assert endless.helper.wait(PATIENCE_S) == 0
        assert (inbox / "endless.wav").read_bytes() == bytes(5000)
        assert (inbox / "endless-2.wav").read_bytes() == b"another lecture"
        lines = (inbox.parent / "taken.tsv").read_text().splitlines()
        assert [line.split("\t")[0] for line in lines] == ["A", "B"]


class TestHandOut:
    @pytest.fixture
    def outbox(self, tmp_path: Path) -> Path:
        (tmp_path / "outbox").mkdir()
        for name in ("a.mp4", "a.srt", "a.report.json", "b: why?.mp4", ".c.mp4"):
            (tmp_path / "outbox" / name).write_bytes(name.encode())
        return tmp_path / "outbox"

    def test_copies_videos_and_subtitles_once(self, outbox: Path, stick: Path) -> None:
        target = stick / "results"
        assert export_results(outbox, target) == (["a.mp4", "a.srt", "b: why?.mp4"], [])
        assert sorted(os.listdir(target)) == ["a.mp4", "a.srt", "b_ why_.mp4"]
        assert export_results(outbox, target) == ([], [])

    def test_what_the_file_system_cannot_hold_is_named(
        self, outbox: Path, stick: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def too_large(source: Path, target: Path) -> None:
            if source.name == "a.mp4":
                raise OSError(errno.EFBIG, "File too large")
            shutil.copy(source, target)

        monkeypatch.setattr(usb_copy, "copy_file", too_large)
        assert export_results(outbox, stick / "results") == (["a.srt", "b: why?.mp4"], ["a.mp4"])

    def test_a_full_stick_says_how_far_it_got(self, outbox: Path) -> None:
        def no_room(source: Path, target: Path) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with pytest.MonkeyPatch.context() as patch, pytest.raises(BadInput) as caught:
            patch.setattr(usb_copy, "copy_file", no_room)
            export_results(outbox, outbox.parent / "stick")
        assert (caught.value.code, caught.value.details) == ("usb_full", {"copied": "0"})


def test_a_broken_copy_leaves_no_half_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        usb_copy.copy_file(tmp_path, tmp_path / "target")
    assert os.listdir(tmp_path) == []


def test_folders_are_found_in_any_case(tmp_path: Path) -> None:
    (tmp_path / "Lectern").mkdir()
    assert find_folder(tmp_path, "lectern") == tmp_path / "Lectern"
    assert find_folder(tmp_path, "results") is None
