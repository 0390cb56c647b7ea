"""Libraries start no additional threads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_PRODUCT = """
import os
import numpy as np
np.ones((600, 600)) @ np.ones((600, 600))
print(len(os.listdir("/proc/self/task")))
"""


def _threads(before: str) -> int:
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", before + _PRODUCT],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(done.stdout)


def test_blas_uses_one_thread() -> None:
    if _threads("") == 1:
        pytest.skip("numpy's algebra has one thread here anyway")
    call = "from appliance.system.process import limit_blas_threads; limit_blas_threads()\n"
    assert _threads(call) == 1


def test_command_line_limits_blas_before_numpy_is_imported() -> None:
    program = """
import sys
from appliance.cli import main
try:
    main(["render", "missing.mp4", "missing.wav", "-o", "out.mp4"])
finally:
    assert "numpy" in sys.modules
"""
    assert _threads(program) == 1


def test_private_stdout_carries_only_the_protocol() -> None:
    program = """
import os
from appliance.system.process import private_stdout
print("before")
with private_stdout() as protocol:
    print("stray print")
    os.write(1, b"stray write\\n")
    os.system("echo stray child")
    protocol.write("reply\\n")
print("after")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["before", "reply", "after"]
    assert sorted(done.stderr.splitlines()) == ["stray child", "stray print", "stray write"]
