"""Recognising that memory ran out, and the degraded settings."""

from __future__ import annotations

import errno

import pytest

from appliance.attempt.degrade import DEGRADED_CHUNK_S, degraded_config, is_out_of_memory
from appliance.errors import BadInput, Fault
from tests.render.conftest import settings


def with_cause(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


class TestIsOutOfMemory:
    @pytest.mark.parametrize(
        "error",
        [
            MemoryError(),
            OSError(errno.ENOMEM, "Cannot allocate memory"),
            RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : std::bad_alloc"),
            RuntimeError("CUDA failure 2: out of memory ; GPU=0"),
            RuntimeError("BFCArena::AllocateRawInternal Failed to allocate memory for 1048576"),
            with_cause(Fault("encoder_failed", name="x", reason="y"), MemoryError()),
            Fault("inference_failed", name="x", reason="cpu: Unable to allocate 1.27 MiB for an"),
            Fault("encoder_failed", name="x", reason="Generic error in an external library"),
        ],
    )
    def test_messages_of_all_libraries_are_recognised(self, error: Exception) -> None:
        assert is_out_of_memory(error)

    @pytest.mark.parametrize(
        "error",
        [
            OSError(errno.ENOSPC, "No space left on device"),
            ValueError("a.mp4"),
            Fault("encoder_failed", name="x", reason="Invalid argument"),
            BadInput("not_media", name="generic error in an external library.mp4"),
        ],
    )
    def test_other_faults_are_not(self, error: Exception) -> None:
        assert not is_out_of_memory(error)


class TestDegradedConfig:
    def test_each_level_includes_the_previous_ones(self) -> None:
        config = settings(lips={"providers": ["tensorrt", "cuda", "cpu"]})
        configs = [degraded_config(config, level) for level in range(5)]
        assert configs[0] == config and configs[3] == configs[4]
        assert [s.render.batch_size for s in configs] == [8, 1, 1, 1, 1]
        assert [s.lips.providers[0] for s in configs] == ["tensorrt"] * 2 + ["cpu"] * 3
        assert [s.render.chunk_s for s in configs] == [20.0] * 3 + [DEGRADED_CHUNK_S] * 2
        assert {s.video.threads for s in configs[3:]} == {1}

    def test_smaller_setting_is_kept(self) -> None:
        assert degraded_config(settings(render={"chunk_s": 2.0}), 3).render.chunk_s == 2.0
