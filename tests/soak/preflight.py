"""``python -m tests.soak.preflight FOLDER LECTURE``: check every file of a folder in one process.

Prints a JSON line for each file: name, outcome, seconds of processor time, memory in MiB.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import psutil

from appliance.config import Config
from appliance.errors import LecternError
from appliance.tasks.preflight import lecture_duration_s, preflight


def main(folder: Path, lecture: Path) -> None:
    """Check all files; an exception other than ``LecternError`` is not caught."""
    config = Config()
    for path in sorted(folder.iterdir()):
        start = time.process_time()
        try:
            if path.suffix == ".wav":
                lecture_duration_s(path, config.speech)
            else:
                preflight(path, lecture, config, folder.parent / "thumbnail.jpg")
            outcome = "usable"
        except LecternError as error:
            outcome = error.code
        cost = time.process_time() - start
        rss = psutil.Process().memory_info().rss / (1 << 20)
        result = {"name": path.name, "outcome": outcome, "cpu_s": cost, "rss_mb": rss}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
