"""The presenter's own mouths in a whole render, measured on the files that it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from appliance.render.presenter_cache import PresenterEntry
from appliance.render.progress import Progress
from appliance.render.render import render, render_in
from tests.render.conftest import frames_of, settings
from tests.talking_face import babble, talking, write_video

FRAMES = 110
AUTO = {"mouth": "auto"}


@pytest.fixture(scope="module")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A presenter who talks long enough to learn mouths from."""
    images = talking(babble(FRAMES, seed=5))
    return write_video(tmp_path_factory.mktemp("speaker") / "speaker.mp4", images)


def _render(
    folder: Path, presenter: Path, lecture: Path, name: str = "out", **sections: Any
) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
    sections.setdefault("personalization", AUTO)
    out = folder / f"{name}.mp4"
    report = render(presenter, lecture, out, settings(root=folder, **sections))
    return frames_of(out), report["personalization"]["atlas"]


@pytest.fixture(scope="module")
def personal(
    speaker: Path, lecture: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
    return _render(tmp_path_factory.mktemp("personal"), speaker, lecture)


@pytest.fixture(scope="module")
def by_network(
    speaker: Path, lecture: Path, tmp_path_factory: pytest.TempPathFactory
) -> npt.NDArray[np.uint8]:
    folder = tmp_path_factory.mktemp("network")
    frames, atlas = _render(folder, speaker, lecture, personalization={"mouth": "off"})
    assert atlas == {}
    return frames


def test_report_says_what_was_learned_and_used(
    personal: tuple[npt.NDArray[np.uint8], dict[str, Any]],
) -> None:
    _, atlas = personal
    assert atlas["decision"] == "own"
    assert 50 <= atlas["frames"] <= FRAMES
    assert 5 < atlas["used"] <= atlas["frames"]
    assert atlas["network_frames"] == 0
    assert 0 < atlas["held_max_s"] <= 0.2


def test_only_the_mouth_differs_from_the_networks_result(
    personal: tuple[npt.NDArray[np.uint8], dict[str, Any]],
    by_network: npt.NDArray[np.uint8],
) -> None:
    frames, _ = personal
    different = (frames != by_network)[:, :256]
    assert different[:, 110:190, 80:165].mean() > 0.2
    assert not different[:, :60].any()


def test_chunks_do_not_change_the_result(
    speaker: Path,
    lecture: Path,
    tmp_path: Path,
    personal: tuple[npt.NDArray[np.uint8], dict[str, Any]],
) -> None:
    frames, atlas = _render(tmp_path, speaker, lecture, render={"chunk_s": 1.0, "batch_size": 3})
    assert np.array_equal(frames, personal[0])
    assert atlas == personal[1]


def test_switched_off_is_the_network_even_if_an_atlas_is_cached(
    speaker: Path, lecture: Path, tmp_path: Path, by_network: npt.NDArray[np.uint8]
) -> None:
    cache = {"max_presenters_mb": 100}
    _render(tmp_path, speaker, lecture, cache=cache)
    off = {"mouth": "off"}
    frames, _ = _render(tmp_path, speaker, lecture, "off", cache=cache, personalization=off)
    assert np.array_equal(frames, by_network)


def test_photos_and_short_clips_are_left_to_the_network(
    photo: Path, presenter: Path, lecture: Path, tmp_path: Path
) -> None:
    for source in (photo, presenter):
        frames, atlas = _render(tmp_path, source, lecture, "auto")
        off, _ = _render(tmp_path, source, lecture, "off", personalization={"mouth": "off"})
        assert atlas == {}
        assert np.array_equal(frames, off)


def test_a_cached_atlas_gives_the_same_result_without_learning(
    speaker: Path,
    lecture: Path,
    tmp_path: Path,
    personal: tuple[npt.NDArray[np.uint8], dict[str, Any]],
) -> None:
    cache = {"max_presenters_mb": 100}
    config = settings(root=tmp_path, cache=cache, personalization=AUTO)
    stages: list[list[Progress]] = [[], []]
    for number in (0, 1):
        out = tmp_path / f"{number}.mp4"
        render(speaker, lecture, out, config, on_progress=stages[number].append)
        assert np.array_equal(frames_of(out), personal[0])
    learning = [
        [p for p in seen if p.stage == "presenter" and p.total == FRAMES] for seen in stages
    ]
    assert len(learning[0]) == FRAMES
    assert learning[1] == []
    entry = next((tmp_path / "cache" / "presenters").iterdir())
    (entry / "atlas.npz").write_bytes((entry / "atlas.npz").read_bytes()[:-1000])
    assert PresenterEntry(entry).load_atlas() == (False, None)


def test_too_few_mouths_are_remembered(tmp_path: Path) -> None:
    entry = PresenterEntry(tmp_path)
    assert entry.load_atlas() == (False, None)
    entry.store_atlas(None)
    assert entry.load_atlas() == (True, None)


def test_an_interrupted_render_continues_with_the_same_mouths(
    speaker: Path,
    lecture: Path,
    tmp_path: Path,
    personal: tuple[npt.NDArray[np.uint8], dict[str, Any]],
) -> None:
    class Stop(Exception):
        pass

    def stop() -> None:
        raise Stop

    work = tmp_path / "work"
    work.mkdir()
    out = tmp_path / "out.mp4"
    config = settings(root=tmp_path, render={"chunk_s": 1.0}, personalization=AUTO)
    with pytest.raises(Stop):
        render_in(work, speaker, lecture, out, config, after_chunk=stop)
    report = render_in(work, speaker, lecture, out, config)
    assert report["reused_chunks"] == 1
    assert np.array_equal(frames_of(out), personal[0])
    assert json.dumps(report["personalization"]["atlas"]) == json.dumps(personal[1])


def test_too_little_memory_for_an_atlas_leaves_the_network(
    speaker: Path, lecture: Path, tmp_path: Path, by_network: npt.NDArray[np.uint8]
) -> None:
    # enough for the network (about 190 MB), not for 110 MB more
    frames, atlas = _render(tmp_path, speaker, lecture, render={"memory_limit_mb": 260})
    assert atlas == {}
    assert np.array_equal(frames, by_network)
