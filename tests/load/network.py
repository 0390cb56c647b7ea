"""Three machines in one: network namespaces with a panel, a hostile client and a visitor."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from types import TracebackType

PANEL, HOSTILE, VISITOR = "panel", "hostile", "visitor"
ADDRESS = {HOSTILE: "10.213.1.2", VISITOR: "10.213.2.2"}
"""Address of each client; the panel has the address of its own in each of their networks."""

PANEL_ADDRESS = {HOSTILE: "10.213.1.1", VISITOR: "10.213.2.1"}
"""The panel's address in the network of each client."""


def can_create_namespaces() -> bool:
    """Return whether this process may create network namespaces."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"lectern-probe-{os.getpid()}"
    added = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True)
    if added.returncode:
        return False
    subprocess.run(["ip", "netns", "del", name], check=True)
    return True


class Network:
    """The namespaces ``PANEL``, ``HOSTILE`` and ``VISITOR``, connected as by cables."""

    def __init__(self) -> None:
        self._names = {name: f"lectern-{name}-{os.getpid()}" for name in (PANEL, HOSTILE, VISITOR)}

    def __enter__(self) -> Network:
        try:
            for namespace in self._names.values():
                _ip("netns", "add", namespace)
                _ip("-n", namespace, "link", "set", "lo", "up")
            for client in (HOSTILE, VISITOR):
                self._connect(client)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _connect(self, client: str) -> None:
        near, far = self._names[PANEL], self._names[client]
        cable = f"to-{client}"
        _ip("-n", near, "link", "add", cable, "type", "veth", "peer", "eth0", "netns", far)
        for namespace, device, address in (
            (near, cable, PANEL_ADDRESS[client]),
            (far, "eth0", ADDRESS[client]),
        ):
            _ip("-n", namespace, "address", "add", f"{address}/24", "dev", device)
            _ip("-n", namespace, "link", "set", device, "up")

    def command(self, name: str, command: Sequence[str]) -> list[str]:
        """Return the command line that runs ``command`` on the machine ``name``."""
        return ["ip", "netns", "exec", self._names[name], *command]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for namespace in self._names.values():
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip("netns", "del", namespace)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
