"""What a preflight warns of."""

from __future__ import annotations

from typing import Any


def warning(code: str, **params: object) -> dict[str, Any]:
    """One of a preflight's warnings; its texts stand in the catalogue."""
    return {"code": code, "params": {name: str(value) for name, value in params.items()}}
