"""What a file contains: a still photo, moving pictures, sound."""

from __future__ import annotations

from pathlib import Path

from av.stream import Disposition

from appliance.media.container import check_file, open_media
from appliance.media.demux import choose_video_stream
from appliance.media.photo import is_heif, is_photo


def is_still_photo(path: Path) -> bool:
    """Return whether the first bytes are those of a photo. Raises as ``check_file`` does."""
    check_file(path)
    return is_photo(path) or is_heif(path)


def has_picture(path: Path) -> bool:
    """Return whether a media file has a video stream other than a cover.

    Raises ``BadInput`` like :func:`~appliance.media.container.open_media`.
    """
    with open_media(path) as container:
        stream = choose_video_stream(container)
        return stream is not None and not stream.disposition & Disposition.attached_pic


def has_sound(path: Path) -> bool:
    """Return whether a media file has a sound stream that can be decoded.

    Raises ``BadInput`` like :func:`~appliance.media.container.open_media`.
    """
    with open_media(path) as container:
        return any(stream.codec_context is not None for stream in container.streams.audio)
