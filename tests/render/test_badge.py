"""The visible badge: its position and its characters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from appliance.media.picture import Picture
from appliance.render.badge import FONT_FOLDERS, Badge


@pytest.mark.parametrize("size", [(1920, 1080), (360, 288), (64, 64)])
@pytest.mark.parametrize("corner", ["top-left", "top-right", "bottom-left", "bottom-right"])
def test_badge_changes_only_its_corner(size: tuple[int, int], corner: str) -> None:
    width, height = size
    picture = Picture.blank(width, height)
    picture.y[:] = 110
    Badge("AI-generated", corner, width, height).draw(picture)
    changed = np.argwhere(picture.y != 110)
    assert picture.y.max() > 180 and picture.y.min() < 80  # light letters on a dark background
    rows, columns = changed[:, 0], changed[:, 1]
    if width > 300:
        assert (rows.min() > height / 2) == corner.startswith("bottom")
        assert (columns.min() > width / 2) == corner.endswith("right")
        assert np.ptp(rows) < 0.1 * height


def drawn(text: str, folders: tuple[Path, ...]) -> list[bytes]:
    picture = Picture.blank(640, 360)
    Badge(text, "top-left", 640, 360, folders).draw(picture)
    return [plane.tobytes() for plane in picture.planes()]


def test_missing_glyphs_are_not_drawn_as_boxes(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    assert drawn("AI 生成", (tmp_path,)) == drawn("AI-generated", ())
    assert drawn("Made by AI", ()) != drawn("AI-generated", ())


def test_chinese_is_drawn_with_a_system_font() -> None:
    if not any(path for folder in FONT_FOLDERS for path in folder.rglob("*CJK*")):
        pytest.skip("no Chinese font on this machine")
    chinese = drawn("AI 生成", FONT_FOLDERS)
    assert chinese != drawn("AI-generated", ())
    assert chinese != drawn("AI 成生", FONT_FOLDERS)
