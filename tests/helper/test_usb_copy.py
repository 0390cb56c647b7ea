"""Importing from a USB drive and exporting to it, with folders in place of drives."""

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
def drive(tmp_path: Path) -> Path:
    folder = tmp_path / "drive"
    folder.mkdir()
    for name in ("talk.wav", "wang.mp4", "notes.pdf", "._talk.wav", "talk.wav.part"):
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


TIMEOUT_S = 120.0
"""An emulated processor is slow to start a program."""


class EndlessCopy(NamedTuple):
    """A helper that has copied 5000 bytes and waits with the rest until ``writer`` is closed."""

    helper: subprocess.Popen[bytes]
    writer: int

    def has_ended(self) -> bool:
        """Return whether the helper has ended; if not, let it continue."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self.writer, b"1")
        return self.helper.poll() is not None


_HELPER = """
import os, signal, sys
from functools import partial
from pathlib import Path
from appliance.helper import __main__ as main
from appliance.helper import usb_copy
from appliance.helper.service_user import ServiceUser, run_as_user
from appliance.helper.usb_copy import ImportLog, import_files

def work(top):
    import_files([top / "endless.wav"], "A", top / "inbox", ImportLog(top / "imported.tsv"))
    return {}

usb_copy._open_regular = lambda path: path.open("rb")  # a named pipe stands for a slow drive
signal.signal(signal.SIGTERM, main._exit_on_signal)
run_as_user(ServiceUser(os.getuid(), os.getgid()), partial(work, Path(sys.argv[1])))
"""

_WAITS_BEFORE_THE_LAST_STEP = """
import os, sys
from pathlib import Path

def wait(event, arguments):
    if event == "os.rename" and str(arguments[0]).endswith(".usb-part"):
        os.read(os.open(Path(sys.argv[1], "gate"), os.O_RDONLY), 1)

sys.addaudithook(wait)
"""

_TERMINATED_AFTER_CREATION = """
import os, signal, sys
from pathlib import Path

def terminate(event, arguments):
    if event == "fcntl.flock" and Path(sys.argv[1], "inbox/.endless.wav.usb-part").exists():
        os.killpg(0, signal.SIGTERM)

sys.addaudithook(terminate)
"""


@pytest.fixture
def endless(inbox: Path, project: Path) -> Iterator[EndlessCopy]:
    os.mkfifo(inbox.parent / "gate")
    (inbox.parent / "endless.wav").write_bytes(bytes(5000))
    program = _WAITS_BEFORE_THE_LAST_STEP + _HELPER
    command = [sys.executable, "-c", program, str(inbox.parent)]
    with subprocess.Popen(command, cwd=project, start_new_session=True) as helper:
        writer = os.open(inbox.parent / "gate", os.O_WRONLY)  # waits for the reader
        wait_until((inbox / ".endless.wav.usb-part").exists)
        yield EndlessCopy(helper, writer)
        helper.kill()
        with contextlib.suppress(OSError):
            os.close(writer)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


class TestFindMediaFiles:
    def test_only_media_files_are_found(self, drive: Path) -> None:
        assert names(find_media_files(drive, only_folder=False)) == ["talk.wav", "wang.mp4"]

    def test_drive_without_the_folder_is_ignored_when_plugged_in(self, drive: Path) -> None:
        assert find_media_files(drive, only_folder=True) == []

    def test_folder_takes_precedence_over_the_top_level(self, drive: Path) -> None:
        (drive / "LECTERN").mkdir()
        (drive / "LECTERN" / "lesson.txt").write_text("hello")
        for only_folder in (True, False):
            assert names(find_media_files(drive, only_folder=only_folder)) == ["lesson.txt"]

    def test_links_are_not_followed(self, drive: Path, tmp_path: Path) -> None:
        secret = tmp_path / "secret.txt"
        secret.write_text("secret")
        (drive / "a.txt").symlink_to(secret)
        (drive / "lectern").symlink_to(tmp_path)
        assert names(find_media_files(drive, only_folder=False)) == ["talk.wav", "wang.mp4"]


class TestImport:
    def run_import(self, drive: Path, inbox: Path) -> list[str]:
        import_log = ImportLog(inbox.parent / "imported.tsv")
        return import_files(
            find_media_files(drive, only_folder=False), "1234-ABCD", inbox, import_log
        )

    def test_files_are_copied(self, drive: Path, inbox: Path) -> None:
        assert self.run_import(drive, inbox) == ["talk.wav", "wang.mp4"]
        assert (inbox / "talk.wav").read_bytes() == b"talk.wav"
        assert sorted(os.listdir(inbox)) == ["talk.wav", "wang.mp4"]

    def test_unchanged_file_is_not_imported_again(self, drive: Path, inbox: Path) -> None:
        self.run_import(drive, inbox)
        (inbox / "talk.wav").unlink()  # archived by the daemon
        assert self.run_import(drive, inbox) == []
        (drive / "talk.wav").write_bytes(b"a new recording")
        assert self.run_import(drive, inbox) == ["talk.wav"]

    def test_files_of_one_stem_get_the_same_number(self, drive: Path, inbox: Path) -> None:
        (drive / "talk.mp4").write_bytes(b"presenter")
        (inbox / "TALK.wav").write_bytes(b"another file")
        assert self.run_import(drive, inbox) == ["talk-2.mp4", "talk-2.wav", "wang.mp4"]
        assert (inbox / "TALK.wav").read_bytes() == b"another file"

    def test_nothing_is_copied_if_space_is_short(
        self, drive: Path, inbox: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Usage(NamedTuple):
            free: int

        monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10))
        with pytest.raises(Fault) as caught:
            self.run_import(drive, inbox)
        assert caught.value.code == "disk_full"
        assert os.listdir(inbox) == []

    def test_removed_drive_leaves_a_note_until_the_next_import(
        self, drive: Path, inbox: Path
    ) -> None:
        # Reading it fails with the error of a removed device.
        unreadable = Path("/proc/self/mem")
        import_log = ImportLog(inbox.parent / "imported.tsv")
        with pytest.raises(BadInput) as caught:
            import_files([drive / "talk.wav", unreadable], "1234-ABCD", inbox, import_log)
        assert caught.value.code == "usb_copy_incomplete"
        assert sorted(os.listdir(inbox)) == ["failed", "talk.wav"]
        assert os.listdir(inbox / "failed") == ["mem.reason.txt"]
        (drive / "mem").write_bytes(b"whole")
        assert import_files([drive / "mem"], "1234-ABCD", inbox, import_log) == ["mem"]
        assert os.listdir(inbox / "failed") == []

    def test_long_names_are_shortened(self, drive: Path, inbox: Path) -> None:
        name = 83 * "课" + ".wav"  # possible on a USB drive, but too long for this disk
        (drive / name).write_bytes(b"lesson")
        import_log = ImportLog(inbox.parent / "imported.tsv")
        for imported in (66 * "课" + ".wav", 66 * "课" + "-2.wav"):
            assert import_files([drive / name], "1234-ABCD", inbox, import_log) == [imported]
            (drive / name).write_bytes(b"another lesson")

    def test_termination_deletes_the_partial_copy(self, endless: EndlessCopy, inbox: Path) -> None:
        os.killpg(endless.helper.pid, signal.SIGTERM)  # all processes of the unit, as systemd does
        # Python handles a signal that arrives just before a read only after that read.
        os.set_blocking(endless.writer, False)
        wait_until(endless.has_ended)
        assert endless.helper.returncode == 128 + signal.SIGTERM
        assert files_in(inbox) == ["failed/endless.wav.reason.txt"]

    def test_termination_right_after_creation_deletes_the_partial_copy(
        self, inbox: Path, project: Path
    ) -> None:
        (inbox.parent / "endless.wav").write_bytes(bytes(5000))
        program = _TERMINATED_AFTER_CREATION + _HELPER
        command = [sys.executable, "-c", program, str(inbox.parent)]
        done = subprocess.run(
            command, cwd=project, start_new_session=True, timeout=TIMEOUT_S, check=False
        )
        assert done.returncode == 128 + signal.SIGTERM
        assert files_in(inbox) == ["failed/endless.wav.reason.txt"]

    def test_two_drives_with_the_same_file_name_are_both_imported(
        self, endless: EndlessCopy, drive: Path, inbox: Path
    ) -> None:
        (drive / "endless.wav").write_bytes(b"another lecture")
        with ThreadPoolExecutor(1) as second:
            import_log = ImportLog(inbox.parent / "imported.tsv")
            second_import = second.submit(
                import_files, [drive / "endless.wav"], "B", inbox, import_log
            )
            with pytest.raises(NotYet):
                second_import.result(0.3)
            os.close(endless.writer)
            assert second_import.result(TIMEOUT_S) == ["endless-2.wav"]
        assert endless.helper.wait(TIMEOUT_S) == 0
        assert (inbox / "endless.wav").read_bytes() == bytes(5000)
        assert (inbox / "endless-2.wav").read_bytes() == b"another lecture"
        lines = (inbox.parent / "imported.tsv").read_text().splitlines()
        assert [line.split("\t")[0] for line in lines] == ["A", "B"]


class TestExport:
    @pytest.fixture
    def outbox(self, tmp_path: Path) -> Path:
        (tmp_path / "outbox").mkdir()
        for name in ("a.mp4", "a.srt", "a.report.json", "b: why?.mp4", ".c.mp4"):
            (tmp_path / "outbox" / name).write_bytes(name.encode())
        return tmp_path / "outbox"

    def test_videos_and_subtitles_are_copied_once(self, outbox: Path, drive: Path) -> None:
        target = usb_copy.make_folder(drive, "results")
        assert export_results(outbox, target) == (["a.mp4", "a.srt", "b: why?.mp4"], [])
        assert sorted(os.listdir(target)) == ["a.mp4", "a.srt", "b_ why_.mp4"]
        assert export_results(outbox, target) == ([], [])

    def test_too_large_files_are_returned(
        self, outbox: Path, drive: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def too_large(source: Path, target: Path) -> None:
            if source.name == "a.mp4":
                raise OSError(errno.EFBIG, "File too large")
            shutil.copy(source, target)

        monkeypatch.setattr(usb_copy, "copy_file", too_large)
        (drive / "results").mkdir()
        assert export_results(outbox, drive / "results") == (["a.srt", "b: why?.mp4"], ["a.mp4"])

    def test_full_drive_reports_the_number_of_copies(self, outbox: Path) -> None:
        def disk_full(source: Path, target: Path) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with pytest.MonkeyPatch.context() as patch, pytest.raises(BadInput) as caught:
            patch.setattr(usb_copy, "copy_file", disk_full)
            export_results(outbox, outbox.parent / "drive")
        assert (caught.value.code, caught.value.details) == ("usb_full", {"copied": "0"})


def test_failed_copy_leaves_no_partial_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        usb_copy.copy_file(tmp_path, tmp_path / "target")
    assert os.listdir(tmp_path) == []


def test_links_in_the_outbox_are_not_exported(tmp_path: Path) -> None:
    secret, outbox, target = tmp_path / "users.sqlite3", tmp_path / "outbox", tmp_path / "drive"
    secret.write_bytes(b"secret")
    outbox.mkdir()
    target.mkdir()
    (outbox / "a.mp4").symlink_to(secret)
    (outbox / "b.mp4").symlink_to(tmp_path / "none")
    (outbox / "c.srt").symlink_to(tmp_path)
    os.mkfifo(outbox / "d.mp4")
    (outbox / "e.mp4").write_bytes(b"video")
    assert export_results(outbox, target) == (["e.mp4"], [])
    assert os.listdir(target) == ["e.mp4"]


def test_link_that_replaces_a_video_during_the_export_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "a.mp4").symlink_to(tmp_path / "secret")
    for name in ("a.mp4", "pipe.mp4"):
        if name == "pipe.mp4":
            os.mkfifo(tmp_path / name)
        with pytest.raises(OSError):
            usb_copy.copy_file(tmp_path / name, tmp_path / "copy.mp4")
    assert not (tmp_path / "copy.mp4").exists()


def test_links_on_the_drive_are_not_followed(tmp_path: Path) -> None:
    drive, elsewhere = tmp_path / "drive", tmp_path / "elsewhere"
    drive.mkdir()
    elsewhere.mkdir()
    (elsewhere / "a.mp4").write_bytes(b"mine!")
    (drive / "lectern").symlink_to(elsewhere)
    with pytest.raises(BadInput, match="usb_read_only"):
        usb_copy.make_folder(drive, "lectern")
    assert usb_copy.make_folder(drive, "results") == usb_copy.make_folder(drive, "results")
    (drive / "results/a.mp4").symlink_to(elsewhere / "a.mp4")
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    (outbox / "a.mp4").write_bytes(b"video")
    assert export_results(outbox, drive / "results") == (["a.mp4"], [])
    assert (elsewhere / "a.mp4").read_bytes() == b"mine!"
    assert not (drive / "results/a.mp4").is_symlink()


def test_folder_names_are_case_insensitive(tmp_path: Path) -> None:
    (tmp_path / "Lectern").mkdir()
    assert find_folder(tmp_path, "lectern") == tmp_path / "Lectern"
    assert find_folder(tmp_path, "results") is None
