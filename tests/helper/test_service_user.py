"""The services' user, and what is done as that user."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.errors import BadInput, Fault
from appliance.helper.service_user import ServiceUser, run_as_user

_TOLD_WHILE_IT_FORKS = """
import os, signal, sys, time
from pathlib import Path
from appliance.helper import __main__ as main
from appliance.helper.service_user import ServiceUser, run_as_user

parent = os.getpid()

def work():
    time.sleep(20)
    Path(sys.argv[2]).touch()
    return {}

def told():
    os.kill(parent, signal.SIGTERM)  # systemd tells every process of the unit
    if os.getpid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)

signal.signal(signal.SIGTERM, main._exit_on_signal)
os.register_at_fork(**{sys.argv[1]: told})
run_as_user(ServiceUser(os.getuid(), os.getgid()), work)
"""


class TestAsUser:
    @pytest.mark.skipif(os.getuid() != 0, reason="needs root")
    def test_the_work_has_the_users_rights_alone(self, tmp_path: Path) -> None:
        said = run_as_user(
            ServiceUser(65534, 65534), lambda: {"who": [*os.getresuid(), *os.getresgid()]}
        )
        assert said == {"who": [65534] * 6}
        assert os.getuid() == 0

    def test_errors_come_back(self) -> None:
        def fail() -> dict[str, object]:
            raise Fault("disk_full", name="/inbox")

        def reject() -> dict[str, object]:
            raise BadInput("file_empty", name="a.mp4")

        account = ServiceUser(os.getuid(), os.getgid())
        with pytest.raises(Fault, match="disk_full"):
            run_as_user(account, fail)
        with pytest.raises(BadInput, match="file_empty"):
            run_as_user(account, reject)
        with pytest.raises(Fault, match="ZeroDivisionError"):
            run_as_user(account, lambda: {"x": 1 / 0})

    @pytest.mark.parametrize("side", ["after_in_parent", "after_in_child"])
    def test_told_to_end_while_it_forks_it_ends(
        self, side: str, project: Path, tmp_path: Path
    ) -> None:
        # The work would not end by itself, or would say that it has been done.
        marked = tmp_path / "done"
        done = subprocess.run(
            [sys.executable, "-c", _TOLD_WHILE_IT_FORKS, side, str(marked)],
            cwd=project,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 128 + signal.SIGTERM, done.stderr
        assert done.stderr == b""
        assert not marked.exists()
