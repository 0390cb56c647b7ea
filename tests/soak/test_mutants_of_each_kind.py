"""Damaged files of each kind, from a fixed seed: no crash, and what they take at most.

``LECTERN_MUTANTS_EACH=1000`` for the long run. The memory and the time are printed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import docx
import numpy as np
import pytest
from PIL import Image

from tests.soak.device import PROJECT, count
from tests.soak.test_mutants import mutants
from tests.talking_face import babble, portrait, talking, voice, write_video

pytestmark = pytest.mark.slow

MUTANTS = count("LECTERN_MUTANTS_EACH", 16)
MAX_MB = 400.0
"""Memory above that of the libraries."""
MAX_CPU_S = 60.0
"""Processor time of one file, on a slow machine."""


def _video(codec: str, pixels: str = "yuv420p") -> Callable[[Path], object]:
    def write(path: Path) -> None:
        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream(codec, rate=25)
            stream.width = stream.height = 128
            stream.pix_fmt = pixels
            for image in talking(babble(10, seed=3)):
                small = np.asarray(Image.fromarray(image).resize((128, 128)))
                container.mux(stream.encode(av.VideoFrame.from_ndarray(small, "rgb24")))
            container.mux(stream.encode())

    return write


def _audio(codec: str, sample_format: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        sound = voice(babble(10))
        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream(codec, rate=48000)
            stream.layout, stream.format = "mono", sample_format
            resampler = av.AudioResampler(sample_format, "mono", 48000, 1024)
            samples = (np.asarray(sound) * 20000).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
            frame.rate = 16000
            for part in (*resampler.resample(frame), *resampler.resample(None)):
                container.mux(stream.encode(part))
            container.mux(stream.encode())

    return write


def _word(path: Path) -> None:
    document = docx.Document()
    document.add_heading("Light")
    for number in range(20):
        document.add_paragraph(f"Paragraph {number} is spoken. " * 5)
    document.add_table(3, 3).cell(0, 0).text = "cell"
    document.save(str(path))


def _markdown(path: Path) -> None:
    path.write_text("# Light\n\n- *one*\n  - two\n\n| a | b |\n|---|---|\n| c | d |\n\n> x\n" * 20)


def _job_file(path: Path) -> None:
    path.write_text("voice: en\nspeed: 1.1\nface: 1\nbadge: true\npriority: 3\nsize: 720\n")


KINDS: dict[str, Callable[[Path], object]] = {
    "mp4": lambda path: write_video(path, talking(babble(10, seed=3))),
    "mkv": _video("libx264"), "avi": _video("mpeg4"), "webm": _video("libvpx-vp9"),
    "mov": _video("libx265"), "ts": _video("mpeg2video"), "flv": _video("flv"),
    "gif": lambda path: Image.fromarray(portrait()).save(path),
    "png": lambda path: Image.fromarray(portrait()).save(path),
    "jpg": lambda path: Image.fromarray(portrait()).save(path),
    "webp": lambda path: Image.fromarray(portrait()).save(path),
    "wav": _audio("pcm_s16le", "s16"), "flac": _audio("flac", "s16"),
    "mp3": _audio("libmp3lame", "s16p"), "m4a": _audio("aac", "fltp"),
    "opus": _audio("libopus", "flt"),
    "docx": _word, "md": _markdown, "job.yaml": _job_file,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_take_little_and_are_usable_or_refused(tmp_path: Path, kind: str) -> None:
    original = tmp_path / f"original.{kind}"
    KINDS[kind](original)
    folder = tmp_path / "mutants"
    for path in mutants([original], folder, MUTANTS):
        if kind == "job.yaml":
            path.rename(folder / f"{path.stem}-job.yaml")
    run = subprocess.run(
        [sys.executable, "-m", "tests.soak.readers", str(folder)],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    results = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 0, (results[-1:], run.stderr[-3000:])
    assert len(results) == MUTANTS
    slowest = max(results, key=lambda result: float(result["cpu_s"]))
    print(
        f"{kind}: {original.stat().st_size} bytes, {MUTANTS} mutants, peak {results[-1]['mb']} MB,"
        f" slowest {slowest['cpu_s']} s, {dict(Counter(r['outcome'] for r in results))}"
    )
    assert results[-1]["mb"] <= MAX_MB
    assert slowest["cpu_s"] <= MAX_CPU_S
