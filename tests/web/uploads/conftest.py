"""Clients as in the tests of the API."""

from __future__ import annotations

from tests.web.api.conftest import program

__all__ = ["program"]
