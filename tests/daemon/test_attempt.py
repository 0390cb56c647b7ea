"""The real attempt: real renderings in a real child process."""

from __future__ import annotations

import json
import os
import threading
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
def material(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A photo, and three seconds of speech."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("material")
    Image.fromarray(portrait()).save(folder / "wang.png")
    return folder / "wang.png", write_wav(folder / "talk.wav", voice(babble(75)))


@pytest.mark.slow
class TestRealAttempt:
    @pytest.mark.parametrize("how", ["stop", "pause"])
    def test_neither_an_end_nor_a_pause_leaves_a_trace_in_the_video(
        self,
        store: WorkerStore,
        config: Config,
        material: tuple[Path, Path],
        tmp_path: Path,
        how: str,
    ) -> None:
        model = write_wav2lip(tmp_path / "tiny.onnx")
        more: dict[str, dict[str, Any]] = {
            "lips": {"model": str(model)},
            "render": {"chunk_s": 1.0},
        }
        job = store.add(NewJob("talk", *material, options=more)).id
        stop = threading.Event()
        asked: list[str] = []

        def stop_at_a_chunk(order: RenderRequest, watch: ProgressCallback) -> dict[str, Any]:
            def see(step: ProgressUpdate | None) -> bool:
                if step is not None and step.saved and step.done:
                    asked.append(step.stage)
                    if how == "stop":
                        stop.set()
                    elif len(asked) == 1:
                        store.pause(job)
                return watch(step)

            return run_attempt(order, see)

        worker = Worker(store, config, stop, WorkerHooks(stop_at_a_chunk))
        assert worker.run_next()
        assert asked
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
        assert report["reused_chunks"] == len(asked)
        shown = ThumbnailCache(config.root).get(material[0])  # for "before", where nobody looked on
        assert shown is not None and shown.read_bytes().startswith(b"\xff\xd8\xff")
        assert ThumbnailCache(config.root).get(tmp_path / "outbox" / "talk.mp4") is not None
        render(*material, tmp_path / "whole.mp4", settings(**more))
        np.testing.assert_array_equal(
            frames_of(tmp_path / "outbox" / "talk.mp4"), frames_of(tmp_path / "whole.mp4")
        )

    def test_the_measurement_is_broken_off_and_no_chunk_is_lost(
        self, material: tuple[Path, Path], config: Config, tmp_path: Path
    ) -> None:
        model = write_wav2lip(tmp_path / "tiny.onnx")
        more: Overrides = {"lips": {"model": str(model)}, "score": {"enabled": True}}
        order = RenderRequest(
            tmp_path, *material, tmp_path / "x.mp4", apply_overrides(config, more)
        )
        with pytest.raises(StopRequested):
            run_attempt(order, lambda step: step is not None and step.stage == "score")
        report = run_attempt(order, lambda step: False)
        assert report["reused_chunks"] == report["plan"]["chunks"] and report["score"]

    def test_a_rendering_that_dies_is_a_fault_and_bad_input_is_named(
        self, material: tuple[Path, Path], config: Config, tmp_path: Path
    ) -> None:
        def order(lecture: Path) -> RenderRequest:
            return RenderRequest(tmp_path, material[0], lecture, tmp_path / "x.mp4", config)

        with pytest.raises(BadInput) as bad:
            run_attempt(order(tmp_path / os.fsdecode(b"\xff.wav")), lambda step: False)
        assert bad.value.code == "file_missing"

        def kill(step: ProgressUpdate | None) -> bool:
            if step is not None:
                _child().kill()
            return False

        with pytest.raises(Fault) as fault:
            run_attempt(order(material[1]), kill)
        assert fault.value.code == "processing_crashed" and "SIGKILL" in str(fault.value)

        with pytest.raises(Fault) as silent:
            run_attempt(
                order(material[1]), lambda step: bool(step and _suspend()), stall_timeout_s=1
            )
        assert "no progress report" in str(silent.value)
        with pytest.raises(ProcessLookupError):
            _child()


def _child() -> psutil.Process:
    """The attempt's process."""
    found = [c for c in psutil.Process().children() if "appliance.attempt.child" in c.cmdline()]
    if not found:
        raise ProcessLookupError
    return found[0]


def _suspend() -> bool:
    _child().suspend()
    return False
