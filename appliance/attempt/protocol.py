"""The protocol between the daemon and an attempt: the request and the progress."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.config import Config


class StopRequested(Exception):
    """The attempt ended early on request; finished parts are kept."""


@dataclass(frozen=True)
class RenderRequest:
    """What to render, and the ``folder`` of its checkpoints, from which it is resumed."""

    folder: Path
    presenter: Path
    lecture: Path
    output: Path
    config: Config
    transcript: Path | None = None
    """The subtitles or the text of the recording."""
    unused: tuple[str, ...] = ()
    """Names of files of the job that are not used."""

    def to_json(self) -> str:
        """Return the request as one line.

        Paths are hexadecimal, because a file name need not be valid text.
        """
        paths = {name: os.fsencode(getattr(self, name)).hex() for name in _PATH_FIELDS}
        transcript = os.fsencode(self.transcript).hex() if self.transcript else None
        return json.dumps({
            **paths, "config": self.config.model_dump(mode="json"),
            "transcript": transcript, "unused": self.unused,
        })  # fmt: skip

    @classmethod
    def from_json(cls, line: str) -> RenderRequest:
        """Parse the output of :meth:`to_json`."""
        values = json.loads(line)
        paths = {name: Path(os.fsdecode(bytes.fromhex(values[name]))) for name in _PATH_FIELDS}
        transcript = values["transcript"]
        return cls(
            **paths,
            config=Config.model_validate_json(json.dumps(values["config"])),
            transcript=Path(os.fsdecode(bytes.fromhex(transcript))) if transcript else None,
            unused=tuple(values["unused"]),
        )


_PATH_FIELDS = ("folder", "presenter", "lecture", "output")


@dataclass(frozen=True)
class ProgressUpdate:
    """The progress of an attempt: ``done`` of ``total`` units of a stage.

    For the stages see :class:`~appliance.render.render.Progress`. ``saved`` means that something
    was just finished that later attempts need not repeat: the preparation or a chunk.
    """

    stage: str
    done: int
    total: int
    saved: bool = False


ProgressCallback = Callable[["ProgressUpdate | None"], bool]
"""Called with each update, and with ``None`` at least twice a second; returns whether the attempt
must stop."""


AttemptRunner = Callable[[RenderRequest, ProgressCallback], dict[str, Any]]
"""Renders a request and returns the report; see :func:`~appliance.attempt.parent.run_attempt`."""
