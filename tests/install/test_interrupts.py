"""Real signals and closed outputs during an installation."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from install.__main__ import _exclusive_lock
from install.errors import InstallError
from install.interrupts import handle_signals, ignore_interrupts
from install.step import Step, WriteFile, run_steps


class SendSignals(Step):
    """A step that sends this process a signal, when done or when undone."""

    def __init__(self, done: signal.Signals | None = None, undone: signal.Signals | None = None):
        super().__init__("signal")
        self._done, self._undone = done, undone

    def do(self) -> None:
        if self._done is not None:
            os.kill(os.getpid(), self._done)

    def undo(self) -> None:
        if self._undone is not None:
            os.kill(os.getpid(), self._undone)


def test_closed_output_does_not_stop_the_installer(project: Path) -> None:
    code = "import sys\nfrom install.interrupts import print_safe\n"
    code += "for _ in range(3):\n    print_safe('x' * 100000)\nprint('went on', file=sys.stderr)\n"
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.run(
        [sys.executable, "-c", code],
        stdout=writing,
        stderr=subprocess.PIPE,
        cwd=project,
        check=False,
    )
    os.close(writing)
    assert (run.returncode, run.stderr) == (0, b"went on\n")


def test_sigterm_undoes_the_changes(tmp_path: Path) -> None:
    written = tmp_path / "file"
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(InstallError, match="interrupted"), handle_signals():
        run_steps([WriteFile(written, b""), SendSignals(signal.SIGTERM)], lambda text: None)
    assert not written.exists()
    assert signal.getsignal(signal.SIGTERM) is before


def test_lost_connection_stops_neither_the_installer_nor_its_commands(tmp_path: Path) -> None:
    written = tmp_path / "file"
    hang_up = "import os, signal; os.kill(os.getpid(), signal.SIGHUP); print('went on')"
    with handle_signals():
        run_steps([SendSignals(signal.SIGHUP), WriteFile(written, b"")], lambda text: None)
        run = subprocess.run([sys.executable, "-c", hang_up], capture_output=True, check=False)
    assert written.exists()
    assert run.stdout == b"went on\n"


def test_second_ctrl_c_does_not_interrupt_the_undo(tmp_path: Path) -> None:
    written = tmp_path / "file"
    steps = [WriteFile(written, b""), SendSignals(signal.SIGINT, undone=signal.SIGINT)]
    with pytest.raises(InstallError, match="interrupted"):
        run_steps(steps, lambda text: None)
    assert not written.exists()
    with pytest.raises(KeyboardInterrupt), ignore_interrupts():
        raise KeyboardInterrupt  # an exception that is no signal is raised


def test_second_installer_is_rejected() -> None:
    with (
        _exclusive_lock(),
        pytest.raises(InstallError, match="Another installation is running"),
        _exclusive_lock(),
    ):
        raise AssertionError("the second installer started")
    with _exclusive_lock():
        pass  # the lock was released
