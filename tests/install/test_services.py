"""Stopping and starting the services around a change, with a simulated systemd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from install.errors import InstallError
from install.services import StartServices, StopServices
from install.system import System


class Systemd:
    """A simulated systemd; the unit ``broken`` never runs and has an error in its journal."""

    def __init__(self, root: Path, running: set[str], broken: str = "") -> None:
        (root / "run/systemd/system").mkdir(parents=True)
        self.running, self.broken = running, broken
        self.start_limit_hit: set[str] = set()
        self.system = System(root, self.run, {})

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> str:
        match list(command):
            case ["systemctl", "is-active", _, unit] if unit not in self.running:
                raise InstallError("", "")
            case ["systemctl", "stop", *units]:
                self.running -= set(units)
            case ["systemctl", "reset-failed", *units]:
                self.start_limit_hit -= set(units)
            case ["systemctl", "start", *units]:
                if self.start_limit_hit & set(units):
                    raise InstallError("Start request repeated too quickly.", "")
                self.running |= set(units) - {self.broken}
                if self.broken in units:
                    raise InstallError("Job for a unit failed.", "")
            case ["journalctl", unit, *_]:
                return f"Traceback\nRuntimeError: {unit} lacks a library\n"
        return ""


def test_stopped_services_are_started_again_after_a_failure(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path, {"lectern.service"})
    step = StopServices(systemd.system)
    step.do()
    assert systemd.running == set()
    step.undo()
    assert systemd.running == {"lectern.service"}


def test_all_services_are_started(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path, set())
    waits: list[float] = []
    StartServices(systemd.system, wait=waits.append).do()
    assert systemd.running == {"lectern-helper.socket", "lectern.service", "lectern-panel.service"}
    assert waits == [5.0]


def test_unit_that_hit_the_start_limit_is_started(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path, {"lectern.service"})
    stop = StopServices(systemd.system)
    stop.do()
    systemd.start_limit_hit = {"lectern.service", "lectern-panel.service"}
    StartServices(systemd.system, wait=lambda seconds: None).do()
    systemd.start_limit_hit = {"lectern.service"}
    stop.undo()
    assert "lectern.service" in systemd.running


def test_service_that_does_not_stay_up_is_reported_with_its_log(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path, set(), broken="lectern-panel.service")
    with pytest.raises(InstallError, match=r"lectern-panel\.service is not running: .*lacks"):
        StartServices(systemd.system, wait=lambda seconds: None).do()


def test_step_names_the_file_that_the_panel_writes_for_avahi(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path, set())
    assert "avahi" not in StartServices(systemd.system).text
    (tmp_path / "etc/avahi/services").mkdir(parents=True)
    assert "/etc/avahi/services/lectern.service" in StartServices(systemd.system).text
