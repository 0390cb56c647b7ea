"""Evaluation on left-out speakers, with the gate that the device uses."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from export_tools.phonetics.leave_one_out import apply_gate, open_gate_early
from export_tools.phonetics.motion_data import OFFSET_S

pytestmark = pytest.mark.export
AHEAD_S = 0.6


def test_motion_rises_before_the_gate_opens() -> None:
    gate = np.zeros(400, np.float32)
    gate[200:300] = 1
    for ahead in (0.0, 0.6):  # the threshold is half of the rise
        shown = np.flatnonzero(apply_gate(np.ones((200, 2), np.float32), gate, ahead)[:, 0] > 0.5)
        first, last = (shown[0] / 50 + OFFSET_S, shown[-1] / 50 + OFFSET_S)
        assert first == pytest.approx(2.0 - ahead / 2, abs=0.02)
        assert last == pytest.approx(3.0, abs=0.03)


def test_gate_opens_gradually_before_speech() -> None:
    gate = np.zeros(300, np.float32)
    gate[150:160] = np.linspace(0.09, 0.9, 10)
    gate[160:200] = 1
    opened = open_gate_early(gate, 100, AHEAD_S)
    assert opened.dtype == gate.dtype and len(opened) == len(gate)
    early = round(100 * AHEAD_S)
    assert not opened[: 150 - early].any() and not opened[200:].any()
    rise = opened[160 - early : 161]
    assert (np.diff(rise) >= 0).all() and np.diff(rise).max() < 0.05  # no jump
    assert rise[early // 2] == pytest.approx(0.5, abs=0.02)
    assert (opened >= gate).all() and (opened[160:200] == 1).all()
    assert not open_gate_early(np.zeros(5, np.float32), 100, AHEAD_S).any()
    assert np.array_equal(
        open_gate_early(gate[:170], 100, AHEAD_S), opened[:170]
    )  # the end of the track has no effect
    assert len(open_gate_early(np.zeros(0, np.float32), 100, AHEAD_S)) == 0
