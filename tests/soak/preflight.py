"""``python -m tests.soak.preflight FOLDER LECTURE``: check every file of a folder in one process.

Prints a JSON line a file: its name, what came of it, seconds of processor time, memory in MiB.
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
    """Whatever is no ``LecternError`` ends it, with its traceback."""
    config = Config()
    for path in sorted(folder.iterdir()):
        began = time.process_time()
        try:
            if path.suffix == ".wav":
                lecture_duration_s(path, config.speech)
            else:
                preflight(path, lecture, config, folder.parent / "thumbnail.jpg")
            outcome = "usable"
        except LecternError as error:
            outcome = error.code
        cost = time.process_time() - began
        rss = psutil.Process().memory_info().rss / (1 << 20)
        said = {"name": path.name, "outcome": outcome, "cpu_s": cost, "rss_mb": rss}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
