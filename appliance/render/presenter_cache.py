"""The cached analysis of a presenter, reused by later lectures: profile, person and landmarks.

    cache/presenters/<key>/
        info.pickle    result of probing the file, preceded by its checksum
        profile.npz    resting mouth, range of movement, teeth
        person.npz     positions of the person who speaks
        learned-<key>.npz   what was learned from the presenter's speech
        atlas.npz     the presenter's own mouths, or the fact that there are too few
        track/000123.npz   the landmarks of one segment of frames

The key is derived from the *content* of the file, so a renamed or copied presenter is recognised
and a changed one is not. Everything here can be computed again: a file that is missing, truncated
or damaged (each carries its checksums) is treated as absent, and on a full disk nothing is cached.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import shutil
import time
import zipfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

import appliance.atlas
import appliance.face
import appliance.files.atomic
import appliance.inference
import appliance.lips
import appliance.media
from appliance.atlas.atlas import Atlas
from appliance.atlas.face_shape import FACE_POINTS
from appliance.enrolment.enrolment import Enrolment
from appliance.face.mesh import POINTS
from appliance.face.person import Person
from appliance.face.pose import RIGID_POINTS
from appliance.face.track import FaceLandmarks
from appliance.face.weights import FACE_MODELS
from appliance.files.atomic import temp_path
from appliance.lips.geometry import MOUTH_POINTS
from appliance.lips.profile import Profile
from appliance.media.probe import PresenterInfo
from appliance.render.landmark_track import Landmarks

# Only these of the mesh's 468 points are used by Lectern's own generator, by the atlas of mouths
# and by the smoothing; storing them takes a third of the space.
CACHED_POINTS = np.array(sorted({*RIGID_POINTS, *MOUTH_POINTS, *FACE_POINTS}))

_BLOCK = 1 << 20
_NO_ATLAS_BYTES = 4096  # the note that there is no atlas is smaller, every atlas is larger
_MB = 1 << 20
_CHECKSUM_BYTES = hashlib.sha256().digest_size
_READ_ERRORS = (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile,
                AttributeError, ImportError, TypeError, pickle.UnpicklingError)  # fmt: skip


class CachedPresenter(NamedTuple):
    """A cached presenter analysis."""

    info: PresenterInfo
    person: Person
    profile: Profile


class PresenterCache:
    """The entries below ``folder``, limited to about ``limit_mb`` together.

    The least recently used ones are removed first. ``model`` identifies the lip model, for which
    profiles are made; ``now`` returns the seconds since 1970.
    """

    def __init__(
        self,
        folder: Path,
        limit_mb: float,
        model: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._model = model
        self._limit = limit_mb * _MB
        self._now = now

    def key(self, path: Path, face_number: int, max_fps: int, short_side: int) -> str | None:
        """Return a key for person ``face_number`` of a file's content, at this frame rate and size.

        Returns ``None`` if the cache is disabled or the file cannot be read.
        """
        if self._limit <= 0:
            return None
        digest = hashlib.sha256()  # accelerated by instructions of Orin and recent processors
        try:
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
        except OSError:
            return None
        models = sorted(model.sha256 for model in FACE_MODELS.values())
        digest.update(
            json.dumps(
                [_code_digest(), models, self._model, face_number, max_fps, short_side]
            ).encode()
        )
        return digest.hexdigest()[:32]

    def load_analysis(self, key: str, path: Path) -> CachedPresenter | None:
        """Return the analysis for the file ``path``; ``None`` if it is missing or damaged."""
        cached = PresenterEntry(self._folder / key).load_analysis()
        return cached and cached._replace(info=replace(cached.info, path=path))

    def entry(self, key: str) -> PresenterEntry | None:
        """Return the entry for ``key``, created if needed and marked as used.

        Returns ``None`` if nothing can be stored.
        """
        entry = PresenterEntry(self._folder / key)
        try:
            (entry.folder / "track").mkdir(parents=True, exist_ok=True)
            os.utime(entry.folder, (self._now(), self._now()))
        except OSError:
            return None
        self._evict(entry.folder)
        return entry

    def _evict(self, current: Path) -> None:
        """Remove the least recently used entries beyond the limit, but never ``current``."""
        with contextlib.suppress(OSError):
            entries = [path for path in self._folder.iterdir() if path.is_dir()]
            entries.sort(key=self._last_used, reverse=True)
            total = 0
            for path in entries:
                total += sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
                if total > self._limit and path != current:
                    shutil.rmtree(path, ignore_errors=True)

    def _last_used(self, entry: Path) -> float:
        used_at = entry.stat().st_mtime
        # A time in the future was written while the clock was wrong; it must not last for years.
        return used_at if used_at <= self._now() else 0.0


class PresenterEntry:
    """The cache folder of one presenter, a ``SegmentStore`` of :mod:`.landmark_track`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load_analysis(self) -> CachedPresenter | None:
        """Return the cached analysis; ``None`` if it is missing, damaged or of another layout."""
        try:
            packed = (self.folder / "info.pickle").read_bytes()
            if hashlib.sha256(packed[_CHECKSUM_BYTES:]).digest() != packed[:_CHECKSUM_BYTES]:
                return None
            with (self.folder / "person.npz").open("rb") as file, np.load(file) as data:
                rows = data["positions"].tolist()
            with (self.folder / "profile.npz").open("rb") as file:
                profile = Profile.load(file)
            info = pickle.loads(packed[_CHECKSUM_BYTES:])
            names = {field.name for field in fields(PresenterInfo)}
            if not isinstance(info, PresenterInfo) or vars(info).keys() != names:
                return None  # written by another version
            return CachedPresenter(info, Person.from_rows(rows), profile)
        except _READ_ERRORS:
            return None

    def store_analysis(self, analysis: CachedPresenter) -> None:
        """Store the analysis. Errors are ignored: this is only a cache."""
        with contextlib.suppress(OSError):
            new = self.folder / "new.npz"
            analysis.profile.save(new)
            os.replace(new, self.folder / "profile.npz")
            path = self.folder / "person.npz"
            with temp_path(path).open("wb") as file:
                np.savez(file, positions=np.array(analysis.person.to_rows(), np.float64))
            os.replace(temp_path(path), path)
            path, packed = self.folder / "info.pickle", pickle.dumps(analysis.info)
            temp_path(path).write_bytes(hashlib.sha256(packed).digest() + packed)
            os.replace(temp_path(path), path)

    def load_enrolment(self, key: str) -> Enrolment | None:
        """Return what :meth:`store_enrolment` stored; ``None`` if it is missing or damaged.

        ``key`` identifies everything that it depends on, besides the presenter.
        """
        try:
            return Enrolment.load(self.folder / f"learned-{key}.npz")
        except _READ_ERRORS:
            return None

    def store_enrolment(self, key: str, enrolment: Enrolment) -> None:
        """Store what was learned, in place of earlier results. Errors are ignored."""
        path = self.folder / f"learned-{key}.npz"
        with contextlib.suppress(OSError):
            for old in self.folder.glob("learned-*.npz"):
                old.unlink()
            enrolment.save(temp_path(path))
            os.replace(temp_path(path), path)

    def load_atlas(self) -> tuple[bool, Atlas | None]:
        """Return whether the result of learning is stored, and the atlas.

        The atlas is ``None`` if there are too few mouths, or if nothing is stored.
        """
        try:
            path = self.folder / "atlas.npz"
            with path.open("rb") as file:
                if path.stat().st_size < _NO_ATLAS_BYTES:
                    with np.load(file) as data:
                        return bool(data["too_few"]), None
                return True, Atlas.load(file)
        except _READ_ERRORS:
            return False, None

    def store_atlas(self, atlas: Atlas | None) -> None:
        """Store the result of learning. Errors are ignored: this is only a cache."""
        path = self.folder / "atlas.npz"
        with contextlib.suppress(OSError):
            with temp_path(path).open("wb") as file:
                if atlas is None:
                    np.savez(file, too_few=True)
                else:
                    atlas.save(file)
            os.replace(temp_path(path), path)

    def load(self, segment: int) -> Landmarks | None:
        """Return the landmarks of ``segment``; ``None`` if they are missing or damaged."""
        try:
            with self._segment_path(segment).open("rb") as file, np.load(file) as data:
                seen, points, confidence = data["seen"], data["points"], data["confidence"]
        except _READ_ERRORS:
            return None
        landmarks: Landmarks = []
        rows = iter(range(len(points)))
        for has_face in seen:
            if not has_face:
                landmarks.append(None)
                continue
            row = next(rows)
            all_points = np.full((POINTS, 3), np.nan, np.float32)
            all_points[CACHED_POINTS] = points[row]
            landmarks.append(FaceLandmarks(all_points, float(confidence[row])))
        return landmarks

    def save(self, segment: int, landmarks: Landmarks) -> None:
        """Store the landmarks of ``segment``. Errors are ignored: this is only a cache."""
        faces = [face for face in landmarks if face is not None]
        points = [face.points[CACHED_POINTS] for face in faces]
        path = self._segment_path(segment)
        with contextlib.suppress(OSError):
            with temp_path(path).open("wb") as file:
                np.savez(
                    file,
                    seen=np.array([face is not None for face in landmarks]),
                    points=np.array(points, np.float32).reshape(-1, len(CACHED_POINTS), 3),
                    confidence=np.array([face.confidence for face in faces], np.float64),
                )
            os.replace(temp_path(path), path)

    def _segment_path(self, segment: int) -> Path:
        return self.folder / "track" / f"{segment:06d}.npz"


def _code_digest() -> str:
    """Return a digest of the code that decodes files, analyses faces and runs networks.

    Results of other versions of that code are not reused.
    """
    digest = hashlib.blake2b(av.__version__.encode(), digest_size=16)
    paths = [Path(appliance.files.atomic.__file__)]
    for package in (
        appliance.media,
        appliance.face,
        appliance.lips,
        appliance.inference,
        appliance.atlas,
    ):
        paths += sorted(Path(package.__path__[0]).glob("*.py"))
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()
