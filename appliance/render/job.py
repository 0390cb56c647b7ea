"""The workspace of a render: everything that rendering a chunk needs, and the finished chunks.

    job.pickle     the request and the plan
    profile.npz    the presenter's profile
    speech.npy     the mouth motion (for models of kind ``wav2lip``: the mel)
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
    """One lecture by one presenter.

    ``cache`` is the folder in which the presenter's landmarks are kept, if any.
    """

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
        """Path of the presenter's profile."""
        return self.folder / "profile.npz"

    @property
    def speech(self) -> Path:
        """Path of the lecture's mouth motion."""
        return self.folder / SPEECH

    def segment(self, index: int) -> Path:
        """Return the path of finished chunk ``index``."""
        return self.folder / "segments" / f"{index:06d}.mp4"

    def save(self) -> None:
        """Write ``job.pickle`` into the folder."""
        (self.folder / "segments").mkdir(parents=True, exist_ok=True)
        path = self.folder / "job.pickle"
        part_of(path).write_bytes(pickle.dumps(self))
        publish(path)

    @classmethod
    def load(cls, folder: Path) -> Job:
        """Read what :meth:`save` wrote.

        Unpickling is safe here: only folders that Lectern itself has written are read.
        """
        job = pickle.loads((folder / "job.pickle").read_bytes())
        assert isinstance(job, cls)
        return job
