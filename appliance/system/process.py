"""Helpers for child processes, and facts about the current process."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def private_stdout() -> Iterator[TextIO]:
    """Reserve standard output for a protocol in a ``with`` block; yield the stream to write to.

    Everything else that is written to file descriptor 1 in the block, by Python or by a library,
    goes to standard error.
    """
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as protocol:
        os.dup2(2, 1)
        try:
            yield protocol
        finally:
            sys.stdout.flush()
            protocol.flush()
            os.dup2(protocol.fileno(), 1)


def exit_with_parent() -> None:
    """End this process as soon as its standard input, which the parent keeps open, is closed."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    os.read(0, 1)  # nothing is written to it, so this returns when the other end is closed
    os._exit(1)


def limit_blas_threads() -> None:
    """Limit numpy's OpenBLAS to the calling thread, in this process and its children.

    Its second thread spins between products: the analysis of ten minutes of audio took 7.0 s of
    processor time with it and 3.1 s without, and it took a core from the decoder. Call this before
    numpy is imported; an existing ``OPENBLAS_NUM_THREADS`` in the environment takes precedence.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def peak_rss_mb() -> float:
    """Return the peak resident memory (MiB) of this process since it was executed.

    Not ``ru_maxrss``: after a fork that includes the memory of the parent process.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kilobytes) / 1024


def process_age_s() -> float:
    """Return the seconds since this process started, with a resolution of 10 ms.

    Reads field 22 of ``/proc/self/stat``, in clock ticks since boot; field 2 may contain spaces and
    brackets.
    """
    fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
    started = int(fields[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started
