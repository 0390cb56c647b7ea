"""Damaged media files, always the same ones.

``LECTERN_LOOKS=1000`` for the big run of what opens and looks at files, ``LECTERN_MUTANTS=1000``
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
from tests.soak.box import PROJECT, Box, Footprint, count, wait_for
from tests.talking_face import babble, talking, voice, write_video

pytestmark = pytest.mark.slow

MUTANTS = count("LECTERN_MUTANTS", 4)
LOOKS = count("LECTERN_LOOKS", 24)
BATCH = max(MUTANTS // 10, 2)
"""So many are dropped at once."""
LIMIT_S = 120
"""For one of them, on a machine with other things to do."""


def test_no_damaged_file_ends_the_daemon_or_holds_it_up(box: Box) -> None:
    made = mutants(originals_in(box.root), box.root / "mutants", MUTANTS)
    photo = small(box.root / "whole.png")
    voiced = write_wav(box.root / "whole.wav", voice(babble(10)))
    inbox = box.root / "inbox"
    inbox.mkdir()
    daemon = box.start()
    prints: list[Footprint] = []
    with box.store() as store:
        while batch := list(islice(made, BATCH)):
            for path in batch:
                whole = photo if path.suffix == ".wav" else voiced
                shutil.copy(whole, inbox / f"{path.stem}{whole.suffix}")
                shutil.move(path, inbox / path.name)
            dropped = (len(prints) * BATCH) + len(batch)
            wait_for(lambda: over(store, daemon, dropped), LIMIT_S * BATCH, pause_s=0.5)  # noqa: B023
            prints.append(Footprint.of(daemon.pid))
            print(dropped, prints[-1], flush=True)
        jobs = store.jobs()
    box.stop(daemon)
    print(Counter(job.reason.code if job.reason else job.state.value for job in jobs))
    assert {job.state for job in jobs} <= {JobState.DONE, JobState.FAILED, JobState.QUEUED}
    assert len(jobs) == MUTANTS
    warm, at_last = prints[0], prints[-1]
    assert at_last.rss_mb < 1.05 * warm.rss_mb
    assert at_last.descriptors <= warm.descriptors + 2


def test_no_damaged_file_crashes_a_look_or_makes_it_hang(tmp_path: Path) -> None:
    list(mutants(originals_in(tmp_path), tmp_path / "mutants", LOOKS))
    lecture = write_wav(tmp_path / "whole.wav", voice(babble(10)))
    run = subprocess.run(
        [sys.executable, "-m", "tests.soak.preflight", str(tmp_path / "mutants"), str(lecture)],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    looks = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 0, (looks[-1:], run.stderr[-3000:])
    assert len(looks) == LOOKS
    memory = [look["rss_mb"] for look in looks]
    warm = max(memory[: max(LOOKS // 5, 12)])
    slowest = max(looks, key=lambda look: look["cpu_s"])
    print(Counter(look["outcome"] for look in looks))
    print(f"memory {warm:.1f} MB, at last {memory[-1]:.1f}; slowest {slowest}")
    assert slowest["cpu_s"] < LIMIT_S
    assert memory[-1] < 1.05 * warm


def over(store: JobStore, daemon: subprocess.Popen[bytes], number: int) -> bool:
    """Whether so many jobs have been tried to an end and put away, or are to be tried again."""
    assert daemon.poll() is None, "the daemon has ended"
    rested = [job for job in store.jobs([JobState.QUEUED]) if job.attempts]
    ended = len(store.jobs([JobState.DONE, JobState.FAILED]))
    return ended + len(rested) >= number and not store.unarchived()


def originals_in(folder: Path) -> list[Path]:
    """A talking face as a video and as two photos, and a voice."""
    return [
        write_video(folder / "talking.mp4", talking(babble(10, seed=3))),
        small(folder / "photo.png"),
        small(folder / "photo.jpg"),
        write_wav(folder / "short.wav", voice(babble(10))),
    ]


def small(path: Path) -> Path:
    """A photo of the talking face."""
    Image.fromarray(next(iter(talking(babble(1, seed=3))))).resize((160, 160)).save(path)
    return path


def mutants(originals: list[Path], folder: Path, number: int) -> Iterator[Path]:
    """``number`` damaged copies of the originals in turn, from a fixed seed."""
    folder.mkdir()
    chance = np.random.default_rng(2026)
    order = random.Random(2026)
    for index in range(number):
        original = originals[index % len(originals)]
        path = folder / f"{index:04}{original.suffix}"
        path.write_bytes(damaged(original.read_bytes(), chance, order))
        yield path


def damaged(data: bytes, chance: np.random.Generator, order: random.Random) -> bytes:
    """With bytes changed, in the head or anywhere; cut off; with a hole; or with a piece moved."""
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
