"""The workspace of a render: everything that rendering a chunk needs, and the finished chunks.

    workspace.pickle  the request and the plan
    profile.npz       the presenter's profile
    motion.npy        the mouth motion (for models of kind ``wav2lip``: the mel)
    atlas.npz         the presenter's own mouths, if they are painted
    mouths.npz        which of them each frame shows
    mouths.json       whether they are painted, and why not
    segments/         finished chunks, each published atomically

A chunk is a pure function of this folder and its number.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, fields
from pathlib import Path

from appliance.config import Config
from appliance.enrolment.enrolment import PersonalizationReport
from appliance.face.person import Person
from appliance.files.atomic import write_bytes
from appliance.inference.manifest import Manifest
from appliance.media.probe import PresenterInfo
from appliance.render.plan import Plan

MOTION_FILE = "motion.npy"
WORKSPACE_FILE = "workspace.pickle"


@dataclass(frozen=True)
class Workspace:
    """The settings, the analysis and the plan of one lecture by one presenter.

    ``personalization`` is what was learned from the presenter. ``cache_folder`` is the folder of
    the presenter's cached landmarks; ``None`` without a cache.
    """

    folder: Path
    presenter: PresenterInfo
    person: Person
    manifest: Manifest
    precision: str
    config: Config
    plan: Plan
    personalization: PersonalizationReport
    cache_folder: Path | None = None

    @property
    def profile_path(self) -> Path:
        """Path of the presenter's profile."""
        return self.folder / "profile.npz"

    @property
    def motion_path(self) -> Path:
        """Path of the lecture's mouth motion."""
        return self.folder / MOTION_FILE

    @property
    def atlas_path(self) -> Path:
        """Path of the atlas of the presenter's mouths; the file exists if it is used."""
        return self.folder / "atlas.npz"

    @property
    def mouths_path(self) -> Path:
        """Path of the choice of mouths for every frame; exists like :attr:`atlas_path`."""
        return self.folder / "mouths.npz"

    @property
    def decision_path(self) -> Path:
        """Path of the decision on the presenter's mouths; exists if there are enough of them."""
        return self.folder / "mouths.json"

    def segment_path(self, index: int) -> Path:
        """Return the path of finished chunk ``index``."""
        return self.folder / "segments" / f"{index:06d}.mp4"

    def save(self) -> None:
        """Write ``workspace.pickle`` into the folder."""
        (self.folder / "segments").mkdir(parents=True, exist_ok=True)
        write_bytes(self.folder / WORKSPACE_FILE, pickle.dumps(self))

    @classmethod
    def load(cls, folder: Path) -> Workspace:
        """Read what :meth:`save` wrote.

        Unpickling is safe here: only folders that Lectern itself has written are read. Raises
        ``ValueError`` if another version has written it.
        """
        workspace = pickle.loads((folder / WORKSPACE_FILE).read_bytes())
        names = {field.name for field in fields(cls)}
        if not isinstance(workspace, cls) or vars(workspace).keys() != names:
            raise ValueError(f"{WORKSPACE_FILE} has the layout of another version of Lectern")
        return workspace
