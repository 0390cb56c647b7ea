"""What an attempt is told, and what it tells."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from appliance.config import Config


class Stopped(Exception):
    """The attempt ended early because it was asked to; what is finished is kept."""


@dataclass(frozen=True)
class Order:
    """What to render, and the ``folder`` to do it in and to go on from."""

    folder: Path
    presenter: Path
    lecture: Path
    output: Path
    config: Config

    def to_json(self) -> str:
        """One line. Paths are hexadecimal: a file name need not be valid text."""
        paths = {name: os.fsencode(getattr(self, name)).hex() for name in _PATHS}
        return json.dumps({**paths, "config": self.config.model_dump(mode="json")})

    @classmethod
    def from_json(cls, line: str) -> Order:
        """What :meth:`to_json` wrote."""
        values = json.loads(line)
        paths = {name: Path(os.fsdecode(bytes.fromhex(values[name]))) for name in _PATHS}
        return cls(**paths, config=Config.model_validate_json(json.dumps(values["config"])))


_PATHS = ("folder", "presenter", "lecture", "output")


@dataclass(frozen=True)
class Step:
    """Where the attempt is: ``done`` of ``total`` units of a stage.

    For the stages see :class:`~appliance.render.render.Progress`. ``saved``: something was just
    finished that no later attempt does again, the preparation or a chunk.
    """

    stage: str
    done: int
    total: int
    saved: bool = False


Watch = Callable[["Step | None"], bool]
"""Told each step, and ``None`` at least twice a second; whether the attempt is to stop."""
