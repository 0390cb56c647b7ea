"""Root's commands on an installed box, in processes of their own: nobody becomes root again."""

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

# The user and the place of an installed box, played by those of this machine.
_TRY = """
import os, sys
from pathlib import Path
import appliance.config, appliance.privileges as privilege
from appliance.errors import BadInput

installed, used = Path(sys.argv[1]), Path(sys.argv[2])
appliance.config.SYSTEM_CONFIG = privilege.SYSTEM_CONFIG = installed
privilege.SERVICE_USER = "nobody"
if len(sys.argv) > 3:
    from appliance.cli import main
    sys.exit(main(sys.argv[3:]))
privilege.drop_privileges(used)
print(*os.getresuid(), *os.getresgid(), os.environ["HOME"])
try:
    os.setuid(0)
    print("root")
except PermissionError:
    print("for good")
try:
    print(appliance.config.load_config(used).root)
except BadInput as error:
    print(error)
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Settings that only root may read."""
    path = tmp_path / "config.yaml"
    path.write_text("root: /srv/lectern\n")
    path.chmod(0o600)
    return path


def tried(installed: Path, used: Path, project: Path) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-c", _TRY, str(installed), str(used)],
        capture_output=True, text=True, check=True, cwd=project, env={**os.environ, "HOME": "/own"},
    )  # fmt: skip
    return run.stdout.splitlines()


@only_root
def test_with_the_boxs_settings_root_becomes_the_services_user(
    installed: Path, project: Path
) -> None:
    user = pwd.getpwnam("nobody")
    numbers = [str(number) for number in 3 * [user.pw_uid] + 3 * [user.pw_gid]]
    who, whether, said = tried(installed, installed, project)
    assert who.split() == [*numbers, "/var/lib/lectern/cache"]
    assert whether == "for good"
    assert said.startswith(
        "config_access_denied: Only administrators can read the device's configuration file "
        f"{installed}."
    )
    assert "sudo" in said


@only_root
def test_the_boxs_settings_are_the_same_in_any_spelling(
    tmp_path: Path, installed: Path, project: Path
) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    for spelling in (tmp_path / "link" / installed.name, Path(os.path.relpath(installed, project))):
        assert tried(installed, spelling, project)[1] == "for good"


@only_root
def test_with_settings_of_its_own_root_stays_root(
    tmp_path: Path, installed: Path, project: Path
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("root: /srv/own\n")
    assert tried(installed, own, project) == ["0 0 0 0 0 0 /own", "root", "/srv/own"]


@only_root
@pytest.mark.parametrize("lacking", ["-setuid", "-setgid", "-setuid,-setgid"])
def test_root_that_may_not_change_users_is_told_so(
    installed: Path, project: Path, lacking: str
) -> None:
    """In a process that has lost the right for good, as in a container without it."""
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


def test_jobs_of_files_that_the_services_cannot_see_are_refused() -> None:
    for folder in ("/tmp", "/var/tmp/mine", "/var/lib/../tmp"):
        file = Path(folder) / "lecture.wav"
        with pytest.raises(BadInput) as raised:
            check_visible_to_services(file, SYSTEM_CONFIG)
        assert raised.value.code == "file_inaccessible"
        check_visible_to_services(file, Path("own.yaml"))  # whose daemon is no service
    check_visible_to_services(Path("/srv/lectern/tmp/lecture.wav"), SYSTEM_CONFIG)


@pytest.mark.parametrize("unit", ["lectern.service", "lectern-panel.service"])
def test_they_cannot_see_them_indeed(unit: str, project: Path) -> None:
    assert "PrivateTmp=yes" in (project / "systemd" / unit).read_text().splitlines()
