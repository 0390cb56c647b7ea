"""Children of an attempt that do not end as they should; the module's last word says how."""

from __future__ import annotations

import json
import os
import signal
import sys
import time


def report_progress() -> None:
    """Report progress for ever, as fast as a real attempt does."""
    while True:
        line = json.dumps({"progress": {"stage": "render", "done": 1, "total": 2}})
        os.write(1, line.encode() + b"\n")
        time.sleep(0.1)


def main() -> None:
    """Ignore ``SIGTERM``, or die from it."""
    sys.stdin.readline()
    if "dies" in os.environ["LECTERN_STUBBORN"]:
        signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGSEGV))
    else:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    report_progress()


if __name__ == "__main__":
    main()
