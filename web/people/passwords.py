"""Passwords: argon2id, a few at a time."""

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

# However many sign in at once, the hashes take no more than two lanes' memory.
_AT_ONCE = threading.Semaphore(2)


def hash_password(password: str) -> str:
    """The hash to keep. Raises ``BadInput("password_short")``."""
    if len(password) < MIN_LENGTH:
        raise BadInput("password_short", length=MIN_LENGTH)
    with _AT_ONCE:
        return _HASHER.hash(password[:_MAX_LENGTH])


def verify(hashed: str | None, password: str) -> bool:
    """Whether ``password`` is the one; takes as long when there is no such person (``None``)."""
    with _AT_ONCE:
        try:
            _HASHER.verify(hashed or _nobody(), password[:_MAX_LENGTH])
        except (VerificationError, InvalidHashError):
            return False
    return hashed is not None


@functools.cache
def _nobody() -> str:
    return _HASHER.hash("nobody has this password")
