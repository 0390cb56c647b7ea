"""The warnings of a finished video as files beside it: a text, and a picture of each moment.

A user who takes a video from the outbox sees neither the report nor the panel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from appliance.files.atomic import commit, temp_path, write_text
from appliance.media.container import open_media
from appliance.messages.score import WARNINGS

TEXT_SUFFIX, PICTURES_SUFFIX = ".warnings.txt", ".warnings.jpg"

_MAX_PICTURES = 12
_TILE_WIDTH, _COLUMNS, _GAP, _LABEL_HEIGHT = 320, 3, 8, 18
_QUALITY = 85

ReportItem = Mapping[str, Any]


def write_warning_files(video: Path, warnings: Sequence[ReportItem]) -> None:
    """Write ``<stem>.warnings.txt`` in English and Chinese, and ``<stem>.warnings.jpg``.

    Nothing is written without ``warnings``, which are those of a report; a picture only for those
    with a moment. Raises ``OSError``.
    """
    if not warnings:
        return
    lines = [f"{video.stem}.mp4", ""]
    for language in ("en", "zh"):
        lines += [f"{clock(w['at_s'])}  {warning_text(w, language)}" for w in warnings] + [""]
    write_text(video.with_suffix(TEXT_SUFFIX), "\n".join(lines))
    moments = [w["at_s"] for w in warnings if w["at_s"] > 0][:_MAX_PICTURES]
    pictures = _pictures_at(video, moments) if moments else []
    if pictures:
        target = video.with_suffix(PICTURES_SUFFIX)
        _contact_sheet(pictures).save(temp_path(target), "JPEG", quality=_QUALITY)
        commit(target)


def warning_text(warning: ReportItem, language: str) -> str:
    """Return the sentence of a warning of a report in ``language`` (``en`` or ``zh``)."""
    texts = WARNINGS.get(warning["code"])
    return texts[language].format_map(warning) if texts else str(warning["text"])


def clock(seconds: float) -> str:
    """Format a time as ``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _pictures_at(
    video: Path, moments: Iterable[float]
) -> list[tuple[float, npt.NDArray[np.uint8]]]:
    """Return the frames (H, W, 3), uint8 RGB, that are shown at ``moments`` in seconds."""
    found = []
    with open_media(video) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        for at_s in moments:
            try:
                container.seek(int(at_s / stream.time_base), stream=stream)
                frame = next(
                    frame
                    for frame in container.decode(stream)
                    if frame.time is not None and frame.time >= at_s - 1e-3
                )
            except (av.FFmpegError, StopIteration):
                continue
            height = round(frame.height * _TILE_WIDTH / frame.width)
            image = frame.reformat(_TILE_WIDTH, height, "rgb24").to_ndarray()
            found.append((at_s, np.asarray(image, np.uint8)))
    return found


def _contact_sheet(pictures: Sequence[tuple[float, npt.NDArray[np.uint8]]]) -> Image.Image:
    columns = min(_COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    height = pictures[0][1].shape[0] + _LABEL_HEIGHT
    size = (
        columns * (_TILE_WIDTH + _GAP) + _GAP,
        rows * (height + _GAP) + _GAP,
    )
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for index, (at_s, picture) in enumerate(pictures):
        left = _GAP + index % columns * (_TILE_WIDTH + _GAP)
        top = _GAP + index // columns * (height + _GAP)
        draw.text((left, top + 2), clock(at_s), fill="black")
        sheet.paste(Image.fromarray(picture), (left, top + _LABEL_HEIGHT))
    return sheet
