"""Real renderings in a real child process."""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from appliance.attempt.parent import run_attempt
from appliance.attempt.protocol import (
    ProgressCallback,
    ProgressUpdate,
    RenderRequest,
    StopRequested,
)
from appliance.config import Config, Overrides, apply_overrides
from appliance.daemon.hooks import WorkerHooks
from appliance.daemon.worker import Worker
from appliance.errors import BadInput, Fault
from appliance.files.thumbnail_cache import ThumbnailCache
from appliance.jobs.models import NewJob
from appliance.jobs.states import JobState
from appliance.jobs.worker_store import WorkerStore
from appliance.render.render import render
from tests.render.conftest import frames_of, settings, write_wav
from tests.talking_face import babble, portrait, voice
from tests.tiny_wav2lip import write_wav2lip


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A photo, and three seconds of speech."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("sources")
    Image.fromarray(portrait()).save(folder / "wang.png")
    return folder / "wang.png", write_wav(folder / "talk.wav", voice(babble(75)))


@pytest.mark.slow
class TestRealAttempt:
    def test_confined_child_reads_the_subtitles_of_the_recording(
        self, config: Config, sources: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        transcript = tmp_path_factory.mktemp("elsewhere") / "talk.srt"
        transcript.write_text("1\n00:00:00,500 --> 00:00:02,000\nHello\n")
        folder = config.root / "state" / "work" / "1"
        output = folder / "talk.mp4"
        options: dict[str, dict[str, Any]] = {
            "lips": {"model": str(write_wav2lip(config.root / "tiny.onnx"))}
        }
        request = RenderRequest(
            folder / "chunks", *sources, output, apply_overrides(config, options), transcript
        )
        request.folder.mkdir(parents=True)
        report = run_attempt(request, lambda update: False)
        assert "transcript_unusable" not in [warning["code"] for warning in report["warnings"]]
        assert "Hello" in output.with_suffix(".srt").read_text()

    @pytest.mark.parametrize("how", ["stop", "pause"])
    def test_stop_and_pause_do_not_change_the_video(
        self,
        store: WorkerStore,
        config: Config,
        sources: tuple[Path, Path],
        tmp_path: Path,
        how: str,
    ) -> None:
        model = write_wav2lip(tmp_path / "tiny.onnx")
        options: dict[str, dict[str, Any]] = {
            "lips": {"model": str(model)},
            "render": {"chunk_s": 1.0},
        }
        job = store.add(NewJob("talk", *sources, options=options)).id
        stop = threading.Event()
        stopped_at: list[str] = []

        def stop_at_a_chunk(
            request: RenderRequest, on_progress: ProgressCallback
        ) -> dict[str, Any]:
            def observe(update: ProgressUpdate | None) -> bool:
                if update is not None and update.saved and update.done:
                    stopped_at.append(update.stage)
                    if how == "stop":
                        stop.set()
                    elif len(stopped_at) == 1:
                        store.pause(job)
                return on_progress(update)

            return run_attempt(request, observe)

        worker = Worker(store, config, stop, WorkerHooks(stop_at_a_chunk))
        assert worker.run_next()
        assert stopped_at
        if how == "pause":
            assert store.get(job).state is JobState.PAUSED
            assert not worker.run_next()
            store.resume(job)
        assert store.get(job).state is JobState.QUEUED
        stop.clear()
        worker = Worker(store, config, stop)
        assert worker.run_next()
        assert store.get(job).state is JobState.DONE
        report = json.loads((tmp_path / "outbox" / "talk.report.json").read_text())
        assert report["reused_chunks"] == len(stopped_at)
        thumbnail = ThumbnailCache(config.root).get(sources[0])
        assert thumbnail is not None and thumbnail.read_bytes().startswith(b"\xff\xd8\xff")
        assert ThumbnailCache(config.root).get(tmp_path / "outbox" / "talk.mp4") is not None
        render(*sources, tmp_path / "whole.mp4", settings(None, **options))
        np.testing.assert_array_equal(
            frames_of(tmp_path / "outbox" / "talk.mp4"), frames_of(tmp_path / "whole.mp4")
        )

    def test_stop_during_scoring_keeps_all_chunks(
        self, sources: tuple[Path, Path], config: Config, tmp_path: Path
    ) -> None:
        model = write_wav2lip(tmp_path / "tiny.onnx")
        options: Overrides = {"lips": {"model": str(model)}, "score": {"enabled": True}}
        request = RenderRequest(
            tmp_path, *sources, tmp_path / "x.mp4", apply_overrides(config, options)
        )
        with pytest.raises(StopRequested):
            run_attempt(request, lambda update: update is not None and update.stage == "score")
        report = run_attempt(request, lambda update: False)
        assert report["reused_chunks"] == report["plan"]["chunks"] and report["score"]

    def test_crash_hang_and_bad_input_are_reported(
        self, sources: tuple[Path, Path], config: Config, tmp_path: Path
    ) -> None:
        def make_request(lecture: Path) -> RenderRequest:
            return RenderRequest(tmp_path, sources[0], lecture, tmp_path / "x.mp4", config)

        with pytest.raises(BadInput) as bad:
            run_attempt(make_request(tmp_path / os.fsdecode(b"\xff.wav")), lambda update: False)
        assert bad.value.code == "file_missing"

        def kill(update: ProgressUpdate | None) -> bool:
            with suppress(ProcessLookupError):  # killed by an earlier update
                if update is not None:
                    _child().kill()
            return False

        with pytest.raises(Fault) as fault:
            run_attempt(make_request(sources[1]), kill)
        assert fault.value.code == "processing_crashed" and "SIGKILL" in str(fault.value)

        with pytest.raises(Fault) as silent:
            run_attempt(
                make_request(sources[1]),
                lambda update: bool(update and _suspend()),
                stall_timeout_s=1,
            )
        assert "no progress report" in str(silent.value)
        with pytest.raises(ProcessLookupError):
            _child()


def _child() -> psutil.Process:
    """Return the process of the attempt."""
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # also raised for a zombie
            if "appliance.attempt.child" in child.cmdline():
                return child
    raise ProcessLookupError


def _suspend() -> bool:
    _child().suspend()
    return False
