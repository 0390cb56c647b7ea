"""The checksums that an upload's piece may carry (tus, extension "checksum").

CRC-32 is there for browsers: a page that does not come over https may not use the browser's own
SHA, and a lost bit is all that is to be found here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable

from appliance.errors import BadInput


class Crc32:
    """CRC-32 (ISO 3309, as in zip), most significant byte first, with hashlib's interface."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, block: bytes) -> None:
        """Take in the next bytes."""
        self._value = zlib.crc32(block, self._value)

    def digest(self) -> bytes:
        """Four bytes."""
        return self._value.to_bytes(4, "big")


ALGORITHMS = ("crc32", "sha1", "sha256")


class Checksum:
    """What the bytes of a piece have to come to: the value of an ``Upload-Checksum`` header.

    Raises ``BadInput("upload_checksum_kind")`` for a header that cannot be read.
    """

    def __init__(self, header: str) -> None:
        algorithm, _, encoded = header.strip().partition(" ")
        if algorithm not in ALGORITHMS:
            raise BadInput("upload_checksum_kind", name=algorithm[:40])
        try:
            self._wanted = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise BadInput("upload_checksum_kind", name=algorithm) from None
        make: Callable[[], Crc32] = Crc32
        # Not for secrecy: SHA-1 is the one algorithm that the protocol asks every server to know.
        self._hash = make() if algorithm == "crc32" else hashlib.new(algorithm)

    def update(self, block: bytes) -> None:
        """Take in the next bytes of the piece."""
        self._hash.update(block)

    def matches(self) -> bool:
        """Whether all bytes taken in come to what was announced."""
        return self._hash.digest() == self._wanted
