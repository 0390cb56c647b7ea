"""The steps of an installation, which can be printed, done and undone."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from install.disk_space import explain, reserved_space
from install.errors import InstallError, without_credentials
from install.interrupts import ignore_interrupts
from install.system import System


class Step(ABC):
    """One change of the system; ``text`` describes it, as printed by ``--dry-run``."""

    def __init__(self, text: str) -> None:
        self.text = without_credentials(text)

    @abstractmethod
    def do(self) -> None:
        """Make the change. Raises ``InstallError`` or ``OSError``."""

    def undo(self) -> None:  # noqa: B027 (most deletions cannot be undone)
        """Undo :meth:`do`, also after a partial failure; does nothing by default."""

    def commit(self) -> None:  # noqa: B027
        """Delete what was only kept for :meth:`undo`; called when all steps are done."""


class WriteFile(Step):
    """Write a file atomically; undone by restoring the previous file."""

    def __init__(self, path: Path, data: bytes, mode: int = 0o644, name: str = "") -> None:
        super().__init__(f"{'change' if path.exists() else 'write'} {name or path}")
        self._path, self._data, self._mode = path, data, mode
        self._before: bytes | None = None
        self._created_folders: list[Path] = []
        self._written = False

    def do(self) -> None:
        self._before = self._path.read_bytes() if self._path.exists() else None
        self._created_folders = make_parents(self._path)
        self._write(self._data)
        self._written = True

    def undo(self) -> None:
        if self._written and self._before is not None:
            self._write(self._before)
        elif self._written:
            self._path.unlink(missing_ok=True)
        remove_empty(self._created_folders)

    def _write(self, data: bytes) -> None:
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
    """Remove a file or link, and also its folder if ``with_folder`` is set and it is empty."""

    def __init__(self, path: Path, name: str = "", *, with_folder: bool = False) -> None:
        super().__init__(f"remove {name or path}")
        self._path, self._with_folder = path, with_folder

    def do(self) -> None:
        self._path.unlink(missing_ok=True)
        if self._with_folder:
            remove_empty([self._path.parent])


class SetLink(Step):
    """Set a symbolic link, replacing an existing one atomically."""

    def __init__(self, path: Path, target: str, name: str = "") -> None:
        super().__init__(f"link {name or path} -> {target}")
        self._path, self._target = path, target
        self._before: str | None = None
        self._created_folders: list[Path] = []
        self._done = False

    def do(self) -> None:
        self._before = os.readlink(self._path) if self._path.is_symlink() else None
        if self._before is None and self._path.exists():
            raise InstallError(
                f"{self._path} exists and is not a link.", "Move it elsewhere and try again."
            )
        self._created_folders = make_parents(self._path)
        self._set(self._target)
        self._done = True

    def undo(self) -> None:
        if self._done and self._before is not None:
            self._set(self._before)
        elif self._done:
            self._path.unlink(missing_ok=True)
        remove_empty(self._created_folders)

    def _set(self, target: str) -> None:
        part = self._path.with_name(f".{self._path.name}.part")
        part.unlink(missing_ok=True)
        part.symlink_to(target)
        part.replace(self._path)


class MakeFolder(Step):
    """Make a folder that has its owner and mode from the start.

    Otherwise an interrupted installation could leave a folder that the services cannot write to.
    """

    def __init__(self, system: System, name: str, mode: int, owner: str) -> None:
        super().__init__(f"make folder {name} (mode {mode:o}, owner {owner})")
        self._system, self._path = system, system.path(name)
        self._mode, self._owner = mode, owner
        self._created_folders: list[Path] = []

    def do(self) -> None:
        self._created_folders = make_parents(self._path)
        part = self._path.with_name(f".{self._path.name}.part")
        part.mkdir(mode=0o700, exist_ok=True)
        # The chown command finds the users of an image under construction, too. Links are not
        # followed: the services may own the parent folder and must not be able to redirect root.
        self._system.run("chown", "--no-dereference", f"{self._owner}:{self._owner}", part)
        fd = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            os.fchmod(fd, self._mode)
        finally:
            os.close(fd)
        part.rename(self._path)
        self._created_folders.insert(0, self._path)

    def undo(self) -> None:
        remove_empty([self._path.with_name(f".{self._path.name}.part"), *self._created_folders])


class RestrictFile(Step):
    """Restrict access to a file: root may write it, a group may read it."""

    def __init__(self, system: System, name: str, group: str) -> None:
        super().__init__(f"restrict {name} to root and {group}")
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
    """Delete a folder with its contents; it cannot be undone, so it must be one of the last steps.

    If ``path`` is a link (to a larger disk, for example), the folder and the link are deleted. The
    file ``first`` in the folder is deleted before the rest.
    """

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
    """Run a system command; undone by the command ``undo``, if given."""

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


def run_steps(
    steps: Iterable[Step],
    report: Callable[[str], None],
    *,
    undo: bool = True,
    folders: Sequence[Path] = (),
) -> None:
    """Do ``steps`` in order; if one fails, undo those done and raise an ``InstallError``.

    Without ``undo`` the completed steps remain, and another run continues from there. ``folders``
    are the folders that the steps write to; on the disk of the first one some space is reserved for
    restoring files. ``report`` is called with each message.
    """
    done: list[Step] = []
    with contextlib.ExitStack() as reserve:
        try:
            if undo and folders:
                reserve.enter_context(reserved_space(folders[0]))
            for step in steps:
                report(step.text)
                done.append(step)
                step.do()
        except BaseException as error:  # no error may leave the system partly changed
            with ignore_interrupts():
                reason = explain(error, folders)
                report(f"failed: {_shorten(reason)}")
                reserve.close()
                if undo:
                    _undo_all(done, report)
                else:
                    report("completed steps were kept; run the same command again to continue")
            if isinstance(error, KeyboardInterrupt):
                raise InstallError("The installation was interrupted.", "Run it again.") from error
            if reason is not error:
                raise reason from error
            raise
    for step in done:
        with contextlib.suppress(OSError):  # a left-over hidden file is no reason to fail
            step.commit()


def _undo_all(done: list[Step], report: Callable[[str], None]) -> None:
    complete = True
    for step in reversed(done):
        try:
            step.undo()
        except Exception as error:  # the other steps must be undone nevertheless
            report(f"could not be undone: {step.text}: {_shorten(explain(error))}")
            complete = False
    if complete:
        report("all changes were undone")


def _shorten(error: BaseException) -> str:
    """Return the text of ``error`` without the suggested fix, which is printed at the end."""
    return error.text if isinstance(error, InstallError) else str(error) or type(error).__name__


def make_parents(path: Path) -> list[Path]:
    """Make the folders above ``path``; return those that were missing, innermost first."""
    missing = []
    folder = path.parent
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    path.parent.mkdir(parents=True, exist_ok=True)
    return missing


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove those of ``folders`` that are empty."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()
