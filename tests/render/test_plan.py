from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.config import Config, RenderConfig, VideoConfig
from appliance.errors import BadInput
from appliance.inference.manifest import load_manifest
from appliance.lips.model import LipModel
from appliance.media.picture import ColorSpec, VideoFormat
from appliance.media.probe import AudioInfo, PresenterInfo
from appliance.render.plan import GRAPHICS_MB, NetworkFootprint, Plan, make_plan, plan_for
from appliance.render.render import MODELS_FOLDER
from tests.inference.fake_providers import fake_device

OURS = NetworkFootprint(files_mb=2.7, item_mb=2.0)
FULL_HD = VideoFormat(1920, 1080, Fraction(25))


def _plan(**changes: Any) -> Plan:
    values: dict[str, Any] = {
        "video_format": FULL_HD, "duration_s": 61.0, "chunk_s": 20.0, "queue_frames": 8,
        "threads": 2, "budget_mb": 2000, "network": OURS, **changes,
    }  # fmt: skip
    return make_plan(**values)


class TestChunks:
    @pytest.mark.parametrize("fps", [Fraction(rate) for rate in ("25", "30000/1001", "60", "1")])
    @pytest.mark.parametrize("duration", [0.01, 0.5, 19.99, 20.0, 20.1, 61.0, 3599.0])
    def test_chunks_cover_every_frame_once(self, fps: Fraction, duration: float) -> None:
        plan = _plan(video_format=replace(FULL_HD, fps=fps), duration_s=duration)
        spans = [plan.span(i) for i in range(plan.chunks)]
        assert spans[0][0] == 0 and spans[-1][1] == plan.frames == max(round(duration * fps), 1)
        assert all(a[1] == b[0] for a, b in itertools.pairwise(spans))
        assert all(start < stop for start, stop in spans)

    def test_chunks_have_equal_length(self) -> None:
        plan = _plan(duration_s=61)
        assert plan.chunks == 4 and plan.chunk_frames == 382  # not three of 500 and one of 25
        for seconds in range(21, 400, 7):
            plan = _plan(duration_s=seconds)
            start, stop = plan.span(plan.chunks - 1)
            assert stop - start > plan.chunk_frames - plan.chunks

    def test_chunks_are_shorter_for_larger_pictures(self) -> None:
        seconds = {
            size: _plan(video_format=VideoFormat(*size, Fraction(fps)), duration_s=3600)
            for *size_, fps in ((1280, 720, 25), (1920, 1080, 60), (3840, 2160, 25))
            if (size := (size_[0], size_[1]))
        }
        lengths = [float(plan.chunk_frames / plan.fps) for plan in seconds.values()]
        assert lengths == [pytest.approx(x, abs=0.05) for x in (20.0, 20 * 25 / 60, 5.0)]

    def test_chunks_do_not_exceed_the_configured_length(self) -> None:
        plan = _plan(video_format=VideoFormat(3840, 2160, Fraction(60)), chunk_s=1.0)
        assert plan.chunk_frames == 60


class TestMemory:
    def test_memory_does_not_depend_on_length(self) -> None:
        assert _plan(duration_s=7200).estimated_mb == _plan(duration_s=60).estimated_mb

    def test_small_budget_shrinks_queues_before_refusal(self) -> None:
        roomy = _plan()
        tight = _plan(budget_mb=int(roomy.estimated_mb) - 20)
        assert tight.estimated_mb <= tight.budget_mb
        assert (tight.batch, tight.queue_frames) < (roomy.batch, roomy.queue_frames)
        with pytest.raises(BadInput) as caught:
            _plan(budget_mb=100)
        assert caught.value.code == "memory_too_small"

    def test_refusal_states_the_smallest_sufficient_budget(self) -> None:
        with pytest.raises(BadInput) as caught:
            _plan(budget_mb=100)
        need = int(caught.value.details["need"])
        assert _plan(budget_mb=need).estimated_mb <= need
        with pytest.raises(BadInput):
            _plan(budget_mb=need - 2)

    def test_slower_presets_need_more_memory(self) -> None:
        presets = ("ultrafast", "superfast", "veryfast", "faster", "medium", "slower")
        taken = [_plan(preset=preset).estimated_mb for preset in presets]
        assert taken == sorted(taken) and taken[0] < taken[2] < taken[3]

    def test_gpu_provider_adds_its_libraries(self) -> None:
        there = _plan(network=replace(OURS, provider="cuda"))
        assert there.estimated_mb == pytest.approx(_plan().estimated_mb + GRAPHICS_MB)

    def test_network_size_and_batch_are_counted(self) -> None:
        heavy = NetworkFootprint(files_mb=138.0, item_mb=17.0)
        grown = _plan(network=heavy).estimated_mb - _plan().estimated_mb
        assert grown == pytest.approx(2.4 * (138 - 2.7) + 15 * 8, abs=1)
        assert _plan(network=heavy, budget_mb=800).batch < 8


class TestBudget:
    def _plan(self, found: float, **render: Any) -> Plan:
        info = PresenterInfo(
            Path("p.mp4"), "video", 1280, 720, Fraction(25), 100, Fraction(1), ColorSpec(), "h264",
        )  # fmt: skip
        sound = AudioInfo(Path("a.wav"), 30.0, "aac", 48000, 1, True)
        config = Config(render=RenderConfig(**render), video=VideoConfig(threads=3))
        return plan_for(info, sound, config, OURS, find_memory=lambda: found)

    def test_budget_defaults_to_free_memory(self) -> None:
        assert self._plan(1234.0).budget_mb == 1234.0

    def test_budget_is_limited_by_free_memory_and_config(self) -> None:
        assert self._plan(900.0, memory_limit_mb=3000).budget_mb == 900.0
        assert self._plan(9000.0, memory_limit_mb=700).budget_mb == 700.0

    def test_threads_come_from_the_config(self) -> None:
        assert self._plan(1000.0).threads == 3


class TestNetwork:
    def test_footprint_is_the_size_of_the_files(self) -> None:
        manifest = load_manifest("lectern-lite", MODELS_FOLDER)
        network = NetworkFootprint.of(LipModel.open(manifest, "fp32", ["cpu"]))
        sizes = [file.stat().st_size for file in manifest.folder.glob("renderer.fp32.onnx")]
        assert network.provider == "cpu" and network.files_mb > sum(sizes) / (1 << 20)
        assert np.isclose(network.memory_mb(8) - network.memory_mb(4), 4 * network.item_mb)

    def test_likely_provider_is_the_first_that_has_not_failed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(str(tmp_path))
        providers = fake_device(tmp_path, tensorrt="good", cuda="good")
        manifest = load_manifest("lectern-lite", MODELS_FOLDER)
        model = LipModel.open(manifest, "fp32", ["tensorrt", "cuda"], providers=providers)
        assert model.likely_provider() == "tensorrt"
        sha = manifest.entry("renderer", "fp32").sha256
        providers.results.add(sha, "tensorrt", "fp32", "wrong numbers")
        assert model.likely_provider() == "cuda"
        providers.results.add(sha, "cuda", "fp32", "wrong numbers")
        assert model.likely_provider() == "cpu"
