"""Deletion of old jobs and download of logs over the API."""

from __future__ import annotations

import pytest

from appliance.config import Config
from appliance.jobs.worker_store import WorkerStore
from tests.web.api.conftest import Programs
from tests.web.conftest import Clock
from tests.web.services.test_job_access import make


def test_old_videos_are_deleted_and_others_only_on_request(
    program: Programs, store: WorkerStore, config: Config, clock: Clock
) -> None:
    taken, untaken = make(store, config, "teacher", "A"), make(store, config, "teacher", "B")
    store.mark_downloaded(taken.id)
    clock.time += 31 * 86400
    young = make(store, config, "teacher", "C")
    admin = program("admin")
    assert admin.post("/device/prune", {"days": 90}).get_json() == {"deleted": 0}
    assert admin.post("/device/prune", {"days": 30}).get_json() == {"deleted": 1}
    assert {job.id for job in store.jobs()} == {untaken.id, young.id}
    answer = admin.post("/device/prune", {"days": 30, "include_not_downloaded": True})
    assert answer.get_json() == {"deleted": 1}
    assert {job.id for job in store.jobs()} == {young.id}


@pytest.mark.parametrize(
    "body", [{}, {"days": 0}, {"days": -7}, {"days": 30, "include_not_downloaded": "yes"}]
)
def test_invalid_ages(program: Programs, body: object) -> None:
    assert program("admin").post("/device/prune", body).status_code == 400


@pytest.mark.parametrize("who", ["teacher", "viewer"])
def test_only_administrators_delete_and_read_logs(program: Programs, who: str) -> None:
    assert program(who).post("/device/prune", {"days": 30}).status_code == 403
    assert program(who).get("/device/log/lectern.log").status_code == 403


def test_only_log_files_are_sent(program: Programs, config: Config) -> None:
    logs = config.root / "logs"
    logs.mkdir(parents=True)
    (logs / "lectern.log").write_text("a line\n")
    (config.root / "state" / "secret").write_text("secret")
    admin = program("admin")
    found = admin.get("/device/log/lectern.log")
    assert (found.text, found.mimetype) == ("a line\n", "text/plain")
    assert "attachment" in found.headers["Content-Disposition"]
    for name in ("secret", "..%2fstate%2fsecret", "%2e%2e%2fstate%2fsecret", "lectern.log.9"):
        assert admin.get(f"/device/log/{name}").status_code == 404
