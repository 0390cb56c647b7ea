"""Damaged media files, from a fixed seed.

``LECTERN_PREFLIGHTS=1000`` for the big run of the preflight, ``LECTERN_MUTANTS=1000``
for the longer one, in which each is dropped into the inbox of a whole daemon.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from appliance.jobs.states import JobState
from appliance.jobs.store import JobStore
from tests.render.conftest import write_wav
from tests.soak.device import PROJECT, Device, Footprint, count, wait_for
from tests.talking_face import babble, talking, voice, write_video

pytestmark = pytest.mark.slow

MUTANTS = count("LECTERN_MUTANTS", 4)
PREFLIGHTS = count("LECTERN_PREFLIGHTS", 24)
BATCH = max(MUTANTS // 10, 2)
"""Number of files that are dropped at the same time."""
LIMIT_S = 120
"""Time limit of one file, on a busy machine."""


def test_damaged_files_do_not_stop_the_daemon(device: Device) -> None:
    files = mutants(originals_in(device.root), device.root / "mutants", MUTANTS)
    photo = small(device.root / "whole.png")
    voiced = write_wav(device.root / "whole.wav", voice(babble(10)))
    inbox = device.root / "inbox"
    inbox.mkdir()
    daemon = device.start()
    prints: list[Footprint] = []
    with device.store() as store:
        while batch := list(islice(files, BATCH)):
            for path in batch:
                whole = photo if path.suffix == ".wav" else voiced
                shutil.copy(whole, inbox / f"{path.stem}{whole.suffix}")
                shutil.move(path, inbox / path.name)
            dropped = (len(prints) * BATCH) + len(batch)
            wait_for(lambda: over(store, daemon, dropped), LIMIT_S * BATCH, pause_s=0.5)  # noqa: B023
            prints.append(Footprint.of(daemon.pid))
            print(dropped, prints[-1], flush=True)
        jobs = store.jobs()
    device.stop(daemon)
    print(Counter(job.reason.code if job.reason else job.state.value for job in jobs))
    assert {job.state for job in jobs} <= {JobState.DONE, JobState.FAILED, JobState.QUEUED}
    assert len(jobs) == MUTANTS
    warm, final = prints[0], prints[-1]
    assert final.rss_mb < 1.05 * warm.rss_mb
    assert final.descriptors <= warm.descriptors + 2


def test_damaged_files_do_not_crash_or_hang_the_preflight(tmp_path: Path) -> None:
    list(mutants(originals_in(tmp_path), tmp_path / "mutants", PREFLIGHTS))
    lecture = write_wav(tmp_path / "whole.wav", voice(babble(10)))
    run = subprocess.run(
        [sys.executable, "-m", "tests.soak.preflight", str(tmp_path / "mutants"), str(lecture)],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    results = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 0, (results[-1:], run.stderr[-3000:])
    assert len(results) == PREFLIGHTS
    memory = [result["rss_mb"] for result in results]
    warm = max(memory[: max(PREFLIGHTS // 5, 12)])
    slowest = max(results, key=lambda result: result["cpu_s"])
    print(Counter(result["outcome"] for result in results))
    print(f"memory {warm:.1f} MB, at last {memory[-1]:.1f}; slowest {slowest}")
    assert slowest["cpu_s"] < LIMIT_S
    assert memory[-1] < 1.05 * warm


def over(store: JobStore, daemon: subprocess.Popen[bytes], number: int) -> bool:
    """Return whether ``number`` jobs have ended and are archived, or wait for a retry."""
    assert daemon.poll() is None, "the daemon has ended"
    retried = [job for job in store.jobs([JobState.QUEUED]) if job.attempts]
    ended = len(store.jobs([JobState.DONE, JobState.FAILED]))
    return ended + len(retried) >= number and not store.unarchived()


def originals_in(folder: Path) -> list[Path]:
    """Write a talking face as a video and as two photos, and a voice; return the paths."""
    return [
        write_video(folder / "talking.mp4", talking(babble(10, seed=3))),
        small(folder / "photo.png"),
        small(folder / "photo.jpg"),
        write_wav(folder / "short.wav", voice(babble(10))),
    ]


def small(path: Path) -> Path:
    """Write a photo of the talking face."""
    Image.fromarray(next(iter(talking(babble(1, seed=3))))).resize((160, 160)).save(path)
    return path


def mutants(originals: list[Path], folder: Path, number: int) -> Iterator[Path]:
    """Yield ``number`` damaged copies of the originals in turn, from a fixed seed."""
    folder.mkdir()
    chance = np.random.default_rng(2026)
    order = random.Random(2026)
    for index in range(number):
        original = originals[index % len(originals)]
        path = folder / f"{index:04}{original.suffix}"
        path.write_bytes(damaged(original.read_bytes(), chance, order))
        yield path


def damaged(data: bytes, chance: np.random.Generator, order: random.Random) -> bytes:
    """Return data with changed bytes, truncated, with a hole, or with a part moved or repeated."""
    kind = order.choice(["head", "bytes", "bits", "cut", "hole", "moved", "doubled"])
    raw = np.frombuffer(data, np.uint8).copy()
    size = len(raw)
    start = order.randrange(size)
    stop = min(start + order.randrange(1, max(size // 4, 2)), size)
    if kind == "cut":
        return raw[: max(start, 1)].tobytes()
    if kind == "hole":
        raw[start:stop] = 0
    elif kind == "moved":
        raw = np.concatenate([raw[stop:], raw[start:stop], raw[:start]])
    elif kind == "doubled":
        raw = np.concatenate([raw[:stop], raw[start:]])
    else:
        reach = min(64, size) if kind == "head" else size
        places = chance.integers(0, reach, size=order.randrange(1, 40))
        if kind == "bits":
            raw[places] ^= (1 << chance.integers(0, 8, size=len(places))).astype(np.uint8)
        else:
            raw[places] = chance.integers(0, 256, size=len(places))
    return raw.tobytes()
