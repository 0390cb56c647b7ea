from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import pytest

from appliance.errors import BadInput
from appliance.render.plan import Plan, make_plan


def _plan(**changes: Any) -> Plan:
    values: dict[str, Any] = {
        "width": 1920, "height": 1080, "fps": Fraction(25), "duration_s": 61.0,
        "chunk_s": 20.0, "queue_frames": 8, "memory_mb": 2000, **changes,
    }  # fmt: skip
    return make_plan(**values)


def test_chunks_cover_every_frame_once() -> None:
    plan = _plan(fps=Fraction(30000, 1001))
    spans = [plan.span(i) for i in range(plan.chunks)]
    assert spans[0][0] == 0 and spans[-1][1] == plan.frames == round(61 * 30000 / 1001)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(spans))


def test_length_changes_memory_only_by_the_movement_kept() -> None:
    assert _plan(duration_s=3600).estimated_mb < 1.1 * _plan(duration_s=60).estimated_mb


def test_a_small_budget_shrinks_queues_before_it_refuses() -> None:
    roomy = _plan()
    tight = _plan(memory_mb=int(roomy.estimated_mb) - 20)
    assert tight.estimated_mb <= tight.budget_mb
    assert (tight.batch, tight.queue_frames) < (roomy.batch, roomy.queue_frames)
    with pytest.raises(BadInput) as caught:
        _plan(memory_mb=100)
    assert caught.value.code == "memory_too_small"


def test_the_budget_is_what_is_free_when_none_is_given() -> None:
    assert _plan(memory_mb=0, find_memory=lambda: 1234.0).budget_mb == 1234.0


def test_a_blink_of_sound_still_makes_a_frame() -> None:
    assert _plan(duration_s=0.01).frames == 1
