"""Checksums of the pieces of an upload (tus extension "checksum").

CRC-32 is there for browsers: a page that is not loaded over HTTPS cannot use the browser's SHA
functions, and only transmission errors have to be detected.
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
        """Add the next bytes."""
        self._value = zlib.crc32(block, self._value)

    def digest(self) -> bytes:
        """Return the checksum, four bytes."""
        return self._value.to_bytes(4, "big")


ALGORITHMS = ("crc32", "sha1", "sha256")


class Checksum:
    """The expected checksum of a piece: the value of an ``Upload-Checksum`` header.

    Raises ``BadInput("upload_checksum_kind")`` for an invalid header.
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
        # Not for security: SHA-1 is the algorithm that the protocol requires of every server.
        self._hash = make() if algorithm == "crc32" else hashlib.new(algorithm)

    def update(self, block: bytes) -> None:
        """Add the next bytes of the piece."""
        self._hash.update(block)

    def matches(self) -> bool:
        """Return whether the bytes added match the expected checksum."""
        return self._hash.digest() == self._wanted
