"""What counts as a shortage of memory, and what is done with less."""

from __future__ import annotations

import errno

import pytest

from appliance.attempt.degrade import DEGRADED_CHUNK_S, degraded_config, is_out_of_memory
from appliance.errors import BadInput, Fault
from tests.render.conftest import settings


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


class TestIsShortage:
    @pytest.mark.parametrize(
        "error",
        [
            MemoryError(),
            OSError(errno.ENOMEM, "Cannot allocate memory"),
            RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : std::bad_alloc"),
            RuntimeError("CUDA failure 2: out of memory ; GPU=0"),
            RuntimeError("BFCArena::AllocateRawInternal Failed to allocate memory for 1048576"),
            caused(Fault("encoder_failed", name="x", reason="y"), MemoryError()),
            Fault("inference_failed", name="x", reason="cpu: Unable to allocate 1.27 MiB for an"),
            Fault("encoder_failed", name="x", reason="Generic error in an external library"),
        ],
    )
    def test_however_it_is_said(self, error: Exception) -> None:
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
    def test_other_faults_are_none(self, error: Exception) -> None:
        assert not is_out_of_memory(error)


class TestRelieved:
    def test_each_step_keeps_the_earlier_ones(self) -> None:
        config = settings(lips={"providers": ["tensorrt", "cuda", "cpu"]})
        steps = [degraded_config(config, relief) for relief in range(5)]
        assert steps[0] == config and steps[3] == steps[4]
        assert [s.render.batch_size for s in steps] == [8, 1, 1, 1, 1]
        assert [s.lips.providers[0] for s in steps] == ["tensorrt"] * 2 + ["cpu"] * 3
        assert [s.render.chunk_s for s in steps] == [20.0] * 3 + [DEGRADED_CHUNK_S] * 2
        assert {s.video.threads for s in steps[3:]} == {1}

    def test_a_setting_that_is_smaller_already_stays(self) -> None:
        assert degraded_config(settings(render={"chunk_s": 2.0}), 3).render.chunk_s == 2.0
