"""Choosing on left-out speakers: the gate that is judged is the box's."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from export_tools.phonetics.leave_one_out import gated
from export_tools.phonetics.motion_data import OFFSET_S

pytestmark = pytest.mark.export


def test_motion_rises_over_so_long_before_the_gate() -> None:
    gate = np.zeros(400, np.float32)
    gate[200:300] = 1
    for ahead in (0.0, 0.6):  # half of the rise is halfway
        shown = np.flatnonzero(gated(np.ones((200, 2), np.float32), gate, ahead)[:, 0] > 0.5)
        first, last = (shown[0] / 50 + OFFSET_S, shown[-1] / 50 + OFFSET_S)
        assert first == pytest.approx(2.0 - ahead / 2, abs=0.02)
        assert last == pytest.approx(3.0, abs=0.03)
