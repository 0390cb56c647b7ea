"""Which Lectern this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def software_version() -> str:
    """Lectern's version, as installed."""
    try:
        return version("lectern")
    except PackageNotFoundError:
        return "0+unknown"
