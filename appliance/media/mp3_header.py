"""The header that MP3 encoders write into the first frame: how many bytes of sound follow.

Layout: the Xing header, http://gabriel.mp3-tech.org/mp3infotag.html; the frame header is that of
ISO/IEC 11172-3, section 2.4.1.3; ID3v2 tags: https://id3.org/id3v2.4.0-structure.
"""

from __future__ import annotations

import os
from pathlib import Path

from appliance.system.regular_file import open_regular

_MAX_TAGS = 100  # more are damaged data
_SEARCHED_BYTES = 1 << 16  # after the tags: some writers leave padding
_HAS_FRAMES, _HAS_BYTES = 1, 2  # flags of the Xing header


def missing_mp3_share(path: Path) -> float:
    """Return the missing share of an MP3 file (0..1), according to its header; 0 without one.

    A file that is longer, because others were appended to it, lacks nothing. Raises the errors of
    :func:`~appliance.system.regular_file.open_regular`.
    """
    with open_regular(path) as file:
        size = file.seek(0, os.SEEK_END)
        start = 0
        for _ in range(_MAX_TAGS):
            file.seek(start)
            tag = file.read(10)
            if tag[:3] != b"ID3" or len(tag) < 10:
                break
            length = 0
            for byte in tag[6:]:  # seven bits each
                length = length << 7 | byte & 0x7F
            footer = 10 if tag[5] & 0x10 else 0
            start += 10 + length + footer
        file.seek(start)
        head = file.read(_SEARCHED_BYTES)
    for offset in range(len(head) - 4):
        if head[offset] == 0xFF and head[offset + 1] & 0xE6 == 0xE2:  # frame sync, layer III
            declared = _declared_bytes(head[offset:])
            missing = start + offset + declared - size
            return max(missing, 0) / declared if declared else 0.0
    return 0.0


def _declared_bytes(frame: bytes) -> int:
    """Return the number of bytes in the Xing header of ``frame``; 0 if there is none."""
    mpeg1, mono = frame[1] & 0x08 != 0, frame[3] >> 6 == 3
    side_info = (17 if mono else 32) if mpeg1 else (9 if mono else 17)
    at = 4 + side_info
    if frame[at : at + 4] not in (b"Xing", b"Info"):
        return 0
    flags = int.from_bytes(frame[at + 4 : at + 8], "big")
    if not flags & _HAS_BYTES:
        return 0
    at += 12 if flags & _HAS_FRAMES else 8
    return int.from_bytes(frame[at : at + 4], "big")
