"""Warnings of a check."""

from __future__ import annotations

from typing import Any


def warning(code: str, **params: object) -> dict[str, Any]:
    """Return a warning as JSON; its text is in the message catalogue."""
    return {"code": code, "params": {name: str(value) for name, value in params.items()}}
