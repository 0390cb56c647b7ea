"""What an installation is made of: steps that can be printed, done and undone."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from install.errors import InstallError, without_credentials
from install.quiet import undisturbed
from install.room import held, plainly
from install.system import System


class Step(ABC):
    """One change of the machine. ``text`` says which, in the words of ``--dry-run``."""

    def __init__(self, text: str) -> None:
        self.text = without_credentials(text)

    @abstractmethod
    def do(self) -> None:
        """Make the change; raises ``InstallError`` or ``OSError``."""

    def undo(self) -> None:  # noqa: B027 (most deletions have nothing to take back)
        """Take back what :meth:`do` did, also where it failed half-way; by default, nothing."""

    def settle(self) -> None:  # noqa: B027
        """All steps are done: what was only kept for :meth:`undo` may go."""


class WriteFile(Step):
    """A file with these bytes; it appears whole, and undoing brings the old one back."""

    def __init__(self, path: Path, data: bytes, mode: int = 0o644, name: str = "") -> None:
        super().__init__(f"{'change' if path.exists() else 'write'} {name or path}")
        self._path, self._data, self._mode = path, data, mode
        self._before: bytes | None = None
        self._made: list[Path] = []
        self._written = False

    def do(self) -> None:
        self._before = self._path.read_bytes() if self._path.exists() else None
        self._made = make_parents(self._path)
        self._put(self._data)
        self._written = True

    def undo(self) -> None:
        if self._written and self._before is not None:
            self._put(self._before)
        elif self._written:
            self._path.unlink(missing_ok=True)
        remove_empty(self._made)

    def _put(self, data: bytes) -> None:
        part = self._path.with_name(f".{self._path.name}.part")
        try:
            with part.open("wb") as file:
                file.write(data)
                os.fchmod(file.fileno(), self._mode)
                os.fsync(file.fileno())
            part.replace(self._path)
        finally:
            part.unlink(missing_ok=True)


class RemoveFile(Step):
    """No file or link there any more, nor the folder around it if ``with_folder`` and empty."""

    def __init__(self, path: Path, name: str = "", *, with_folder: bool = False) -> None:
        super().__init__(f"remove {name or path}")
        self._path, self._with_folder = path, with_folder

    def do(self) -> None:
        self._path.unlink(missing_ok=True)
        if self._with_folder:
            remove_empty([self._path.parent])


class SetLink(Step):
    """A symbolic link, replaced in one movement."""

    def __init__(self, path: Path, target: str, name: str = "") -> None:
        super().__init__(f"link {name or path} -> {target}")
        self._path, self._target = path, target
        self._before: str | None = None
        self._made: list[Path] = []
        self._set_here = False

    def do(self) -> None:
        self._before = os.readlink(self._path) if self._path.is_symlink() else None
        if self._before is None and self._path.exists():
            raise InstallError(f"{self._path} is in the way.", "Move it elsewhere and try again.")
        self._made = make_parents(self._path)
        self._set(self._target)
        self._set_here = True

    def undo(self) -> None:
        if self._set_here and self._before is not None:
            self._set(self._before)
        elif self._set_here:
            self._path.unlink(missing_ok=True)
        remove_empty(self._made)

    def _set(self, target: str) -> None:
        part = self._path.with_name(f".{self._path.name}.part")
        part.unlink(missing_ok=True)
        part.symlink_to(target)
        part.replace(self._path)


class MakeFolder(Step):
    """A folder with this owner and mode; it appears with both, or an installation that is cut off
    would leave one that the services cannot write into."""

    def __init__(self, system: System, name: str, mode: int, owner: str) -> None:
        super().__init__(f"make folder {name} (mode {mode:o}, owner {owner})")
        self._system, self._path = system, system.path(name)
        self._mode, self._owner = mode, owner
        self._made: list[Path] = []

    def do(self) -> None:
        self._made = make_parents(self._path)
        part = self._path.with_name(f".{self._path.name}.part")
        part.mkdir(mode=0o700, exist_ok=True)
        # The machine's own command knows its users, also in an image under construction. The folder
        # around may be the services' own: no link of theirs shall lead root elsewhere.
        self._system.run("chown", "--no-dereference", f"{self._owner}:{self._owner}", part)
        handle = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            os.fchmod(handle, self._mode)
        finally:
            os.close(handle)
        part.rename(self._path)
        self._made.insert(0, self._path)

    def undo(self) -> None:
        remove_empty([self._path.with_name(f".{self._path.name}.part"), *self._made])


class Protect(Step):
    """A file for root to write and a group to read, and for nobody else."""

    def __init__(self, system: System, name: str, group: str) -> None:
        super().__init__(f"let only root and {group} read {name}")
        self._system, self._path, self._group = system, system.path(name), group
        self._before: os.stat_result | None = None

    def do(self) -> None:
        before = self._path.stat()
        self._system.run("chown", f"root:{self._group}", self._path)
        self._before = before
        self._path.chmod(0o640)

    def undo(self) -> None:
        if self._before is not None and self._path.exists():
            self._path.chmod(stat.S_IMODE(self._before.st_mode))
            os.chown(self._path, self._before.st_uid, self._before.st_gid)


class RemoveTree(Step):
    """A folder gone with all that is in it; this cannot be undone, so it comes last. A link to
    one (on a larger disk, say) goes with it. The file ``first`` in it goes before the rest."""

    def __init__(self, path: Path, name: str = "", *, first: str = "") -> None:
        super().__init__(f"delete {name or path}")
        self._path, self._first = path, first

    def do(self) -> None:
        if self._first:
            (self._path / self._first).unlink(missing_ok=True)
        shutil.rmtree(self._path.resolve())
        if self._path.is_symlink():
            self._path.unlink()


class Command(Step):
    """A command of the system, and the one that takes it back."""

    def __init__(
        self, system: System, command: Sequence[str], undo: Sequence[str] = (), text: str = ""
    ) -> None:
        super().__init__(text or f"run {' '.join(command)}")
        self._system, self._command, self._undo = system, command, undo

    def do(self) -> None:
        self._system.run(*self._command)

    def undo(self) -> None:
        if self._undo:
            self._system.run(*self._undo)


def carry_out(
    steps: Iterable[Step],
    say: Callable[[str], None],
    *,
    undo: bool = True,
    places: Sequence[Path] = (),
) -> None:
    """Do ``steps`` in order; if one fails, undo what was done and raise an ``InstallError``.

    Without ``undo`` what was done stays, for another run to go on from there. ``places`` are those
    that the steps write to; in the first a little room is held for putting files back.
    """
    done: list[Step] = []
    with contextlib.ExitStack() as spare:
        try:
            if undo and places:
                spare.enter_context(held(places[0]))
            for step in steps:
                say(step.text)
                done.append(step)
                step.do()
        except BaseException as error:  # whatever it was, the box must not be left half changed
            with undisturbed():
                reason = plainly(error, places)
                say(f"failed: {_briefly(reason)}")
                spare.close()
                if undo:
                    _take_back(done, say)
                else:
                    say("what was done until then stays; run the same command again to go on")
            if isinstance(error, KeyboardInterrupt):
                raise InstallError("The installation was interrupted.", "Run it again.") from error
            if reason is not error:
                raise reason from error
            raise
    for step in done:
        with contextlib.suppress(OSError):  # it is hidden, and no reason to fail now
            step.settle()


def _take_back(done: list[Step], say: Callable[[str], None]) -> None:
    whole = True
    for step in reversed(done):
        try:
            step.undo()
        except Exception as trouble:  # the other steps must be taken back all the same
            say(f"could not be taken back: {step.text}: {_briefly(plainly(trouble))}")
            whole = False
    if whole:
        say("every change was taken back; the box is as it was")


def _briefly(error: BaseException) -> str:
    """Without the cure, which is said at the end."""
    return error.text if isinstance(error, InstallError) else str(error) or type(error).__name__


def make_parents(path: Path) -> list[Path]:
    """Make the folders above ``path``; those that were missing, innermost first."""
    missing = []
    folder = path.parent
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    path.parent.mkdir(parents=True, exist_ok=True)
    return missing


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove ``folders`` as far as nothing is in them."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()
