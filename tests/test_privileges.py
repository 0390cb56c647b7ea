"""Commands of root on an installed device, each in its own process."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.config import SYSTEM_CONFIG
from appliance.errors import BadInput
from appliance.privileges import check_visible_to_services

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

# Use the user nobody and a temporary file as the user and the settings of an installed device.
_TRY = """
import os, sys
from pathlib import Path
import appliance.config, appliance.privileges as privileges
from appliance.errors import BadInput

installed, used = Path(sys.argv[1]), Path(sys.argv[2])
appliance.config.SYSTEM_CONFIG = privileges.SYSTEM_CONFIG = installed
privileges.SERVICE_USER = "nobody"
if len(sys.argv) > 3:
    from appliance.cli import main
    sys.exit(main(sys.argv[3:]))
privileges.drop_privileges(used)
print(*os.getresuid(), *os.getresgid(), os.environ["HOME"])
try:
    os.setuid(0)
    print("root")
except PermissionError:
    print("not root")
try:
    print(appliance.config.load_config(used).root)
except BadInput as error:
    print(error)
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Settings that only root can read."""
    path = tmp_path / "config.yaml"
    path.write_text("root: /srv/lectern\n")
    path.chmod(0o600)
    return path


def run_as_root(installed: Path, used: Path, project: Path) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-c", _TRY, str(installed), str(used)],
        capture_output=True, text=True, check=True, cwd=project, env={**os.environ, "HOME": "/own"},
    )  # fmt: skip
    return run.stdout.splitlines()


@only_root
def test_root_becomes_the_service_user_with_the_device_settings(
    installed: Path, project: Path
) -> None:
    user = pwd.getpwnam("nobody")
    numbers = [str(number) for number in 3 * [user.pw_uid] + 3 * [user.pw_gid]]
    ids, root_again, message = run_as_root(installed, installed, project)
    assert ids.split() == [*numbers, "/var/lib/lectern/cache"]
    assert root_again == "not root"
    assert message.startswith(
        "config_access_denied: Only administrators can read the device's configuration file "
        f"{installed}."
    )
    assert "sudo" in message


@only_root
def test_device_settings_are_recognised_by_any_path(
    tmp_path: Path, installed: Path, project: Path
) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    for spelling in (tmp_path / "link" / installed.name, Path(os.path.relpath(installed, project))):
        assert run_as_root(installed, spelling, project)[1] == "not root"


@only_root
def test_root_stays_root_with_other_settings(
    tmp_path: Path, installed: Path, project: Path
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("root: /srv/own\n")
    assert run_as_root(installed, own, project) == ["0 0 0 0 0 0 /own", "root", "/srv/own"]


@only_root
@pytest.mark.parametrize("lacking", ["-setuid", "-setgid", "-setuid,-setgid"])
def test_root_without_the_capability_gets_an_error(
    installed: Path, project: Path, lacking: str
) -> None:
    """The process lacks a capability, as in some containers."""
    settings = str(installed)
    confined = ["setpriv", f"--bounding-set={lacking}", f"--inh-caps={lacking}"]
    command = [sys.executable, "-c", _TRY, settings, settings, "jobs", "list", "--config", settings]
    run = subprocess.run(
        [*confined, *command], capture_output=True, text=True, check=False, cwd=project
    )
    assert run.returncode == 1
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    assert line.startswith(
        "lectern: privilege_drop_failed: Root cannot switch to the service user nobody here "
        "(Operation not"
    )


def test_files_invisible_to_the_services_are_rejected() -> None:
    for folder in ("/tmp", "/var/tmp/mine", "/var/lib/../tmp"):
        file = Path(folder) / "lecture.wav"
        with pytest.raises(BadInput) as raised:
            check_visible_to_services(file, SYSTEM_CONFIG)
        assert raised.value.code == "file_inaccessible"
        check_visible_to_services(file, Path("own.yaml"))  # its daemon is not a service
    check_visible_to_services(Path("/srv/lectern/tmp/lecture.wav"), SYSTEM_CONFIG)


@pytest.mark.parametrize("unit", ["lectern.service", "lectern-panel.service"])
def test_services_have_private_temporary_folders(unit: str, project: Path) -> None:
    assert "PrivateTmp=yes" in (project / "systemd" / unit).read_text().splitlines()
