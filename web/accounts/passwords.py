"""Password hashing with argon2id, at most two hashes at a time."""

from __future__ import annotations

import functools
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from appliance.errors import BadInput

MIN_LENGTH = 10
_MAX_LENGTH = 1000

# OWASP's password storage cheat sheet: argon2id with 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)

# Limits the memory that concurrent sign-ins take to that of two hashes.
_CONCURRENT_HASHES = threading.Semaphore(2)


def hash_password(password: str) -> str:
    """Return the hash of ``password`` for storage. Raises ``BadInput("password_too_short")``."""
    if len(password) < MIN_LENGTH:
        raise BadInput("password_too_short", length=MIN_LENGTH)
    with _CONCURRENT_HASHES:
        return _HASHER.hash(password[:_MAX_LENGTH])


def verify(hashed: str | None, password: str) -> bool:
    """Return whether ``password`` matches ``hashed``.

    Takes the same time for a user that does not exist (``None``), and returns ``False``.
    """
    with _CONCURRENT_HASHES:
        try:
            _HASHER.verify(hashed or _dummy_hash(), password[:_MAX_LENGTH])
        except (VerificationError, InvalidHashError):
            return False
    return hashed is not None


@functools.cache
def _dummy_hash() -> str:
    """Return the hash that is verified for a user that does not exist."""
    return _HASHER.hash("dummy")
