"""``python -m tests.soak.readers FOLDER``: read every file of a folder in one process.

Prints a JSON line for each file: name, outcome, seconds of processor time, and the peak memory of
the process so far in MiB above that before the first file.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import islice
from pathlib import Path

from appliance.errors import BadInput
from appliance.files.names import MediaKind, media_kind
from appliance.inbox.job_file import is_job_file, read_job_file
from appliance.media.audio import audio_blocks
from appliance.media.decode import FrameReader
from appliance.media.probe import probe_audio, probe_presenter
from appliance.speech.document import read_document
from appliance.system.process import peak_rss_mb


def read(path: Path) -> str:
    """Read a file completely and return ``usable``, or the code of its first problem."""
    if is_job_file(Path(path.name.partition("-")[2])):
        problems = read_job_file(path)[1]
        return problems[0].error.code if problems else "usable"
    try:
        kind = media_kind(path)
        if kind is MediaKind.TEXT:
            read_document(path)
        elif kind is MediaKind.AUDIO:
            probe_audio(path)
            for _ in islice(audio_blocks(path), 100):
                pass
        else:
            info = probe_presenter(path)
            with FrameReader(info, 1) as reader:
                for _ in reader.read(0, min(info.frames, 50)):
                    pass
    except BadInput as error:
        return error.code
    return "usable"


def main(folder: Path) -> None:
    """Read all files; an exception other than ``BadInput`` is not caught."""
    before_mb = peak_rss_mb()
    for path in sorted(folder.iterdir()):
        start = time.process_time()
        outcome = read(path)
        cost = time.process_time() - start
        result = {"name": path.name, "outcome": outcome, "cpu_s": round(cost, 3)}
        print(json.dumps({**result, "mb": round(peak_rss_mb() - before_mb, 1)}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
