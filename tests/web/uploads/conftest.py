"""Programs, as the API's tests have them."""

from __future__ import annotations

from tests.web.api.conftest import program

__all__ = ["program"]
