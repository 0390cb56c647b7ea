"""A job folder: everything that rendering a chunk needs, and the chunks that are done.

    job.pickle     what is asked for, and the plan
    profile.npz    what was learned of the presenter
    speech.npy     the mouth's movement (the mel, for Wav2Lip's kind)
    segments/      finished chunks, each published atomically

A chunk is a pure function of this folder and its number.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

from appliance.config import Config
from appliance.face.choose import Person
from appliance.lips.manifest import Manifest
from appliance.media.probe import PresenterInfo
from appliance.media.publish import part_of, publish
from appliance.render.plan import Plan

SPEECH = "speech.npy"


@dataclass(frozen=True)
class Job:
    """One lecture by one presenter. ``cache`` is where sightings of the presenter are kept."""

    folder: Path
    presenter: PresenterInfo
    person: Person
    manifest: Manifest
    precision: str
    config: Config
    plan: Plan
    cache: Path | None = None

    @property
    def profile(self) -> Path:
        """Where the presenter's profile lies."""
        return self.folder / "profile.npz"

    @property
    def speech(self) -> Path:
        """Where the lecture's movement lies."""
        return self.folder / SPEECH

    def segment(self, index: int) -> Path:
        """Where finished chunk ``index`` lies."""
        return self.folder / "segments" / f"{index:06d}.mp4"

    def save(self) -> None:
        """Write the folder's ``job.pickle``."""
        (self.folder / "segments").mkdir(parents=True, exist_ok=True)
        path = self.folder / "job.pickle"
        part_of(path).write_bytes(pickle.dumps(self))
        publish(path)

    @classmethod
    def load(cls, folder: Path) -> Job:
        """Read what :meth:`save` wrote. Only folders of our own making are ever read."""
        job = pickle.loads((folder / "job.pickle").read_bytes())
        assert isinstance(job, cls)
        return job
