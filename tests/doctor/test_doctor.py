"""The doctor on simulated boards and on this machine: findings, fixes, exit status, report."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.cli import main
from appliance.commands.trial_render import render_trial
from appliance.config import PROJECT, Config, JobsConfig, LipsConfig
from appliance.doctor.check_installation import (
    check_backups,
    check_daemon,
    check_disk,
    check_models,
    check_panel,
    check_share,
    check_voices,
)
from appliance.doctor.check_machine import check_clock, check_heat, check_jetson, check_machine
from appliance.doctor.checks import CHECKS, CheckFinding, exit_status, run_checks
from appliance.doctor.context import DoctorContext
from appliance.doctor.finding import Finding, fail, ok, warn
from appliance.doctor.report import as_dict, write_report
from appliance.errors import BadInput
from appliance.inference.providers import Providers
from appliance.jobs.backup import QUEUE, RESTORATION_SHOWN_S, DatabaseBackups
from appliance.jobs.daemon_status import DaemonStatusStore
from appliance.jobs.store import JobStore, store_path
from tests.inference.fake_providers import fake_device
from tests.talking_face import babble, talking, write_video
from tests.telemetry.boards import BOARDS, Board, make_board
from tests.telemetry.readings import reading

NOW = 1_900_000_000.0


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    ctx = make_board(tmp_path / "root", BOARDS["nano"])
    yield ctx
    ctx.close()


def context(tmp_path: Path, root: Path | None = None, **changes: Any) -> DoctorContext:
    config = changes.pop(
        "config", Config(root=tmp_path / "device", jobs=JobsConfig(min_free_disk_mb=0))
    )
    ctx = DoctorContext(config, root or tmp_path / "pc", now=lambda: NOW, **changes)
    return ctx


def codes(lines: Iterator[Finding]) -> list[tuple[str, str]]:
    return [(line.level, line.code) for line in lines]


def with_reading(ctx: DoctorContext, **changes: Any) -> DoctorContext:
    """Return ``ctx`` with a telemetry reading of the given values."""
    ctx.__dict__["reading"] = reading(NOW, **changes)
    return ctx


class TestMachine:
    def test_board_is_described(self, board: Board, tmp_path: Path) -> None:
        ctx = context(tmp_path, board.root)
        (line,) = check_machine(ctx)
        assert line.text().startswith("NVIDIA Jetson Orin Nano Engineering Reference Developer Kit")
        assert "7619 MB" in line.text() and "Lectern " in line.text()
        (about,) = check_jetson(ctx)
        assert about.text() == "JetPack 6 (L4T 36.4.3, TensorRT –), power mode 25W."

    def test_jetson_check_is_skipped_on_a_pc(self, tmp_path: Path) -> None:
        assert codes(check_jetson(context(tmp_path))) == []

    def test_low_power_mode_and_known_bug_of_a_release_are_reported(
        self, board: Board, tmp_path: Path
    ) -> None:
        board.write("var/lib/nvpmodel/status", "pmode:0003")
        board.write("etc/nv_tegra_release", "# R36 (release), REVISION: 4.7, GCID: 1")
        found = list(check_jetson(context(tmp_path, board.root)))
        assert [line.code for line in found[1:]] == ["l4t_allocation_limit", "power_mode_low"]
        assert "1 = 25W, 2 = MAXN_SUPER" in found[2].cure()

    def test_low_memory_is_reported(self, tmp_path: Path) -> None:
        ctx = with_reading(context(tmp_path), memory_total_mb=3300.0, memory_available_mb=500.0)
        assert codes(check_machine(ctx))[1:] == [("warn", "memory_small"), ("warn", "memory_low")]

    def test_high_temperature_and_throttling_are_reported(self, tmp_path: Path) -> None:
        ctx = context(tmp_path)
        assert codes(check_heat(with_reading(ctx))) == [("ok", "temperature")]
        hot = {"temperatures_c": {"cpu": 95.0}, "throttled": True}
        assert codes(check_heat(with_reading(ctx, **hot))) == [
            ("warn", "throttled"),
            ("warn", "temperature_high"),
        ]
        assert codes(check_heat(with_reading(ctx, temperatures_c={}))) == [
            ("ok", "temperature_unknown")
        ]

    def test_clock_before_the_installation_is_reported(self, tmp_path: Path) -> None:
        ctx = context(tmp_path)
        assert codes(check_clock(ctx)) == [("ok", "clock")]
        assert codes(check_clock(replace(ctx, now=lambda: 1000.0))) == [("warn", "clock_wrong")]


class TestInstallation:
    def test_free_space_and_wear_of_the_disk(self, tmp_path: Path) -> None:
        config = Config(root=tmp_path, jobs=JobsConfig(min_free_disk_mb=2048))
        ctx = context(tmp_path, config=config)
        (tmp_path / "state").mkdir()
        level = {20000.0: "ok", 3000.0: "warn", 1000.0: "fail"}
        for free, expected in level.items():
            assert next(check_disk(with_reading(ctx, disk_free_mb=free))).level == expected
        found = codes(check_disk(with_reading(ctx, disk_wear_percent=90.0)))
        assert found == [("ok", "disk"), ("warn", "flash_worn"), ("ok", "folders")]
        assert [entry.name for entry in tmp_path.iterdir()] == ["state"]

    def test_unwritable_folder_fails(self, tmp_path: Path) -> None:
        ctx = with_reading(context(tmp_path, config=Config(root=tmp_path)))
        assert codes(check_disk(ctx))[-1] == ("warn", "folders_missing")
        (tmp_path / "inbox").touch()  # a file where a folder should be: root may write anywhere
        (line,) = list(check_disk(ctx))[1:]
        assert (line.level, line.code) == ("fail", "folder_not_writable")
        assert "Not a directory" in line.text()

    def test_missing_model_is_reported_with_the_text_of_its_error(self, tmp_path: Path) -> None:
        assert codes(check_models(context(tmp_path))) == [
            ("ok", "model_intact"),
            ("ok", "face_models_intact"),
        ]
        missing = Config(root=tmp_path, lips=LipsConfig(model="unknown-model"))
        found = list(check_models(context(tmp_path, config=missing)))
        assert codes(iter(found))[0] == ("fail", "model_unknown")
        assert "unknown-model" in found[0].text("zh") and found[0].cure("zh")

    def test_missing_speech_synthesizer_is_reported(self, tmp_path: Path) -> None:
        assert (
            codes(check_voices(context(tmp_path, which=lambda name: f"/bin/{name}")))[0][0] == "ok"
        )
        assert codes(check_voices(context(tmp_path, which=lambda name: None))) == [
            ("warn", "voices_english")
        ]

    def test_missing_panel_files_are_reported(self, tmp_path: Path) -> None:
        ctx = context(tmp_path, project=tmp_path)
        (line,) = check_panel(ctx)
        assert line.level == "warn" and "htmx.js, tus.js" in line.text()
        vendor = tmp_path / "web/static/vendor"
        vendor.mkdir(parents=True)
        for name in ("htmx.js", "tus.js", "uplot.js", "uplot.css"):
            (vendor / name).touch()
        assert codes(check_panel(ctx)) == [("ok", "panel_files_complete")]

    def test_share_without_samba_is_reported(self, board: Board, tmp_path: Path) -> None:
        ctx = context(tmp_path, board.root)
        assert codes(check_share(ctx)) == [("ok", "share_off")]
        board.write("etc/samba/smb.conf", "[global]\n   include = /etc/lectern/samba.conf")
        assert codes(check_share(ctx)) == [("warn", "share_down")]
        board.write("proc/77/comm", "smbd")
        assert codes(check_share(ctx)) == [("ok", "share")]

    def test_stopped_daemon_is_reported(self, tmp_path: Path) -> None:
        ctx = context(tmp_path)
        assert codes(check_daemon(ctx)) == [("warn", "daemon_not_running")]
        path = store_path(ctx.config.root)
        path.parent.mkdir(parents=True)
        with DaemonStatusStore(path, now=lambda: NOW - 10) as record:
            record.record_start("0.1", 7)
        assert codes(check_daemon(ctx)) == [("ok", "daemon_running")]
        assert codes(check_daemon(replace(ctx, now=lambda: NOW + 60))) == [
            ("warn", "daemon_not_running")
        ]
        path.write_bytes(b"not a database at all, but long enough to be looked at" * 40)
        assert codes(check_daemon(ctx)) == [("warn", "daemon_not_running")]

    def test_backups_and_restorations_are_reported(self, tmp_path: Path) -> None:
        ctx = replace(context(tmp_path), now=time.time)
        state = ctx.config.root / "state"
        assert codes(check_backups(ctx)) == [("ok", "backup_unneeded")]
        JobStore(store_path(ctx.config.root)).close()
        assert codes(check_backups(ctx)) == [("warn", "backup_none")]
        backups = DatabaseBackups(state, QUEUE)
        backups.create()
        assert codes(check_backups(ctx)) == [("ok", "backup_made")]
        backups.database.write_bytes(b"no database" * 1000)
        assert codes(check_backups(ctx)) == [("fail", "database_damaged")]
        backups.restore_if_damaged()
        assert codes(check_backups(ctx)) == [("warn", "database_restored"), ("ok", "backup_made")]
        backups.database.unlink()
        later = replace(ctx, now=lambda: time.time() + RESTORATION_SHOWN_S + 60)
        assert codes(check_backups(later)) == [("warn", "database_missing")]


class TestInference:
    @pytest.fixture
    def make_context(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[..., DoctorContext]:
        monkeypatch.syspath_prepend(str(tmp_path))

        def make(root: Path, config: Config | None = None, **behaviours: str) -> DoctorContext:
            providers: Providers = fake_device(tmp_path, 60.0, 60.0, **behaviours)
            extra = {"config": config} if config else {}
            return context(tmp_path, root, find_providers=lambda root, lips: providers, **extra)

        return make

    def test_each_provider_and_the_selected_one_are_reported(
        self, make_context: Callable[..., DoctorContext], board: Board
    ) -> None:
        found = [line for line in CHECKS["inference"](make_context(board.root, tensorrt="throws"))]
        assert codes(iter(found)) == [
            *[("warn", "provider_failed")] * 3,
            *[("ok", "provider_passed")] * 3,
            ("warn", "provider_missing"),  # a Jetson whose ONNX Runtime has no CUDA
            ("ok", "provider_selected"),
        ]
        assert "no kernel image is available" in found[0].text()
        assert "CUDA" in found[6].text() and "GPU build" in found[6].cure()
        assert found[7].text().startswith("Videos are rendered with CPU in ")

    def test_wrong_reference_output_on_the_cpu_fails_the_precision(
        self, tmp_path: Path, make_context: Callable[..., DoctorContext]
    ) -> None:
        source = PROJECT / "models_lite" / "lectern-lite"
        copy = tmp_path / "models_lite" / "lectern-lite"
        shutil.copytree(source, copy)
        manifest = json.loads((copy / "model.json").read_text())
        manifest["files"]["int8"]["renderer"]["golden"]["answer"][0][0] += 5
        (copy / "model.json").write_text(json.dumps(manifest))
        ctx = replace(make_context(tmp_path / "pc"), project=tmp_path)
        found = [line.code for line in CHECKS["inference"](ctx) if line.level != "ok"]
        assert found == ["precision_failed"]

    def test_failed_provider_is_tested_again(
        self, make_context: Callable[..., DoctorContext], board: Board
    ) -> None:
        list(CHECKS["inference"](make_context(board.root, cuda="wrong")))
        repaired = [
            line.code for line in CHECKS["inference"](make_context(board.root, cuda="good"))
        ]
        assert repaired.count("provider_failed") == 0 and repaired.count("provider_passed") == 6


class TestRunChecks:
    def test_exception_in_a_check_becomes_a_finding(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(context: DoctorContext) -> Iterator[Finding]:
            yield ok("face_models_intact")
            raise ZeroDivisionError("by\nzero")

        checks: dict[str, Any] = {"voices": broken, "models": broken}
        monkeypatch.setattr("appliance.doctor.checks.CHECKS", checks)
        found = list(run_checks(context(tmp_path)))
        assert [finding.finding.level for finding in found] == ["ok", "warn", "ok", "fail"]
        assert found[1].finding.text() == (
            "The check “voices” failed because of an error (ZeroDivisionError: by zero)."
        )
        assert exit_status(found) == 1 and exit_status(found[:3]) == 0

    def test_json_contains_both_languages_and_the_worst_level(self) -> None:
        lines = [
            CheckFinding("a", ok("face_models_intact")),
            CheckFinding("b", warn("voices_english")),
        ]
        found = as_dict(lines)
        assert found["level"] == "warn" and found["lines"][0]["cure"] == {}
        assert found["lines"][1]["cure"]["zh"].endswith("espeak-ng。")
        assert as_dict([CheckFinding("a", fail("no_provider", reason="x"))])["level"] == "fail"
        assert as_dict(lines[:1])["level"] == "ok"


@pytest.mark.slow
class TestCommand:
    @pytest.fixture
    def config(self, tmp_path: Path) -> str:
        path = tmp_path / "config.yaml"
        path.write_text("root: device\njobs: {min_free_disk_mb: 0}\nvideo: {threads: 1}\n")
        return str(path)

    def test_report_contains_checks_and_measurements_of_this_machine(
        self, config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        report = tmp_path / "report.json"
        (tmp_path / "device" / "presenters").mkdir(parents=True)
        write_video(tmp_path / "device" / "presenters" / "wang.mp4", talking(babble(25)))
        assert main(["doctor", "--json", "--report", str(report), "--config", config]) == 0
        printed = json.loads(capsys.readouterr().out)
        written = json.loads(report.read_text())
        assert written["lines"] == printed["lines"]
        assert {line["check"] for line in printed["lines"]} >= set(CHECKS) - {"jetpack"}
        assert {network["precision"] for network in written["networks"]} == {"fp32", "fp16", "int8"}
        assert all(network["ms"] > 0 for network in written["networks"])
        assert written["stages_ms"]["encode"]["cpu_ms"] > written["stages_ms"]["mesh"]["cpu_ms"] > 0
        assert written["reading"]["memory_total_mb"] > 0 and written["packages"]["onnxruntime"]
        assert written["rendering"]["frames"] == 150 and written["rendering"]["peak_mb"] > 100
        assert written["predicted"] == {}  # this machine is no Orin
        # The report may be published: it contains no names of users or files and no paths.
        assert "wang" not in report.read_text()
        assert str(tmp_path) not in report.read_text().replace(str(tmp_path / "device"), "")

    def test_findings_are_printed_in_the_requested_language(
        self, config: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["doctor", "--language", "zh", "--config", config]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert all(line[:4] in ("ok  ", "warn", "    ") for line in lines)
        assert any("人脸模型完整。" in line for line in lines)


def test_report_is_written_although_every_measurement_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report is most needed on a broken device: here without a model and a temporary folder."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    findings = [CheckFinding("models", fail("model_unknown", name="none", known="others"))]
    config = Config(root=tmp_path / "device", lips=LipsConfig(model="none"))
    report = tmp_path / "report.json"
    write_report(report, context(tmp_path, config=config), findings, RuntimeError("it broke"))
    written = json.loads(report.read_text())
    failed = [written[part]["failed"] for part in ("networks", "stages_ms", "rendering")]
    assert failed == ["model_unknown", "FileNotFoundError", "RuntimeError"]
    assert written["level"] == "fail"


def test_trial_render_without_a_presenter_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="bench_presenter_missing"):
        render_trial(Config(root=tmp_path), portrait=lambda: None)


@pytest.mark.parametrize("target", [".", "nowhere/report.json"])
def test_unwritable_report_is_rejected_before_the_checks(
    tmp_path: Path, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--report", str(tmp_path / target)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("lectern: output_")
