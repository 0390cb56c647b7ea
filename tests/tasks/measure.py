"""``python -m tests.tasks.measure READER PATH``: read a file and print what it took, as JSON.

No limit is set: what is measured is the reader itself.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from appliance.errors import BadInput
from appliance.inbox.job_file import read_job_file
from appliance.media.animation import frame_times
from appliance.media.audio import audio_blocks
from appliance.media.decode import FrameReader
from appliance.media.probe import probe_audio, probe_presenter
from appliance.media.subtitles import read_subtitles
from appliance.speech.document import read_document
from appliance.system.process import peak_rss_mb


def _presenter(path: Path) -> str:
    info = probe_presenter(path)
    with FrameReader(info, 1) as reader:
        read = sum(1 for _ in reader.read(0, min(info.frames, 200)))
    return f"{read} frames of {info.width}"


def _lecture(path: Path) -> str:
    info = probe_audio(path)
    samples = 0
    for block in audio_blocks(path):
        samples += len(block)
    return f"{info.duration_s:.0f} s, {samples // 16000} s read"


READERS: dict[str, Callable[[Path], object]] = {
    "presenter": _presenter,
    "animation": lambda path: f"{len(frame_times(path)[0])} images",
    "lecture": _lecture,
    "text": lambda path: f"{len(read_document(path).text)} characters",
    "subtitles": lambda path: f"{len(read_subtitles(path))} cues",
    "job file": lambda path: [problem.error.code for problem in read_job_file(path)[1]],
}


def main(reader: str, path: Path) -> None:
    """Print the outcome, seconds of processor time, and MiB above the memory before."""
    before_mb, start = peak_rss_mb(), time.process_time()
    try:
        outcome = READERS[reader](path)
    except (BadInput, MemoryError) as error:
        outcome = getattr(error, "code", "MemoryError")
    result = {
        "outcome": outcome,
        "cpu_s": round(time.process_time() - start, 2),
        "mb": round(peak_rss_mb() - before_mb, 1),
        "bytes": path.stat().st_size,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
