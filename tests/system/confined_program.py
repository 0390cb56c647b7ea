"""What a confined child tries, one line of JSON: ``{name: "ok" or the error}``.

Standard input has the folder of the files, the words ``busy`` or ``stubborn``, or nothing.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


def attempt(action: Callable[[], object]) -> str:
    """Return ``ok``, or the name of the error that ``action`` raises."""
    try:
        action()
    except MemoryError:
        return "MemoryError"
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "ok"


def grow(path: Path) -> None:
    """Write 3 MB."""
    with path.open("wb") as file:
        file.write(bytes(3 << 20))


def main() -> None:
    """Try everything, or do as the first line says."""
    line = sys.stdin.readline().strip()
    if line == "busy":
        while True:
            pass
    if line == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        other = subprocess.Popen(["/bin/sleep", "600"])
        print(other.pid, flush=True)
        time.sleep(600)
    folder = Path(line)
    results = {
        "given": attempt((folder / "given").read_bytes),
        "other": attempt((folder / "other").read_bytes),
        "list": attempt(lambda: os.listdir(folder)),
        "write given": attempt(lambda: (folder / "given").write_bytes(b"x")),
        "write folder": attempt(lambda: (folder / "writable" / "a").write_bytes(b"x")),
        "write elsewhere": attempt(lambda: (folder / "b").write_bytes(b"x")),
        "large file": attempt(lambda: grow(folder / "writable" / "c")),
        "inet": attempt(lambda: socket.socket(socket.AF_INET)),
        "unix": attempt(lambda: socket.socket(socket.AF_UNIX)),
        "memory": attempt(lambda: bytearray(400 << 20)),
        "parent": attempt(lambda: os.kill(os.getppid(), 0)),
        "parent's memory": attempt(lambda: Path(f"/proc/{os.getppid()}/mem").open("rb").close()),
        "no new privileges": str("NoNewPrivs:\t1" in Path("/proc/self/status").read_text()),
        "own group": str(os.getpgid(0) == os.getpid()),
        "temporary": os.environ.get("TMPDIR", ""),
    }
    results["descriptors"] = attempt(lambda: [os.open("/dev/null", 0) for _ in range(100)])
    print(json.dumps(results), flush=True)


if __name__ == "__main__":
    main()
