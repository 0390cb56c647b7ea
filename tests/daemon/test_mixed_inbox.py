"""Good and bad files with unusual names, dropped into the inbox of a daemon at the same time.

A few of each by default; ``LECTERN_DROP=40,60`` for the full number of good and bad ones.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from appliance.jobs.models import Job
from appliance.jobs.states import FINAL_STATES, JobState
from appliance.jobs.store import JobStore, store_path
from appliance.messages import MESSAGES
from tests.render.conftest import write_wav
from tests.talking_face import babble, portrait, voice, write_video
from tests.tiny_wav2lip import write_wav2lip

pytestmark = pytest.mark.slow

GOOD, BAD = map(int, os.environ.get("LECTERN_DROP", "3,7").split(","))
LIMIT_S = 300 + 60 * (GOOD + BAD)  # detects a hang, not slowness

CONFIG = """\
root: .
video: {badge: false, preset: ultrafast}
lips: {model: MODEL}
score: {enabled: false}
jobs: {min_free_disk_mb: 0}
inbox: {poll_interval_s: 0.3, settle_s: 1, incomplete_timeout_s: 3}
"""


class Contents(NamedTuple):
    """Contents of files."""

    face: bytes
    grey: bytes
    small: bytes
    video: bytes
    sound: bytes
    blip: bytes


@pytest.fixture
def contents(tmp_path: Path) -> Contents:
    folder = tmp_path / "contents"
    folder.mkdir()
    Image.fromarray(portrait()).save(folder / "face.png")
    Image.fromarray(np.full((96, 96, 3), 128, np.uint8)).save(folder / "grey.png")
    Image.fromarray(portrait()[:32, :32]).save(folder / "small.png")
    write_video(folder / "video.mp4", [portrait()] * 25)
    write_wav(folder / "sound.wav", voice(babble(12)))
    write_wav(folder / "blip.wav", voice(babble(1)))
    names = ("face.png", "grey.png", "small.png", "video.mp4", "sound.wav", "blip.wav")
    return Contents(*((folder / name).read_bytes() for name in names))


def unusual_name(n: int, suffix_bytes: int) -> str:
    """Return an unusual file name that leaves ``suffix_bytes`` for the suffix."""
    long = f"{n:03}" + "长" * 90
    while len(long.encode()) > 255 - suffix_bytes:
        long = long[:-1]
    return [
        f"two  words {n}", f"课程 第{n}课（上）", f"🎓{n}👩🏽‍🏫", f"line\nbreak {n}", f"-rf {n}",
        long.ljust(len(long) + 255 - suffix_bytes - len(long.encode()), "x"), f"'quoted\" {n}",
        f"{n}. dots..",
        f"100%s {n} $(reboot)", os.fsdecode(b"\xff\xfe") + str(n), f"back\\slash:{n}?*", f" {n} ",
    ][n % 12]  # fmt: skip


class Bad(NamedTuple):
    """Contents by suffix (or by path in a folder), and the expected error code."""

    code: str
    files: Callable[[Contents], dict[str, bytes]]


BAD_KINDS = (
    Bad("file_type_unsupported", lambda m: {".pdf": b"%PDF"}),
    Bad("not_media", lambda m: {".mp3": b"this is no sound at all " * 100}),
    Bad("file_truncated", lambda m: {".wav": m.sound[: len(m.sound) // 2]}),
    Bad("no_face", lambda m: {".png": m.grey, ".wav": m.sound}),
    Bad("text_unreadable", lambda m: {".docx": b"PK\3\4 damaged"}),
    Bad("config_key_misspelled",
        lambda m: {"/job.yaml": b"fase: 1", "/a.txt": b"Hi.", "/p.png": m.face}),
    Bad("file_not_regular", lambda m: {".m4a": b"LINK"}),
    Bad("audio_too_short", lambda m: {".wav": m.blip}),
    Bad("file_empty", lambda m: {".txt": b""}),
    Bad("text_empty", lambda m: {".txt": b"... !!!"}),
    Bad("file_truncated", lambda m: {".mp4": m.video[: len(m.video) // 2], ".wav": m.sound}),
    Bad("video_missing", lambda m: {".mp4": m.sound, ".wav": m.sound}),
    Bad("picture_too_small", lambda m: {".png": m.small, ".wav": m.sound}),
    Bad("photo_format_unsupported",
        lambda m: {".heic": b"\0\0\0\x18ftypheic" + bytes(64), ".wav": m.sound}),
    Bad("voice_missing", lambda m: {".txt": "สวัสดีครับ".encode()}),
    Bad("file_not_regular", lambda m: {".ogg": b"PIPE"}),
    Bad("face_number_out_of_range",
        lambda m: {"/job.yml": b"face: 9", "/a.wav": m.sound, "/p.png": m.face}),
    Bad("config_too_high", lambda m: {"/job.yaml": b"speed: 9", "/a.txt": b"Hello."}),
)  # fmt: skip

GOOD_KINDS: tuple[Callable[[Contents], dict[str, bytes]], ...] = (
    lambda m: {".png": m.face, ".wav": m.sound},
    lambda m: {".txt": b"Hi."},
    lambda m: {"/a.wav": m.sound, "/p.png": m.face, "/job.yaml": b"priority: 1"},
    lambda m: {".mp4": m.video, ".wav": m.sound},
)


def drop(inbox: Path, name: str, files: dict[str, bytes], secret: Path) -> list[Path]:
    """Put the files into the inbox; return their paths relative to it."""
    paths = []
    for ending, content in files.items():
        path = inbox / f"{name}{ending}"
        path.parent.mkdir(exist_ok=True)
        if content == b"LINK":
            path.symlink_to(secret)
        elif content == b"PIPE":
            os.mkfifo(path)
        else:
            path.write_bytes(content)
        paths.append(path.relative_to(inbox))
    return paths


def start(root: Path, project: Path, log: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "appliance.cli",
        "serve",
        "--config",
        str(root / "device.yaml"),
    ]
    with log.open("wb") as out:
        return subprocess.Popen(command, cwd=project, stderr=out)


def jobs_of_file(store: JobStore, path: Path) -> list[Job]:
    """Return the jobs that use a file."""
    return [job for job in store.jobs() if path in (job.presenter, job.lecture)
            or path in {file.path for file in store.files.for_job(job.id)}]  # fmt: skip


def test_each_file_ends_in_the_right_folder_with_the_right_reason(
    tmp_path: Path, project: Path, contents: Contents
) -> None:
    root = tmp_path / "device"
    inbox, library = root / "inbox", root / "presenters"
    inbox.mkdir(parents=True)
    library.mkdir()
    (library / "default.png").write_bytes(contents.face)
    secret = tmp_path / "secret.m4a"
    secret.write_bytes(b"not for the class")
    model = write_wav2lip(tmp_path / "tiny.onnx")
    (root / "device.yaml").write_text(CONFIG.replace("MODEL", str(model)))
    daemon = start(root, project, tmp_path / "log")
    try:
        good: list[list[Path]] = []
        bad: list[tuple[str, list[Path]]] = []
        kinds = (BAD_KINDS * 10, GOOD_KINDS * 20)
        for n, make in enumerate(islice(kinds[1], GOOD)):
            parts = make(contents)
            good.append(drop(inbox, unusual_name(n, max(map(len, parts))), parts, secret))
        for n, kind in enumerate(islice(kinds[0], BAD), GOOD):
            parts = kind.files(contents)
            bad.append(
                (kind.code, drop(inbox, unusual_name(n, max(map(len, parts))), parts, secret))
            )
        store = JobStore(store_path(root))
        end = time.monotonic() + LIMIT_S
        while len(store.jobs(FINAL_STATES)) < GOOD + BAD or store.unarchived():
            assert daemon.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < end, [(j.stem, j.state, j.reason) for j in store.jobs()]
            time.sleep(0.5)
        assert len(store.jobs()) == GOOD + BAD
        for paths in good:
            check_good(store, inbox, paths)
        for code, paths in bad:
            check_bad(store, inbox, code, paths)
        assert sorted(os.listdir(inbox)) == ["done", "failed"]
        videos = [path for path in (root / "outbox").iterdir() if path.suffix == ".mp4"]
        assert len(videos) == GOOD
        assert not [path for path in root.rglob("*") if path.name.endswith(".part")]
        assert os.listdir(root / "state" / "work") == []
        assert secret.read_bytes() == b"not for the class"
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 0
        assert "Traceback" not in (tmp_path / "log").read_text(errors="replace")
    finally:
        daemon.kill()
        daemon.wait()


def check_good(store: JobStore, inbox: Path, files: list[Path]) -> None:
    for path in files:
        assert os.path.lexists(inbox / "done" / path), path
    jobs = {job.id: job for path in files for job in jobs_of_file(store, inbox / "done" / path)}
    (job,) = jobs.values()
    assert (
        job.state is JobState.DONE and job.output is not None and job.output.stat().st_size > 1000
    )
    assert job.output.with_suffix(".jpg").is_file()
    assert job.output.with_suffix(".srt").is_file() == any(p.suffix == ".txt" for p in files)


def check_bad(store: JobStore, inbox: Path, code: str, files: list[Path]) -> None:
    for path in files:
        assert os.path.lexists(inbox / "failed" / path), path
    jobs = {job.id: job for path in files for job in jobs_of_file(store, inbox / "failed" / path)}
    (job,) = jobs.values()
    assert job.reason is not None and (job.state, job.reason.code) == (JobState.FAILED, code)
    (reason,) = (file.path for file in store.files.for_job(job.id) if file.role == "result")
    assert reason.parent == (inbox / "failed" / files[0]).parent
    text = reason.read_text(encoding="utf-8")
    for language in ("en", "zh"):
        assert job.reason.text(language) in text
        beginning = MESSAGES[code].text[language].split("{")[0]
        assert beginning in text
