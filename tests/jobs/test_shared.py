"""The job queue in several processes at the same time."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.jobs.models import NewJob
from appliance.jobs.states import JobState
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore


@pytest.fixture
def store(tmp_path: Path) -> WorkerStore:
    return WorkerStore(store_path(tmp_path))


def lesson() -> NewJob:
    return NewJob("lesson", Path("wang.mp4"), Path("a.wav"))


CLAIM_ALL = """
import sys, time
from pathlib import Path
from appliance.jobs.worker_store import WorkerStore
with WorkerStore(Path(sys.argv[1])) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    while (job := store.claim()) is not None:
        print(job.id, flush=True)
        time.sleep(0.003)  # SQLite does not grant the lock fairly
"""

KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from appliance.jobs.database import Database
database = Database(Path(sys.argv[1]))
with database.write() as connection:
    # A cache of one page makes SQLite write uncommitted pages to the log at once.
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("UPDATE jobs SET state = 'failed', priority = 99")
    for number in range(2000):
        connection.execute("INSERT INTO events (at, job, kind) VALUES (0, 1, ?)", ("x" * 500,))
    os.kill(os.getpid(), signal.SIGKILL)
"""


class TestProcesses:
    def test_two_workers_never_claim_the_same_job(
        self, store: WorkerStore, tmp_path: Path, project: Path
    ) -> None:
        ids = [store.add(lesson()).id for _ in range(60)]
        command = [sys.executable, "-c", CLAIM_ALL, str(store_path(tmp_path))]
        workers = [
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=project
            )
            for _ in range(2)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
        claimed = [[int(line) for line in w.communicate()[0].split()] for w in workers]
        assert [w.returncode for w in workers] == [0, 0]
        assert sorted(claimed[0] + claimed[1]) == ids
        assert claimed[0] and claimed[1]

    def test_kill_during_a_transaction_leaves_the_previous_state(
        self, store: WorkerStore, tmp_path: Path, project: Path
    ) -> None:
        job = store.add(lesson()).id
        before = store.get(job), store.events()
        path = store_path(tmp_path)
        run = subprocess.run(
            [sys.executable, "-c", KILLED_WRITER, str(path)], check=False, cwd=project
        )
        assert run.returncode == -signal.SIGKILL
        assert path.with_name(path.name + "-wal").stat().st_size > 500_000
        with WorkerStore(path) as again:
            assert (again.get(job), again.events()) == before
            assert again.claim() is not None
        with sqlite3.connect(path) as plain:
            assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        plain.close()

    def test_reader_sees_commits_of_another_process(
        self, store: WorkerStore, tmp_path: Path
    ) -> None:
        with WorkerStore(store_path(tmp_path)) as panel:
            job = store.add(lesson()).id
            assert panel.get(job).state is JobState.QUEUED
            panel.cancel(job)
        assert store.claim() is None
