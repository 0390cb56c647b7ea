"""The version of Lectern."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def software_version() -> str:
    """Return the version of the installed package."""
    try:
        return version("lectern")
    except PackageNotFoundError:
        return "0+unknown"
