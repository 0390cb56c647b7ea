"""Starts the child processes that read foreign bytes: with limits, and without the rest of the box.

Decoders are large, and files are made to attack them. Whatever happens in such a child, it can use
up neither the memory nor the disk, it reads no file but those it was given, reaches no network, and
ends with the daemon. ``python -m appliance.system.confined`` is the first program of the child: it
restricts itself before it loads anything else.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import runpy
import signal
import site
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from appliance.system.landlock import (
    DEVICE,
    LIST,
    READ,
    RUN,
    WRITE,
    forbid_new_privileges,
    restrict_files,
)
from appliance.system.seccomp import forbid_system_calls

_MB = 1 << 20
_PR_SET_PDEATHSIG = 1
_PACKAGES = Path(__file__).resolve().parents[2]
"""The folder that contains the packages: a checkout, or ``site-packages``."""

_SYSTEM_FOLDERS = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/opt", "/nix")
_PLAIN_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_SYSTEM_FILES = (
    "/etc/alternatives", "/etc/fonts", "/etc/group", "/etc/ld.so.cache", "/etc/localtime",
    "/etc/nsswitch.conf", "/etc/nv_tegra_release", "/etc/os-release", "/etc/passwd",
    "/etc/timezone",
)  # fmt: skip
_POLL_INTERVAL_S = 0.05
_LENGTH = struct.Struct("<I")  # before the confinement, on the child's standard input


@dataclass(frozen=True)
class Confinement:
    """What a child process may use.

    ``memory_mb`` limits the data of each of its processes (``RLIMIT_DATA``). Not the address space:
    ONNX Runtime, CUDA and each thread reserve far more of it than they use. ``cpu_s`` limits the
    processor time in seconds; ``None`` where the parent watches the progress instead. ``file_mb``
    limits each file that is written. ``readable`` and ``writable`` are the only files and folders
    of users and of the device that the child can open. ``devices`` permits a graphics processor:
    device files, the settings of its libraries, local sockets.
    """

    memory_mb: int
    cpu_s: int | None
    file_mb: int
    open_files: int = 256
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    devices: bool = False

    def to_json(self) -> str:
        """Return the confinement as text.

        Paths are hexadecimal, because a name may be any bytes.
        """
        values = asdict(self)
        for name in ("readable", "writable"):
            values[name] = [os.fsencode(path.absolute()).hex() for path in getattr(self, name)]
        return json.dumps(values)

    @classmethod
    def from_json(cls, text: str) -> Confinement:
        """Parse the output of :meth:`to_json`."""
        values: dict[str, Any] = json.loads(text)
        for name in ("readable", "writable"):
            values[name] = tuple(Path(os.fsdecode(bytes.fromhex(path))) for path in values[name])
        return cls(**values)


@dataclass
class ConfinedChild:
    """A running child. ``process`` has pipes for its standard input and output."""

    process: subprocess.Popen[bytes]
    _exit: int | None = field(default=None, init=False)

    def wait(self, timeout_s: float) -> int | None:
        """Return the exit status, negative for a signal; ``None`` if the child still runs then.

        The process stays in the kernel's table, so that its number is not given to another one
        before :meth:`kill`.
        """
        end = time.monotonic() + timeout_s
        while True:
            flags = os.WEXITED | os.WNOWAIT | os.WNOHANG
            result = os.waitid(os.P_PID, self.process.pid, flags)
            if result is not None:
                exited = result.si_code == os.CLD_EXITED
                return result.si_status if exited else -result.si_status
            if time.monotonic() >= end:
                return None
            time.sleep(_POLL_INTERVAL_S)

    def terminate(self) -> None:
        """Ask the child to end, with ``SIGTERM``."""
        self.process.terminate()

    def kill(self) -> None:
        """Kill the child with all processes that it has started, and wait for its end."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@contextmanager
def confined_child(
    module: str, confinement: Confinement, *, quiet: bool = False
) -> Iterator[ConfinedChild]:
    """Run ``python -m module`` confined; kill it with all that it started when the block ends.

    ``quiet`` discards what it writes to standard error. Raises ``OSError`` if no process can be
    started.
    """
    program = "appliance.system.confined"
    command = [sys.executable, "-m", program, module, str(os.getpid())]
    environment = dict(os.environ)
    if confinement.writable:
        environment["TMPDIR"] = os.fspath(confinement.writable[0])
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if quiet else None,
        env=environment,
        start_new_session=True,
    )
    child = ConfinedChild(process)
    try:
        assert process.stdin is not None
        text = confinement.to_json().encode()
        with contextlib.suppress(BrokenPipeError):  # its end is noticed by the reader
            process.stdin.write(_LENGTH.pack(len(text)) + text)
            process.stdin.flush()
        yield child
    finally:
        child.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # unsent data for a child that has ended
                    pipe.close()


def confine(confinement: Confinement, environment: Mapping[str, str] = os.environ) -> None:
    """Apply ``confinement`` to this process, which cannot lift it again.

    Raises ``OSError`` if the kernel refuses. A kernel without Landlock or seccomp filters leaves
    the files or the system calls unrestricted.
    """
    _limit(resource.RLIMIT_DATA, confinement.memory_mb * _MB)
    if confinement.cpu_s is not None:
        _limit(resource.RLIMIT_CPU, confinement.cpu_s)
    _limit(resource.RLIMIT_FSIZE, confinement.file_mb * _MB)
    _limit(resource.RLIMIT_NOFILE, confinement.open_files)
    _limit(resource.RLIMIT_CORE, 0)
    forbid_new_privileges()
    restrict_files(_file_rules(confinement, environment), isolate=not confinement.devices)
    forbid_system_calls(local_sockets=confinement.devices)


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _file_rules(
    confinement: Confinement, environment: Mapping[str, str]
) -> Iterator[tuple[Path, int]]:
    """Yield the rules: Python and the system's libraries, and what the child was given."""
    for folder in (*_SYSTEM_FOLDERS, sys.prefix, sys.base_prefix, *site.getsitepackages()):
        yield Path(folder).resolve(), RUN
    for name in ("appliance", "lectern", "models_lite", "web", "pyproject.toml"):
        yield _PACKAGES / name, READ
    for entry in (*sys.path, *environment.get("PYTHONPATH", "").split(os.pathsep)):
        path = Path(entry or ".").resolve()
        yield path, LIST if _PACKAGES.is_relative_to(path) else READ  # the root may be inside it
    for name in (*_SYSTEM_FILES, "/proc", "/sys"):
        yield Path(name).resolve(), READ
    for name in _PLAIN_DEVICES:
        yield Path(name), DEVICE
    if confinement.devices:
        yield Path("/dev"), DEVICE
        yield Path("/etc"), READ
    for path in confinement.readable:
        yield path, READ
    for path in confinement.writable:
        yield path, WRITE


def _end_with(parent: int) -> None:
    """Let the kernel kill this process when ``parent`` ends, also while it is inside a decoder."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the call
        os._exit(1)


def _read_exactly(size: int) -> bytes:
    """Read from standard input, and nothing beyond: the rest belongs to the module."""
    data = b""
    while len(data) < size:
        block = os.read(0, size - len(data))
        if not block:
            os._exit(1)
        data += block
    return data


def main() -> None:
    """Confine this process and execute the module; the entry point of the child process."""
    module, parent = sys.argv[1:]
    _end_with(int(parent))
    (length,) = _LENGTH.unpack(_read_exactly(_LENGTH.size))
    confine(Confinement.from_json(_read_exactly(length).decode()))
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
