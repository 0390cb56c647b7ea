"""An inbox with a store, a scanner and a controllable clock, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from appliance.config import Config
from appliance.inbox.archive import archive_sources
from appliance.inbox.content import Examination
from appliance.inbox.scanner import FileCheck, InboxScanner
from appliance.jobs.models import Job
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore

SETTLE_S, SETTLE_UNKNOWN_S, INCOMPLETE_TIMEOUT_S = 10.0, 90.0, 120.0


class Clock:
    """A clock whose time is set by the test."""

    time = 0.0

    def __call__(self) -> float:
        return self.time


def all_complete(paths: Sequence[Path]) -> Examination:
    """Report no file as incomplete: the files of these tests are only a few bytes long."""
    return Examination()


class InboxHarness:
    """An inbox with its store and its clock; ``mounts`` is added to the fake list of mounts."""

    def __init__(
        self,
        root: Path,
        *,
        check: FileCheck = all_complete,
        mounts: str | None = None,
        partner_wait_s: float = 0,
    ) -> None:
        self.root, self.clock = root, Clock()
        self.config = Config.model_validate(
            {
                "root": root,
                "inbox": {
                    "settle_s": SETTLE_S,
                    "settle_unknown_s": SETTLE_UNKNOWN_S,
                    "partner_wait_s": partner_wait_s,
                },
            }
        )
        self.store = WorkerStore(store_path(root))
        self.mounts = root / "mountinfo"
        mount_table = f"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n{mounts or ''}"
        self.mounts.write_text(mount_table)
        self.folder, self.presenters = root / "inbox", root / "presenters"
        self.check = check
        self.scanner = self.restart()

    def restart(self) -> InboxScanner:
        """Return a new scanner, as after a restart of the daemon."""
        self.scanner = InboxScanner(
            self.store,
            self.root,
            self.config.inbox,
            self.clock,
            mounts=self.mounts,
            check=self.check,
        )
        return self.scanner

    def drop(self, *names: str, content: bytes = b"x") -> None:
        """Create complete files; a name may contain a folder."""
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def scan(self, after: float = SETTLE_S) -> list[Job]:
        """Scan now and again ``after`` seconds later; return all jobs, oldest first."""
        self.scanner.scan()
        self.clock.time += after
        self.scanner.scan()
        return self.store.jobs()[::-1]

    def finish(self, job: Job) -> None:
        """Let a queued job succeed, and archive the files."""
        while (claimed := self.store.claim()) and claimed.id != job.id:
            self.store.requeue(claimed.id)
        self.store.finish(job.id)
        self.archive()

    def archive(self) -> None:
        """Archive the files of ended jobs, as the worker does between two jobs."""
        for job in self.store.unarchived():
            archive_sources(self.store, job, self.folder, self.mounts)

    def tree(self) -> list[str]:
        """Return all files of the inbox, relative to it."""
        files = (path for path in self.folder.rglob("*") if not path.is_dir())
        return sorted(str(path.relative_to(self.folder)) for path in files)


def summary(job: Job) -> tuple[str, str, str | None, str | None]:
    """Return stem, state, presenter and lecture of a job."""
    presenter = job.presenter.name if job.presenter else None
    return job.stem, job.state.value, presenter, job.lecture.name if job.lecture else None
