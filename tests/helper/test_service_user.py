"""Running functions as the services' user."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.errors import BadInput, Fault
from appliance.helper.service_user import ServiceUser, run_as_user

_TERMINATED_DURING_FORK = """
import os, signal, sys, time
from pathlib import Path
from appliance.helper import __main__ as main
from appliance.helper.service_user import ServiceUser, run_as_user

parent = os.getpid()

def work():
    time.sleep(20)
    Path(sys.argv[2]).touch()
    return {}

def terminate():
    os.kill(parent, signal.SIGTERM)  # systemd signals every process of the unit
    if os.getpid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)

signal.signal(signal.SIGTERM, main._exit_on_signal)
os.register_at_fork(**{sys.argv[1]: terminate})
run_as_user(ServiceUser(os.getuid(), os.getgid()), work)
"""


class TestRunAsUser:
    @pytest.mark.skipif(os.getuid() != 0, reason="needs root")
    def test_work_has_only_the_users_permissions(self, tmp_path: Path) -> None:
        result = run_as_user(
            ServiceUser(65534, 65534), lambda: {"who": [*os.getresuid(), *os.getresgid()]}
        )
        assert result == {"who": [65534] * 6}
        assert os.getuid() == 0

    def test_errors_keep_their_class(self) -> None:
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
    def test_termination_during_fork_ends_both_processes(
        self, side: str, project: Path, tmp_path: Path
    ) -> None:
        # The work would take too long, or would create the file at its end.
        marker = tmp_path / "done"
        done = subprocess.run(
            [sys.executable, "-c", _TERMINATED_DURING_FORK, side, str(marker)],
            cwd=project,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 128 + signal.SIGTERM, done.stderr
        assert done.stderr == b""
        assert not marker.exists()
