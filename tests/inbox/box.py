"""An inbox to drop files into, whose time passes when told to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from appliance.config import Config
from appliance.inbox.archive import archive_sources
from appliance.inbox.scanner import CompletenessCheck, InboxScanner
from appliance.jobs.models import Job
from appliance.jobs.states import FINAL_STATES, JobState
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore

SETTLE, UNSURE, PATIENCE = 10.0, 90.0, 120.0


class Clock:
    """Seconds that pass when told to."""

    time = 0.0

    def __call__(self) -> float:
        return self.time


def whole(paths: Sequence[Path]) -> Collection[Path]:
    """A check that finds nothing half copied, for files of a few letters."""
    return ()


class Box:
    """An inbox with its store and its clock; ``mounts`` is the kernel's list, as it says."""

    def __init__(
        self, root: Path, *, check: CompletenessCheck = whole, mounts: str | None = None
    ) -> None:
        self.root, self.clock = root, Clock()
        self.config = Config.model_validate(
            {"root": root, "inbox": {"settle_s": SETTLE, "settle_unknown_s": UNSURE}}
        )
        self.store = WorkerStore(store_path(root))
        self.mounts = root / "mountinfo"
        ground = f"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n{mounts or ''}"
        self.mounts.write_text(ground)
        self.folder, self.presenters = root / "inbox", root / "presenters"
        self.check = check
        self.inbox = self.another_daemon()

    def another_daemon(self) -> InboxScanner:
        """What looks at the inbox after a start."""
        self.inbox = InboxScanner(
            self.store,
            self.root,
            self.config.inbox,
            self.clock,
            mounts=self.mounts,
            check=self.check,
        )
        return self.inbox

    def drop(self, *names: str, content: bytes = b"x") -> None:
        """Files, whole at once; a name may have a folder before it."""
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def look(self, after: float = SETTLE) -> list[Job]:
        """The jobs there are after a look now and one ``after`` seconds; the oldest first."""
        self.inbox.scan()
        self.clock.time += after
        self.inbox.scan()
        return self.store.jobs()[::-1]

    def end(self, job: Job, state: JobState = JobState.DONE) -> None:
        """Let a queued job end well, and put away what can be."""
        while (claimed := self.store.claim()) and claimed.id != job.id:
            self.store.requeue(claimed.id)
        self.store.finish(job.id)
        self.put_away()

    def put_away(self) -> None:
        """What the worker does between two jobs."""
        for job in self.store.unarchived():
            archive_sources(self.store, job, self.folder, self.mounts)

    def tree(self) -> list[str]:
        """Every file of the inbox."""
        files = (path for path in self.folder.rglob("*") if not path.is_dir())
        return sorted(str(path.relative_to(self.folder)) for path in files)

    def ended(self) -> list[Job]:
        """The jobs that are over, the oldest first."""
        return self.store.jobs(FINAL_STATES)[::-1]


def facts(job: Job) -> tuple[str, str, str | None, str | None]:
    """Stem, state, presenter and lecture of a job."""
    presenter = job.presenter.name if job.presenter else None
    return job.stem, job.state.value, presenter, job.lecture.name if job.lecture else None
