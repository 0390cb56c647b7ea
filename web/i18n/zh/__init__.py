"""The Chinese texts, one module a page; each holds ``TEXTS``."""

from __future__ import annotations

import importlib
import pkgutil

TEXTS: dict[str, str] = {}

for _module in pkgutil.iter_modules(__path__):
    TEXTS.update(importlib.import_module(f"{__name__}.{_module.name}").TEXTS)
