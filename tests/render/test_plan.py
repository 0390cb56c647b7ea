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
from appliance.media.picture import ColorSpec
from appliance.media.probe import AudioInfo, PresenterInfo
from appliance.render.plan import GRAPHICS_MB, NetworkFootprint, Plan, make_plan, plan_for
from appliance.render.render import MODELS_FOLDER
from tests.inference.fake_providers import fake_box

OURS = NetworkFootprint(files_mb=2.7, item_mb=2.0)


def _plan(**changes: Any) -> Plan:
    values: dict[str, Any] = {
        "width": 1920, "height": 1080, "fps": Fraction(25), "duration_s": 61.0,
        "chunk_s": 20.0, "queue_frames": 8, "threads": 2, "budget_mb": 2000,
        "network": OURS, **changes,
    }  # fmt: skip
    return make_plan(**values)


class TestChunks:
    @pytest.mark.parametrize("fps", [Fraction(rate) for rate in ("25", "30000/1001", "60", "1")])
    @pytest.mark.parametrize("duration", [0.01, 0.5, 19.99, 20.0, 20.1, 61.0, 3599.0])
    def test_cover_every_frame_once(self, fps: Fraction, duration: float) -> None:
        plan = _plan(fps=fps, duration_s=duration)
        spans = [plan.span(i) for i in range(plan.chunks)]
        assert spans[0][0] == 0 and spans[-1][1] == plan.frames == max(round(duration * fps), 1)
        assert all(a[1] == b[0] for a, b in itertools.pairwise(spans))
        assert all(start < stop for start, stop in spans)

    def test_none_is_a_scrap(self) -> None:
        plan = _plan(duration_s=61)
        assert plan.chunks == 4 and plan.chunk_frames == 382  # not three of 500 and one of 25
        for seconds in range(21, 400, 7):
            plan = _plan(duration_s=seconds)
            start, stop = plan.span(plan.chunks - 1)
            assert stop - start > plan.chunk_frames - plan.chunks

    def test_are_shorter_where_a_second_is_more_work(self) -> None:
        seconds = {
            size: _plan(width=size[0], height=size[1], fps=Fraction(fps), duration_s=3600)
            for *size_, fps in ((1280, 720, 25), (1920, 1080, 60), (3840, 2160, 25))
            if (size := (size_[0], size_[1]))
        }
        lengths = [float(plan.chunk_frames / plan.fps) for plan in seconds.values()]
        assert lengths == [pytest.approx(x, abs=0.05) for x in (20.0, 20 * 25 / 60, 5.0)]

    def test_keep_to_a_length_that_was_asked_for(self) -> None:
        plan = _plan(width=3840, height=2160, chunk_s=1.0, fps=Fraction(60))
        assert plan.chunk_frames == 60


class TestMemory:
    def test_length_adds_nothing(self) -> None:
        assert _plan(duration_s=7200).estimated_mb == _plan(duration_s=60).estimated_mb

    def test_a_small_budget_shrinks_queues_before_it_refuses(self) -> None:
        roomy = _plan()
        tight = _plan(budget_mb=int(roomy.estimated_mb) - 20)
        assert tight.estimated_mb <= tight.budget_mb
        assert (tight.batch, tight.queue_frames) < (roomy.batch, roomy.queue_frames)
        with pytest.raises(BadInput) as caught:
            _plan(budget_mb=100)
        assert caught.value.code == "memory_too_small"

    def test_what_a_refusal_asks_for_is_enough_and_no_more(self) -> None:
        with pytest.raises(BadInput) as caught:
            _plan(budget_mb=100)
        need = int(caught.value.details["need"])
        assert _plan(budget_mb=need).estimated_mb <= need
        with pytest.raises(BadInput):
            _plan(budget_mb=need - 2)

    def test_a_preset_that_looks_further_ahead_takes_more(self) -> None:
        presets = ("ultrafast", "superfast", "veryfast", "faster", "medium", "slower")
        taken = [_plan(preset=preset).estimated_mb for preset in presets]
        assert taken == sorted(taken) and taken[0] < taken[2] < taken[3]

    def test_a_graphics_unit_brings_its_libraries(self) -> None:
        there = _plan(network=replace(OURS, provider="cuda"))
        assert there.estimated_mb == pytest.approx(_plan().estimated_mb + GRAPHICS_MB)

    def test_a_heavy_network_and_its_batch_count(self) -> None:
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

    def test_is_what_is_free_when_none_is_given(self) -> None:
        assert self._plan(1234.0).budget_mb == 1234.0

    def test_is_never_more_than_is_free_whatever_the_config_allows(self) -> None:
        assert self._plan(900.0, memory_limit_mb=3000).budget_mb == 900.0
        assert self._plan(9000.0, memory_limit_mb=700).budget_mb == 700.0

    def test_threads_are_those_of_the_config(self) -> None:
        assert self._plan(1000.0).threads == 3


class TestNetwork:
    def test_is_counted_by_its_files(self) -> None:
        manifest = load_manifest("lectern-lite", MODELS_FOLDER)
        network = NetworkFootprint.of(LipModel.open(manifest, "fp32", ["cpu"]))
        sizes = [file.stat().st_size for file in manifest.folder.glob("renderer.fp32.onnx")]
        assert network.provider == "cpu" and network.files_mb > sum(sizes) / (1 << 20)
        assert np.isclose(network.memory_mb(8) - network.memory_mb(4), 4 * network.item_mb)

    def test_expects_the_first_provider_that_has_not_failed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(str(tmp_path))
        runtime = fake_box(tmp_path, tensorrt="good", cuda="good")
        manifest = load_manifest("lectern-lite", MODELS_FOLDER)
        model = LipModel.open(manifest, "fp32", ["tensorrt", "cuda"], runtime=runtime)
        assert model.likely_provider() == "tensorrt"
        sha = manifest.entry("renderer", "fp32").sha256
        runtime.results.add(sha, "tensorrt", "fp32", "wrong numbers")
        assert model.likely_provider() == "cuda"
        runtime.results.add(sha, "cuda", "fp32", "wrong numbers")
        assert model.likely_provider() == "cpu"
