from __future__ import annotations

import numpy as np
import pytest

from appliance.media.picture import Picture
from appliance.render.badge import Badge


@pytest.mark.parametrize("size", [(1920, 1080), (360, 288), (64, 64)])
@pytest.mark.parametrize("corner", ["top-left", "top-right", "bottom-left", "bottom-right"])
def test_text_stands_in_its_corner_and_nowhere_else(size: tuple[int, int], corner: str) -> None:
    width, height = size
    picture = Picture.blank(width, height)
    picture.y[:] = 110
    Badge("AI-generated", corner, width, height).draw(picture)
    changed = np.argwhere(picture.y != 110)
    assert picture.y.max() > 180 and picture.y.min() < 80  # light letters on a dark ground
    rows, columns = changed[:, 0], changed[:, 1]
    if width > 300:
        assert (rows.min() > height / 2) == corner.startswith("bottom")
        assert (columns.min() > width / 2) == corner.endswith("right")
        assert np.ptp(rows) < 0.1 * height
