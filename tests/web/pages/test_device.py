"""The device page: charts, log, and tasks by role."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.config import Config
from appliance.errors import BadInput
from appliance.inference.results import RESULTS_FILE, ProviderResults
from appliance.inference.session import RuntimeVersions
from appliance.jobs.daemon_status import DaemonStatusStore
from appliance.jobs.models import Reason
from appliance.jobs.store import store_path
from appliance.jobs.tasks import TaskStore
from appliance.jobs.worker_store import WorkerStore
from appliance.logs.write import configure_logging
from appliance.telemetry.store import TelemetryStore, telemetry_path
from tests.web.conftest import Clock, SignIn, add, reading
from web.services.log_files import LOGS, list_log_files, log_file_path, read_lines
from web.services.telemetry_charts import MAX_POINTS, build_charts, telemetry_since, throttled_spans

LOG = """\
2026-11-22T22:00:01.001+00:00 INFO    lectern: at work in /box
2026-11-22T22:00:05.001+00:00 WARNING lectern.worker: on hold: little room
2026-11-22T22:01:05.001+00:00 ERROR   job=3 lectern.worker: no face
2026-11-22T22:02:05.001+00:00 INFO    job=4 lectern.worker: done
"""


@pytest.fixture
def logs(config: Config) -> Path:
    folder = config.root / "logs"
    folder.mkdir(parents=True)
    (folder / "lectern.log").write_text(LOG)
    return folder


@pytest.fixture
def tasks(config: Config, clock: Clock) -> TaskStore:
    return TaskStore(store_path(config.root), now=clock, since_boot=clock.monotonic)


class TestCharts:
    def test_day_is_thinned_and_values_match_their_times(
        self, config: Config, clock: Clock
    ) -> None:
        with TelemetryStore(telemetry_path(config.root)) as history:
            for minute in range(1440):
                history.add(reading(clock.time + 60 * minute, 40 + minute % 7))
        found = telemetry_since(config.root, clock.time)
        assert 100 < len(found) <= MAX_POINTS
        data = build_charts(found)
        assert [chart["id"] for chart in data["charts"]] == ["heat", "load", "memory"]
        heat = data["charts"][0]["series"]
        assert heat[0]["label"] == "cpu"
        assert heat[0]["values"] == [r.temperatures_c["cpu"] for r in found]
        assert data["times"] == [r.at for r in found]

    def test_missing_values_are_gaps(self, clock: Clock) -> None:
        first = replace(reading(1.0), gpu_load=0.5, power_mw={"VDD_IN": 5000.0})
        data = build_charts([first, reading(2.0)])
        load, power = data["charts"][1]["series"], data["charts"][3]["series"]
        assert load[1]["values"] == [50.0, None]
        assert power[0]["values"] == [5.0, None]

    def test_hottest_zones_are_shown(self) -> None:
        zones = {f"z{n}": 30.0 + n for n in range(9)}
        data = build_charts([replace(reading(1.0), temperatures_c=zones)])
        assert [s["label"] for s in data["charts"][0]["series"]] == ["z5", "z6", "z7", "z8"]

    def test_throttled_periods_are_included(
        self, sign_in: SignIn, config: Config, clock: Clock
    ) -> None:
        with TelemetryStore(telemetry_path(config.root)) as history:
            for minute in range(6):
                held = replace(reading(clock.time + 60 * minute), throttled=minute in (2, 3))
                history.add(held)
        data = sign_in("viewer").get("/device/charts?hours=6").json
        assert data and data["throttled"] == [[clock.time + 120, clock.time + 180]]
        assert throttled_spans(config.root / "missing", 0) == []

    def test_no_charts_without_readings(self, config: Config) -> None:
        assert telemetry_since(config.root, 0) == []
        assert build_charts([])["charts"] == []

    def test_page_receives_the_charts(self, sign_in: SignIn, config: Config, clock: Clock) -> None:
        with TelemetryStore(telemetry_path(config.root)) as history:
            history.add(reading(clock.time))
        data = sign_in("viewer").get("/device/charts?hours=6").json
        assert data and data["times"] == [clock.time]
        assert sign_in("viewer").get("/device/charts?hours=7000").status_code == 400


class TestLog:
    @pytest.mark.parametrize(
        ("words", "level", "count"),
        [
            ("", "", 4),
            ("JOB", "", 2),
            ("worker done", "", 1),
            ("", "warning", 2),
            ("no", "error", 1),
        ],
    )
    def test_lines_are_filtered_by_words_and_level(
        self, logs: Path, config: Config, words: str, level: str, count: int
    ) -> None:
        found = [line.to_text() for line in read_lines(config.root, LOGS[0], words, level)]
        assert len(found) == count
        assert found == [line for line in LOG.splitlines() if line in found]

    def test_each_process_has_its_own_log(self, logs: Path, config: Config) -> None:
        with configure_logging(config.root, config.logs, "panel.log"):
            logging.getLogger("lectern.panel").warning("refused a client")
        (line,) = read_lines(config.root, "panel.log")
        assert (line.level, line.logger) == ("warning", "lectern.panel")
        with pytest.raises(BadInput, match="page_not_found"):
            read_lines(config.root, "../state/users.sqlite3")

    def test_only_log_files_are_readable(self, logs: Path, config: Config) -> None:
        (logs / "lectern.log.1").write_text("older")
        (logs / "secret.txt").write_text("no")
        os.symlink("/etc/passwd", logs / "evil.log")
        assert sorted(list_log_files(config.root)) == ["lectern.log", "lectern.log.1"]
        for name in ("secret.txt", "evil.log", "../state/users.sqlite3", ""):
            with pytest.raises(BadInput, match="page_not_found"):
                log_file_path(config.root, name)

    def test_administrator_reads_filters_and_downloads_the_log(
        self, sign_in: SignIn, logs: Path
    ) -> None:
        admin = sign_in("admin")
        page = admin.get("/device/log?words=face").text
        assert "no face" in page and "little room" not in page
        file = admin.get("/device/log/lectern.log")
        assert file.text == LOG
        assert "attachment" in file.headers["Content-Disposition"]
        file.close()
        for path in ("/device/log", "/device/log/lectern.log"):
            assert sign_in("teacher").get(path).status_code == 403
        assert admin.get("/device/log/..%2f..%2fstate%2fusers.sqlite3").status_code == 404

    def test_log_lines_are_escaped(self, sign_in: SignIn, logs: Path) -> None:
        (logs / "lectern.log").write_text(LOG + LOG.replace("no face", "<script>alert(1)</script>"))
        page = sign_in("admin").get("/device/log").text
        assert "<script>alert" not in page and "&lt;script&gt;alert" in page


class TestTasks:
    def test_doctor_result_is_localized(self, sign_in: SignIn, tasks: TaskStore) -> None:
        teacher = sign_in("teacher")
        where = teacher.change("/device/tasks/doctor").location
        assert where
        assert "Working…" in teacher.get(where).text
        task = tasks.claim(["doctor"])
        assert task and task.owner == "teacher"
        line = {
            "level": "warn",
            "code": "x",
            "text": {"en": "Little room.", "zh": "空间不足。"},
            "cure": {"en": "Delete videos.", "zh": "请删除视频。"},
        }
        tasks.finish(task.id, {"lines": [line]})
        page = teacher.get(where).text
        assert "Little room." in page and "Delete videos." in page and "hx-trigger" not in page
        chinese = teacher.get(where, headers={"Accept-Language": "zh"}).text
        assert "空间不足。" in chinese

    def test_failure_is_shown_with_its_cure(self, sign_in: SignIn, tasks: TaskStore) -> None:
        admin = sign_in("admin")
        where = admin.change("/device/tasks/restart_worker").location
        assert where and tasks.claim(["restart_worker"])
        tasks.fail(1, Reason("task_interrupted"))
        assert "note bad" in admin.get(where).text

    def test_waiting_ends_without_a_daemon(self, sign_in: SignIn, clock: Clock) -> None:
        teacher = sign_in("teacher")
        where = teacher.change("/device/tasks/doctor").location
        assert where
        clock.time += 60
        page = teacher.get(where).text
        assert "is not responding" in page and "hx-trigger" not in page

    @pytest.mark.parametrize("kind", ["restart_worker", "power_off", "usb_export"])
    def test_only_administrators_submit_administrative_tasks(
        self, sign_in: SignIn, tasks: TaskStore, kind: str
    ) -> None:
        for who in ("teacher", "viewer"):
            assert sign_in(who).change(f"/device/tasks/{kind}").status_code == 403
        assert tasks.claim([kind]) is None

    @pytest.mark.parametrize("name", ["ask", "action", "kind", "params", "device", "Csrf"])
    def test_smuggled_parameter_is_refused(
        self, sign_in: SignIn, tasks: TaskStore, name: str
    ) -> None:
        admin = sign_in("admin")
        answer = admin.change("/device/tasks/usb_list", **{name: "power_off"})
        assert answer.status_code == 400 and "usb_list" in answer.text
        body = {"kind": "usb_list", "params": {name: "power_off"}}
        answer = admin.post(
            "/api/v1/device/tasks", json=body, headers={"X-CSRF-Token": admin.token()}
        )
        assert (answer.status_code, answer.get_json()["code"]) == (400, "task_params_invalid")
        assert not tasks.has_unfinished(["usb_list", "power_off"])

    def test_other_users_tasks_and_other_kinds_are_unknown(
        self, sign_in: SignIn, tasks: TaskStore
    ) -> None:
        teacher = sign_in("teacher")
        where = teacher.change("/device/tasks/doctor").location
        assert where and sign_in("other").get(where).status_code == 404
        number = tasks.submit("preflight", {}, "teacher")
        assert teacher.get(f"/device/tasks/{number}").status_code == 404
        assert teacher.change("/device/tasks/preflight").status_code == 404

    def test_drives_are_listed_with_their_actions(self, sign_in: SignIn, tasks: TaskStore) -> None:
        teacher = sign_in("teacher")
        where = teacher.change("/device/tasks/usb_list").location
        assert where and tasks.claim(["usb_list"])
        tasks.finish(
            1,
            {
                "drives": [
                    {"device": "sdb1", "label": "<b>MATHS", "size_mb": 2048, "state": "copying"}
                ]
            },
        )
        page = teacher.get(where).text
        assert "&lt;b&gt;MATHS" in page and "2.0 GB" in page
        assert 'name="device" value="sdb1"' in page and "Do not remove" in page
        assert (
            "to drive" not in page and teacher.change("/device/tasks/usb_export").status_code == 403
        )
        teacher.change("/device/tasks/usb_eject", device="sdb1")
        task = tasks.claim(["usb_eject"])
        assert task and task.params == {"device": "sdb1"}

    def test_export_result_is_shown(self, sign_in: SignIn, tasks: TaskStore) -> None:
        admin = sign_in("admin")
        where = admin.change("/device/tasks/usb_export", device="sdb1").location
        assert where and tasks.claim(["usb_export"])
        tasks.finish(1, {"files": 3, "skipped": ["<i>long.mp4"]})
        page = admin.get(where).text
        assert "USB drive: 3" in page and "&lt;i&gt;long.mp4" in page and "can now remove" in page


class TestPrune:
    def test_only_old_videos_are_deleted_with_their_files(
        self, sign_in: SignIn, store: WorkerStore, clock: Clock, tmp_path: Path
    ) -> None:
        for name in ("old", "young"):
            job = add(store, name)
            store.claim()
            video = tmp_path / f"{name}.mp4"
            video.write_bytes(b"video")
            store.set_output_paths(job, video, video)
            store.files.add_result(job, video)
            store.finish(job)
            store.mark_archived(job)
            clock.time += 40 * 86400 * (name == "old")
        admin = sign_in("admin")
        assert admin.change("/device/prune", days="30").location == "/device/?deleted=0#disk-space"
        answer = admin.change("/device/prune", days="30", include_not_downloaded="on")
        assert answer.location == "/device/?deleted=1#disk-space"
        assert [path.name for path in tmp_path.glob("*.mp4")] == ["young.mp4"]

    def test_only_administrators_and_offered_ages(self, sign_in: SignIn) -> None:
        assert sign_in("teacher").change("/device/prune", days="30").status_code == 403
        assert sign_in("admin").change("/device/prune", days="0").status_code == 400


def test_page_shows_device_properties(
    sign_in: SignIn, config: Config, clock: Clock, logs: Path
) -> None:
    with DaemonStatusStore(store_path(config.root), now=clock) as record:
        record.record_start("1.2.3", 7)
        record.record_inference("CUDAExecutionProvider", "lectern-lite", "fp16")
    with TelemetryStore(telemetry_path(config.root)) as history:
        history.add(replace(reading(clock.time), power_mode="15W", throttle_events=3))
    page = sign_in("viewer").get("/device/").text
    for words in ("1.2.3", "CUDA", "lectern-lite fp16", "15W", "<dd>3</dd>"):
        assert words in page
    assert "Shut down" not in page
    assert "Shut down" in sign_in("admin").get("/device/").text


def test_device_page_shows_unused_providers(sign_in: SignIn, config: Config, clock: Clock) -> None:
    with DaemonStatusStore(store_path(config.root), now=clock) as record:
        record.record_start("0.1", 7)
        record.record_inference("cuda", "lectern-lite", "fp16")
    versions = RuntimeVersions("36.4.3", "10.3.0", "1.23.0")
    results = ProviderResults(config.root / "state" / RESULTS_FILE, versions, now=clock)
    results.add("a", "tensorrt", "fp16", "self-test: <off> by 0.3")
    page = sign_in("viewer").get("/device/").text
    assert "TensorRT is not used" in page and "self-test: &lt;off&gt; by 0.3" in page
    assert "CUDA is not used" not in page
