"""The visible badge that marks a video as AI-generated: a line of text in a corner."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from appliance.media.picture import Picture

log = logging.getLogger("lectern.render")

FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
_FALLBACK = "AI-generated"
_MISSING_GLYPH = chr(0x10FFFF)  # a noncharacter: fonts draw their "missing glyph" for it
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_TEXT_HEIGHT_SHARE = 0.028  # height of the text, as a share of the picture's short side
_MIN_TEXT_HEIGHT = 9  # pixels; smaller text is not legible
_MARGIN = 0.8  # around the text and from the edge, in text heights
_OPACITY = 0.55
_BRIGHT, _DARK, _NEUTRAL = 235.0, 16.0, 128.0  # limited range: white, black, no colour


class Badge:
    """Text that is drawn once and then blended into every frame.

    Pillow's built-in font covers English only. For other scripts the first suitable system font
    below ``folders`` is used; if no font contains every character, the badge reads "AI-generated".
    ``corner`` is a name such as ``top-left``; ``width`` and ``height`` are the frame's, in pixels.
    """

    def __init__(
        self,
        text: str,
        corner: str,
        width: int,
        height: int,
        folders: Sequence[Path] = FONT_FOLDERS,
    ) -> None:
        mask = _render_text(
            text,
            max(round(_TEXT_HEIGHT_SHARE * min(width, height)), _MIN_TEXT_HEIGHT),
            folders,
        )
        mask = mask[:height, :width]
        rows, columns = mask.shape
        gap = round(rows * 0.25) // 2 * 2
        top = gap if corner.startswith("top") else height - rows - gap
        left = gap if corner.endswith("left") else width - columns - gap
        self._top, self._left = max(top, 0) // 2 * 2, max(left, 0) // 2 * 2
        self._luma = _DARK + (_BRIGHT - _DARK) * mask
        self._opacity = _OPACITY + (0.95 - _OPACITY) * mask

    def draw(self, picture: Picture) -> None:
        """Blend the badge into the writable ``picture``."""
        _blend(picture.y, self._top, self._left, self._luma, self._opacity)
        half = self._opacity[::2, ::2]
        for plane in (picture.u, picture.v):
            _blend(plane, self._top // 2, self._left // 2, np.full_like(half, _NEUTRAL), half)


def _blend(
    plane: npt.NDArray[np.uint8],
    top: int,
    left: int,
    value: npt.NDArray[np.float64],
    opacity: npt.NDArray[np.float64],
) -> None:
    part = plane[top : top + value.shape[0], left : left + value.shape[1]]
    value, opacity = (
        value[: part.shape[0], : part.shape[1]],
        opacity[: part.shape[0], : part.shape[1]],
    )
    part[...] = np.rint(part + opacity * (value - part)).astype(np.uint8)


def _render_text(text: str, size: int, folders: Sequence[Path]) -> npt.NDArray[np.float64]:
    """Return ``text`` as coverage in 0..1, (rows, columns) float64, with a margin.

    Both sides are even, because chroma has half the size.
    """
    font = next((font for font in _find_fonts(size, folders) if _has_glyphs(font, text)), None)
    if font is None:
        log.warning("no font has all characters of the badge text %r; using %r", text, _FALLBACK)
        text, font = _FALLBACK, ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(text)
    margin = round(_MARGIN * size / 2)
    width = (round(right - left) + 2 * margin + 1) // 2 * 2
    height = (round(bottom - top) + 2 * margin + 1) // 2 * 2
    image = Image.new("L", (width, height))
    ImageDraw.Draw(image).text((margin - left, margin - top), text, fill=255, font=font)
    return np.asarray(image, np.float64) / 255.0


def _find_fonts(size: int, folders: Sequence[Path]) -> Iterator[_Font]:
    """Yield Pillow's built-in font, then the system's fonts, regular ones first."""
    yield ImageFont.load_default(size)
    found = [path for folder in folders for path in folder.rglob("*.[ot]t[fc]")]
    for path in sorted(found, key=lambda path: ("Regular" not in path.name, str(path))):
        try:
            yield ImageFont.truetype(path, size)
        except OSError:  # damaged, or in an unsupported format
            continue


def _has_glyphs(font: _Font, text: str) -> bool:
    missing = font.getmask(_MISSING_GLYPH)
    return all(
        char.isspace() or (mask.size, bytes(mask)) != (missing.size, bytes(missing))
        for char, mask in ((char, font.getmask(char)) for char in text)
    )
