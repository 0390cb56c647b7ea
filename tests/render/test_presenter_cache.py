from __future__ import annotations

import hashlib
import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from appliance.face.mesh import POINTS
from appliance.face.person import Person
from appliance.face.pose import RIGID_POINTS
from appliance.face.track import SEGMENT_FRAMES, FaceLandmarks
from appliance.lips.composite import ReferencePatch
from appliance.lips.geometry import MOUTH_POINTS
from appliance.lips.profile import Profile
from appliance.media.probe import PresenterInfo, probe_presenter
from appliance.render import presenter_cache
from appliance.render.presenter_cache import CachedPresenter, PresenterCache, PresenterEntry
from tests.talking_face import babble, talking, write_video


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("cached") / "a.mp4", talking(babble(6)))


@pytest.fixture
def info(clip: Path) -> PresenterInfo:
    return probe_presenter(clip)


def make_landmarks(seed: int) -> list[FaceLandmarks | None]:
    rng = np.random.default_rng(seed)
    found: list[FaceLandmarks | None] = [
        FaceLandmarks(rng.random((POINTS, 3), np.float32) * 500, float(rng.random()))
        for _ in range(SEGMENT_FRAMES)
    ]
    found[7] = None
    return found


def profile() -> Profile:
    rng = np.random.default_rng(0)
    plane = rng.integers(0, 255, (20, 30), np.uint8)
    reference = ReferencePatch(
        plane,
        plane[:10, :15],
        plane[10:, :15],
        rng.random((2, 3)),
        rng.random((57, 2)).astype("f4"),
    )
    return Profile(rng.random((57, 3)), 1.3, reference)


def key(cache: PresenterCache, path: Path, number: int = 0, short_side: int = 0) -> str:
    found = cache.key(path, number, 60, short_side)
    assert found is not None
    return found


def entry(cache: PresenterCache, info: PresenterInfo, number: int = 0) -> PresenterEntry:
    found = cache.entry(key(cache, info.path, number))
    assert found is not None
    return found


def test_landmarks_are_restored_exactly(info: PresenterInfo, tmp_path: Path) -> None:
    stored = entry(PresenterCache(tmp_path, 10), info)
    assert stored.load(3) is None
    stored.save(3, make_landmarks(1))
    back = entry(PresenterCache(tmp_path, 10), info).load(3)
    assert back is not None and len(back) == SEGMENT_FRAMES
    for before, after in zip(make_landmarks(1), back, strict=True):
        if before is None:
            assert after is None
            continue
        assert after is not None
        used = [*RIGID_POINTS, *MOUTH_POINTS]
        np.testing.assert_array_equal(before.points[used], after.points[used])
        assert before.confidence == after.confidence
        assert before.eye_distance == after.eye_distance


def test_analysis_is_restored_exactly(info: PresenterInfo, tmp_path: Path) -> None:
    stored = entry(PresenterCache(tmp_path, 10), info)
    assert stored.load_analysis() is None
    beside = ((0.0, 90.0, 20.0, 25.0),), ((0.0, 150.0, 30.0, 20.0), (50.0, 151.0, 30.5, 20.0))
    person = Person(((0.0, 10.5, 20.25, 30.0), (50.0, 11.0, 20.0, 31.0)), beside)
    stored.store_analysis(CachedPresenter(info, person, profile()))
    cache = PresenterCache(tmp_path, 10)
    found = cache.load_analysis(key(cache, info.path), tmp_path / "moved.mp4")
    assert found is not None
    assert found.info == replace(info, path=tmp_path / "moved.mp4")
    assert found.person == person
    np.testing.assert_array_equal(found.profile.rest, profile().rest)
    np.testing.assert_array_equal(found.profile.reference.y, profile().reference.y)
    assert found.profile.amplitude == profile().amplitude


def test_damaged_files_are_treated_as_absent(info: PresenterInfo, tmp_path: Path) -> None:
    stored = entry(PresenterCache(tmp_path, 10), info)
    stored.save(0, make_landmarks(2))
    stored.store_analysis(CachedPresenter(info, Person(((0.0, 1.0, 2.0, 3.0),)), profile()))
    files = [path for path in stored.folder.rglob("*") if path.is_file()]
    assert len(files) == 4
    for path in files:
        whole = path.read_bytes()
        for bad in (b"", whole[: len(whole) // 2], b"\0" * len(whole), _flipped(whole)):
            path.write_bytes(bad)
            assert stored.load(0) is None or stored.load_analysis() is None
        path.write_bytes(whole)
    assert stored.load(0) is not None and stored.load_analysis() is not None


class OtherInfo:
    """Stands for a class that another version of Lectern has stored."""


@pytest.mark.parametrize("kind", ["other class", "older class", "missing class", "older person"])
def test_entries_of_another_layout_are_treated_as_absent(
    info: PresenterInfo, tmp_path: Path, kind: str
) -> None:
    stored = entry(PresenterCache(tmp_path, 10), info)
    stored.store_analysis(CachedPresenter(info, Person(((0.0, 1.0, 2.0, 3.0),)), profile()))
    assert stored.load_analysis() is not None
    if kind == "older person":
        np.savez(stored.folder / "person.npz", places=np.zeros((1, 5)))
    else:
        older = replace(info)
        object.__delattr__(older, "seekable")
        packed = pickle.dumps(older if kind == "older class" else OtherInfo())
        if kind == "missing class":
            packed = packed.replace(b"OtherInfo", b"LostClass")
        (stored.folder / "info.pickle").write_bytes(hashlib.sha256(packed).digest() + packed)
    assert stored.load_analysis() is None
    cache = PresenterCache(tmp_path, 10)
    assert cache.load_analysis(key(cache, info.path), info.path) is None
    stored.store_analysis(CachedPresenter(info, Person(((0.0, 1.0, 2.0, 3.0),)), profile()))
    assert stored.load_analysis() is not None


def test_other_code_uses_other_entries(
    info: PresenterInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = PresenterCache(tmp_path, 10)
    before = key(cache, info.path)
    monkeypatch.setattr(presenter_cache, "_code_digest", lambda: "older code")
    assert key(cache, info.path) != before


@pytest.mark.parametrize("package", ["media", "face", "lips", "inference"])
def test_key_depends_on_the_code_of_the_analysis(
    info: PresenterInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    cache = PresenterCache(tmp_path, 10)
    before = key(cache, info.path)
    monkeypatch.setattr(f"appliance.{package}.__path__", [str(tmp_path)])
    assert key(cache, info.path) != before


def _flipped(data: bytes) -> bytes:
    """Return ``data`` with one wrong bit in the payload, not in a header."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def test_key_depends_on_content_not_on_name(clip: Path, tmp_path: Path) -> None:
    cache = PresenterCache(tmp_path / "cache", 10)
    first = entry(cache, probe_presenter(clip))
    copy = tmp_path / "renamed.mp4"
    copy.write_bytes(clip.read_bytes())
    assert entry(cache, probe_presenter(copy)).folder == first.folder
    assert entry(cache, probe_presenter(clip), 1).folder != first.folder
    assert key(cache, clip, short_side=90) != key(cache, clip)
    assert key(PresenterCache(tmp_path / "cache", 10, "other"), clip) != key(cache, clip)
    other = write_video(tmp_path / "a.mp4", talking(babble(6, seed=9)))
    assert entry(cache, probe_presenter(other)).folder != first.folder


def test_least_recently_used_entry_is_evicted_first(info: PresenterInfo, tmp_path: Path) -> None:
    time = 1000.0

    def now() -> float:
        return time

    cache = PresenterCache(tmp_path, 0.2, now=now)
    folders = []
    for number in range(4):
        time += 10
        stored = entry(cache, info, number)
        folders.append(stored.folder)
        (stored.folder / "track" / "x.npz").write_bytes(os.urandom(90_000))
    time += 10
    entry(cache, info, 1)  # used again
    assert [folder.exists() for folder in folders] == [False, True, False, True]
    (folders[1] / "track" / "y.npz").write_bytes(os.urandom(300_000))
    entry(cache, info, 1)
    assert [folder.exists() for folder in folders] == [False, True, False, False]


def test_nothing_is_stored_when_disabled_or_unwritable(info: PresenterInfo, tmp_path: Path) -> None:
    assert PresenterCache(tmp_path, 0).key(info.path, 0, 60, 0) is None
    assert PresenterCache(tmp_path, 10).key(tmp_path / "gone.mp4", 0, 60, 0) is None
    (tmp_path / "file").write_text("in the way")
    blocked = PresenterCache(tmp_path / "file", 10)
    assert blocked.load_analysis("key", info.path) is None
    assert blocked.entry("key") is None
    gone = entry(PresenterCache(tmp_path / "cache", 10), info)
    (gone.folder / "track").rmdir()
    gone.folder.rmdir()
    gone.save(0, make_landmarks(0))  # the cache was emptied in the meantime
    gone.store_analysis(CachedPresenter(info, Person(((0.0, 1.0, 2.0, 3.0),)), profile()))
    assert gone.load_analysis() is None
