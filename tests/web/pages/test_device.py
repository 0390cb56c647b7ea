"""Box: its numbers, its log, and what may be asked of it by whom."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.config import Config
from appliance.errors import BadInput
from appliance.jobs.daemon_status import DaemonStatusStore
from appliance.jobs.models import Reason
from appliance.jobs.store import store_path
from appliance.jobs.tasks import TaskStore
from appliance.jobs.worker_store import WorkerStore
from appliance.logs.write import configure_logging
from appliance.telemetry.store import TelemetryStore, telemetry_path
from tests.web.conftest import Clock, SignIn
from tests.web.pages.test_home_stream import add, reading
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
def errands(config: Config, clock: Clock) -> TaskStore:
    return TaskStore(store_path(config.root), now=clock)


class TestCurves:
    def test_a_day_is_thinned_and_each_number_stands_in_its_column(
        self, config: Config, clock: Clock
    ) -> None:
        with TelemetryStore(telemetry_path(config.root)) as history:
            for minute in range(1440):
                history.add(reading(clock.time + 60 * minute, 40 + minute % 7))
        found = telemetry_since(config.root, clock.time)
        assert 100 < len(found) <= MAX_POINTS
        told = build_charts(found)
        assert [chart["id"] for chart in told["charts"]] == ["heat", "load", "memory"]
        heat = told["charts"][0]["series"]
        assert heat[0]["label"] == "cpu"
        assert heat[0]["values"] == [r.temperatures_c["cpu"] for r in found]
        assert told["times"] == [r.at for r in found]

    def test_what_a_board_tells_only_at_times_has_gaps(self, clock: Clock) -> None:
        first = replace(reading(1.0), gpu_load=0.5, power_mw={"VDD_IN": 5000.0})
        told = build_charts([first, reading(2.0)])
        load, power = told["charts"][1]["series"], told["charts"][3]["series"]
        assert load[1]["values"] == [50.0, None]
        assert power[0]["values"] == [5.0, None]

    def test_of_many_zones_the_hottest_are_shown(self) -> None:
        zones = {f"z{n}": 30.0 + n for n in range(9)}
        told = build_charts([replace(reading(1.0), temperatures_c=zones)])
        assert [s["label"] for s in told["charts"][0]["series"]] == ["z5", "z6", "z7", "z8"]

    def test_when_the_box_was_slowed_down_stands_beside_them(
        self, sign_in: SignIn, config: Config, clock: Clock
    ) -> None:
        with TelemetryStore(telemetry_path(config.root)) as history:
            for minute in range(6):
                held = replace(reading(clock.time + 60 * minute), throttled=minute in (2, 3))
                history.add(held)
        told = sign_in("viewer").get("/device/charts?hours=6").json
        assert told and told["throttled"] == [[clock.time + 120, clock.time + 180]]
        assert throttled_spans(config.root / "missing", 0) == []

    def test_without_a_measurement_there_is_nothing(self, config: Config) -> None:
        assert telemetry_since(config.root, 0) == []
        assert build_charts([])["charts"] == []

    def test_the_page_gets_them(self, sign_in: SignIn, config: Config, clock: Clock) -> None:
        with TelemetryStore(telemetry_path(config.root)) as history:
            history.add(reading(clock.time))
        told = sign_in("viewer").get("/device/charts?hours=6").json
        assert told and told["times"] == [clock.time]
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
    def test_lines_are_found_by_their_words_and_level(
        self, logs: Path, config: Config, words: str, level: str, count: int
    ) -> None:
        found = [line.to_text() for line in read_lines(config.root, LOGS[0], words, level)]
        assert len(found) == count
        assert found == [line for line in LOG.splitlines() if line in found]

    def test_each_process_has_its_own(self, logs: Path, config: Config) -> None:
        with configure_logging(config.root, config.logs, "panel.log"):
            logging.getLogger("lectern.panel").warning("refused somebody")
        (line,) = read_lines(config.root, "panel.log")
        assert (line.level, line.logger) == ("warning", "lectern.panel")
        with pytest.raises(BadInput, match="page_not_found"):
            read_lines(config.root, "../state/users.sqlite3")

    def test_only_log_files_are_given_out(self, logs: Path, config: Config) -> None:
        (logs / "lectern.log.1").write_text("older")
        (logs / "secret.txt").write_text("no")
        os.symlink("/etc/passwd", logs / "evil.log")
        assert sorted(list_log_files(config.root)) == ["lectern.log", "lectern.log.1"]
        for name in ("secret.txt", "evil.log", "../state/users.sqlite3", ""):
            with pytest.raises(BadInput, match="page_not_found"):
                log_file_path(config.root, name)

    def test_an_administrator_reads_filters_and_downloads_it(
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

    def test_a_line_of_the_log_is_text(self, sign_in: SignIn, logs: Path) -> None:
        (logs / "lectern.log").write_text(LOG + LOG.replace("no face", "<script>alert(1)</script>"))
        page = sign_in("admin").get("/device/log").text
        assert "<script>alert" not in page and "&lt;script&gt;alert" in page


class TestErrands:
    def test_the_doctors_lines_come_in_the_readers_language(
        self, sign_in: SignIn, errands: TaskStore
    ) -> None:
        teacher = sign_in("teacher")
        where = teacher.change("/device/tasks/doctor").location
        assert where
        assert "Working…" in teacher.get(where).text
        errand = errands.claim(["doctor"])
        assert errand and errand.owner == "teacher"
        line = {
            "level": "warn",
            "code": "x",
            "text": {"en": "Little room.", "zh": "空间不足。"},
            "cure": {"en": "Delete videos.", "zh": "请删除视频。"},
        }
        errands.finish(errand.id, {"lines": [line]})
        page = teacher.get(where).text
        assert "Little room." in page and "Delete videos." in page and "hx-trigger" not in page
        chinese = teacher.get(where, headers={"Accept-Language": "zh"}).text
        assert "空间不足。" in chinese

    def test_a_failure_is_told_with_its_cure(self, sign_in: SignIn, errands: TaskStore) -> None:
        admin = sign_in("admin")
        where = admin.change("/device/tasks/restart_worker").location
        assert where and errands.claim(["restart_worker"])
        errands.fail(1, Reason("task_interrupted"))
        assert "note bad" in admin.get(where).text

    def test_without_a_daemon_it_does_not_wait_for_ever(
        self, sign_in: SignIn, clock: Clock
    ) -> None:
        teacher = sign_in("teacher")
        where = teacher.change("/device/tasks/doctor").location
        assert where
        clock.time += 60
        page = teacher.get(where).text
        assert "is not responding" in page and "hx-trigger" not in page

    @pytest.mark.parametrize("kind", ["restart_worker", "power_off", "usb_export"])
    def test_only_administrators_stop_things(
        self, sign_in: SignIn, errands: TaskStore, kind: str
    ) -> None:
        for who in ("teacher", "viewer"):
            assert sign_in(who).change(f"/device/tasks/{kind}").status_code == 403
        assert errands.claim([kind]) is None

    def test_other_peoples_answers_and_other_kinds_are_not_there(
        self, sign_in: SignIn, errands: TaskStore
    ) -> None:
        teacher = sign_in("teacher")
        where = teacher.change("/device/tasks/doctor").location
        assert where and sign_in("other").get(where).status_code == 404
        number = errands.submit("preflight", {}, "teacher")
        assert teacher.get(f"/device/tasks/{number}").status_code == 404
        assert teacher.change("/device/tasks/preflight").status_code == 404

    def test_sticks_are_listed_with_what_can_be_done(
        self, sign_in: SignIn, errands: TaskStore
    ) -> None:
        teacher = sign_in("teacher")
        where = teacher.change("/device/tasks/usb_list").location
        assert where and errands.claim(["usb_list"])
        errands.finish(
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
        errand = errands.claim(["usb_eject"])
        assert errand and errand.params == {"device": "sdb1"}

    def test_what_came_of_a_stick_is_told(self, sign_in: SignIn, errands: TaskStore) -> None:
        admin = sign_in("admin")
        where = admin.change("/device/tasks/usb_export", device="sdb1").location
        assert where and errands.claim(["usb_export"])
        errands.finish(1, {"files": 3, "skipped": ["<i>long.mp4"]})
        page = admin.get(where).text
        assert "USB drive: 3" in page and "&lt;i&gt;long.mp4" in page and "can now remove" in page


class TestPrune:
    def test_old_videos_go_with_their_files_and_young_ones_stay(
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

    def test_only_for_administrators_and_only_as_offered(self, sign_in: SignIn) -> None:
        assert sign_in("teacher").change("/device/prune", days="30").status_code == 403
        assert sign_in("admin").change("/device/prune", days="0").status_code == 400


def test_the_page_says_what_the_box_is(
    sign_in: SignIn, config: Config, clock: Clock, logs: Path
) -> None:
    with DaemonStatusStore(store_path(config.root), now=clock) as record:
        record.record_start("1.2.3", 7)
        record.record_engine("CUDAExecutionProvider", "lectern-lite", "fp16")
    with TelemetryStore(telemetry_path(config.root)) as history:
        history.add(replace(reading(clock.time), power_mode="15W", throttle_events=3))
    page = sign_in("viewer").get("/device/").text
    for words in ("1.2.3", "CUDA", "lectern-lite fp16", "15W", "<dd>3</dd>"):
        assert words in page
    assert "Shut down" not in page
    assert "Shut down" in sign_in("admin").get("/device/").text
