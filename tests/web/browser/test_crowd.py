"""Thirty open pages, two uploads and a rendering at once: nothing is lost, and the panel answers.

A measurement, so only where ``LECTERN_LONG`` asks for it; run with ``-s`` to see the figures.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from appliance.jobs.models import NewJob
from appliance.jobs.states import FINAL_STATES, JobState
from appliance.jobs.store import JobStore, store_path
from tests.render.conftest import write_wav
from tests.talking_face import babble, voice
from tests.web.browser import clock
from tests.web.browser.conftest import Box
from web.accounts.tokens import TokenStore
from web.accounts.users import UserStore, users_path

PAGES, PIECE, PIECES, LECTURE_S = 30, 4 << 20, 25, 20
IDLE_S = 10.0
LIMIT_S = 300.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("LECTERN_LONG" not in os.environ, reason="a measurement of minutes"),
]


class Client:
    """An API client with a key, on a connection of its own."""

    def __init__(self, box: Box, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", box.port, timeout=LIMIT_S)
        self._key = {"Authorization": f"Bearer {key}", "Tus-Resumable": "1.0.0"}

    def ask(
        self, method: str, path: str, body: bytes = b"", **more: str
    ) -> http.client.HTTPResponse:
        headers = {**self._key, **{name.replace("_", "-"): value for name, value in more.items()}}
        self._connection.request(method, path, body=body or None, headers=headers)
        return self._connection.getresponse()

    def close(self) -> None:
        self._connection.close()


def follow(box: Box, key: str, lines: list[bytes]) -> None:
    """Keep the event stream of the home page open."""
    client = Client(box, key)
    answer = client.ask("GET", "/live")
    while not any(b"Crowd" in line for line in lines):
        lines.append(answer.readline())
    client.close()


def upload(box: Box, key: str, seed: int, digests: dict[str, str]) -> None:
    """Upload a file of ``PIECES`` pieces and store its checksum by its number."""
    client, found = Client(box, key), hashlib.sha256()
    name = base64.b64encode(b"crowd.mp4").decode()
    length = str(PIECE * PIECES)
    answer = client.ask(
        "POST", "/api/v1/uploads", Upload_Length=length, Upload_Metadata=f"filename {name}"
    )
    answer.read()
    where = answer.headers["Location"]
    for number in range(PIECES):
        data = random.Random(seed * PIECES + number).randbytes(PIECE)
        found.update(data)
        answer = client.ask(
            "PATCH",
            where,
            data,
            Upload_Offset=str(number * PIECE),
            Content_Type="application/offset+octet-stream",
        )
        answer.read()
        assert answer.status == 204
    client.close()
    digests[where.rpartition("/")[2]] = found.hexdigest()


class Clock:
    """Requests ``/healthz`` repeatedly until it is stopped."""

    def __init__(self, box: Box) -> None:
        self._process = subprocess.Popen(
            [sys.executable, clock.__file__, str(box.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def stop(self) -> list[float]:
        """Return the response times in seconds, sorted."""
        output, _ = self._process.communicate(timeout=60)
        times: list[float] = sorted(json.loads(output))
        return times


def test_panel_responds_under_load(box: Box, material: Path, tmp_path: Path, daemon: None) -> None:
    users = UserStore(users_path(box.root))
    key = TokenStore(users, time.time).create("head", "crowd")
    users.close()
    quiet = Clock(box)
    time.sleep(IDLE_S)
    idle = quiet.stop()
    seen: list[list[bytes]] = [[] for _ in range(PAGES)]
    digests: dict[str, str] = {}
    work = [threading.Thread(target=follow, args=(box, key, lines)) for lines in seen]
    work += [threading.Thread(target=upload, args=(box, key, n, digests)) for n in (1, 2)]
    shutil.copy(material / "Wang.mp4", tmp_path)
    write_wav(tmp_path / "Lesson.wav", voice(babble(25 * LECTURE_S, seed=3)))
    with JobStore(store_path(box.root)) as store:
        paths = tmp_path / "Wang.mp4", tmp_path / "Lesson.wav"
        crowd = Clock(box)
        for thread in work:
            thread.start()
        job = store.add(NewJob("Crowd", *paths, owner="head"))
        for thread in work:
            thread.join(LIMIT_S)
        assert not any(thread.is_alive() for thread in work)
        until = time.monotonic() + LIMIT_S
        while store.get(job.id).state not in FINAL_STATES and time.monotonic() < until:
            time.sleep(0.5)
        assert store.get(job.id).state is JobState.DONE
        busy = crowd.stop()
    for number, digest in digests.items():
        (path,) = (box.root / "state" / "uploads" / number).iterdir()
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    assert len(digests) == 2
    calm, crowded = (times[int(len(times) * 0.99)] for times in (idle, busy))
    print(f"\n/healthz p99: idle {calm * 1e3:.1f} ms of {len(idle)}", end="")
    print(f", crowded {crowded * 1e3:.1f} ms of {len(busy)}, ratio {crowded / calm:.1f}", end="")
    medians = (times[len(times) // 2] * 1e3 for times in (idle, busy))
    print("; medians {:.1f} and {:.1f} ms".format(*medians))
    assert crowded < max(5 * calm, 0.1)
