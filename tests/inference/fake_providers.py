"""Fake GPU providers: CPU sessions that fail in the ways of real drivers.

A replacement for ``appliance.inference.session``. It is also imported in the child process of a
self-test, so the behaviour of each provider is read from a file.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from appliance.inference.providers import Providers
from appliance.inference.session import RuntimeVersions, Session, SessionSettings
from appliance.inference.session import open_session as open_real

BEHAVIOURS_FILE = "behaviours.json"
OPENED = "opened.txt"
NVMAP = "NvMapMemAllocInternalTagged: 1075072515 error 12"


def fake_device(
    folder: Path, limit_s: float = 60.0, timeout_s: float = 60.0, **behaviours: str
) -> Providers:
    """Return a device in ``folder`` whose ONNX Runtime lists the providers in ``behaviours``.

    Behaviours: ``good``, ``throws`` (when opened), ``wrong`` (wrong output), ``hangs``,
    ``crashes``, ``large`` (no memory for a batch of more than 4), ``later N`` (fails in the Nth run
    after the child's test), ``stuck N`` (hangs in it) and ``stuck open`` (hangs when opened after
    that test).
    """
    (folder / "cache").mkdir(exist_ok=True)
    (folder / BEHAVIOURS_FILE).write_text(json.dumps(behaviours))
    versions = RuntimeVersions("36.4.3", "10.3.0", "1.23.0")
    return Providers(
        folder / "state", folder / "cache", versions, _engine(folder), limit_s, timeout_s
    )


def _engine(folder: Path) -> str:
    """Write a session module for one device, since ``available`` has no argument."""
    module = folder / f"engine_of_{folder.name.replace('-', '_')}.py"
    module.write_text(
        "from functools import partial\nfrom pathlib import Path\n"
        "from tests.inference import fake_providers as fake\n"
        f"FOLDER = Path({str(folder)!r})\n"
        "available = partial(fake.available, FOLDER)\n"
        "open_session = partial(fake.open_session, FOLDER)\n"
    )
    return module.stem


def opened(folder: Path) -> list[str]:
    """Return the providers opened so far, in this process or in a child."""
    path = folder / OPENED
    return path.read_text().split() if path.exists() else []


def available(folder: Path) -> list[str]:
    behaviours: dict[str, str] = json.loads((folder / BEHAVIOURS_FILE).read_text())
    return [*behaviours, "cpu"]


def open_session(folder: Path, path: Path, provider: str, settings: SessionSettings) -> Session:
    with (folder / OPENED).open("a") as file:
        file.write(f"{provider}\n")
    behaviour = json.loads((folder / BEHAVIOURS_FILE).read_text()).get(provider, "good")
    if behaviour == "throws":
        raise RuntimeError("no kernel image is available for execution on the device\nat line 1")
    if behaviour == "hangs" or (behaviour == "stuck open" and not _in_child()):
        time.sleep(3600)
    if behaviour == "crashes":
        os.abort()
    return _FakeSession(open_real(path, "cpu", replace(settings, cache=None)), behaviour)


def _in_child() -> bool:
    return getattr(sys.modules["__main__"].__spec__, "name", "") == "appliance.inference.selftest"


class _FakeSession:
    def __init__(self, session: Session, behaviour: str) -> None:
        self._session = session
        self._behaviour, _, count = behaviour.partition(" ")
        self._runs_left = int(count) if count.isdecimal() else 0
        self.get_inputs = session.get_inputs
        self.get_outputs = session.get_outputs

    def run(self, outputs: list[str] | None, inputs: Mapping[str, Any]) -> list[Any]:
        self._runs_left -= not _in_child()
        if self._behaviour == "later" and self._runs_left == 0:
            raise RuntimeError("CUDA failure 719: unspecified launch failure")
        if self._behaviour == "stuck" and self._runs_left == 0:
            time.sleep(3600)
        if self._behaviour == "large" and max(len(value) for value in inputs.values()) > 4:
            raise RuntimeError(NVMAP)
        values = self._session.run(outputs, inputs)
        return [np.flip(v, -1) for v in values] if self._behaviour == "wrong" else values
