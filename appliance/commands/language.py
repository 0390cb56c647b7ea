"""Language of the terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping


def spoken(environment: Mapping[str, str] = os.environ) -> str:
    """Return ``"zh"`` if the locale in ``environment`` is Chinese, else ``"en"``."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "")
    return "zh" if locale.startswith("zh") else "en"
