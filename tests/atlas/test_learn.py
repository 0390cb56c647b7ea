from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from appliance.atlas.atlas import MIN_MOUTHS, Atlas
from appliance.lips.geometry import inner_gaps
from appliance.lips.profile import Profile
from appliance.media.picture import Picture
from tests.atlas.conftest import Clip, learn, track
from tests.talking_face import as_picture, babble, talking


def test_most_frames_of_a_talking_face_become_mouths(clip: Clip, atlas: Atlas) -> None:
    assert len(atlas) > 0.6 * len(clip.pictures)
    assert atlas.track.belongs.mean() > 0.95
    gaps = np.linalg.norm(inner_gaps(atlas.shapes.astype(np.float64)), axis=-1).mean(axis=-1)
    assert np.corrcoef(gaps, clip.openings[atlas.frames])[0, 1] > 0.8


def test_cut_outs_are_the_pixels_of_the_frames(clip: Clip, atlas: Atlas) -> None:
    for mouth in (0, len(atlas) - 1):
        cut = atlas.cut_out(mouth)
        left, top = np.rint(
            clip_matrix(clip, int(atlas.frames[mouth]))[:, 2] - cut.matrix[:, 2]
        ).astype(int)
        picture = clip.pictures[atlas.frames[mouth]]
        height, width = cut.y.shape
        assert np.array_equal(cut.y, picture.y[top : top + height, left : left + width])
        half = np.s_[top // 2 : (top + height) // 2, left // 2 : (left + width) // 2]
        assert np.array_equal(cut.u, picture.u[half])
        assert np.array_equal(cut.v, picture.v[half])


def clip_matrix(clip: Clip, index: int) -> np.ndarray:
    from appliance.lips.profile import fraction_matrix

    return fraction_matrix(clip.face(index).pose)


def test_saved_atlas_is_restored_exactly(atlas: Atlas, tmp_path: Path) -> None:
    atlas.save(tmp_path / "atlas.npz")
    restored = Atlas.load(tmp_path / "atlas.npz")
    for name, values in vars(restored.track).items():
        assert np.array_equal(values, getattr(atlas.track, name)), name
    assert np.array_equal(restored.pixels, atlas.pixels)
    assert np.array_equal(restored.shapes, atlas.shapes)
    assert restored.pixels.dtype == np.uint8


def test_too_few_mouths_make_no_atlas(clip: Clip, profile: Profile) -> None:
    short = Clip(clip.pictures[: MIN_MOUTHS - 1], clip.faces[: MIN_MOUTHS - 1], clip.openings)
    assert learn(short, profile) is None
    empty = Clip(clip.pictures, [None] * len(clip.pictures), clip.openings)
    assert learn(empty, profile) is None


def test_limits_keep_runs_spread_over_the_video(clip: Clip, profile: Profile) -> None:
    longer = Clip(clip.pictures * 3, clip.faces * 3, clip.openings)
    atlas = learn(longer, profile, limit=190)
    assert atlas is not None
    assert MIN_MOUTHS <= len(atlas) <= 190
    assert atlas.frames.max() > 0.8 * len(longer.pictures)
    assert np.mean(atlas.successors >= 0) > 0.6  # runs, not single frames
    size = atlas.pixels.nbytes // len(atlas)
    small = learn(longer, profile, limit_bytes=150 * size)
    assert small is not None
    assert small.pixels.nbytes <= 150 * size


def _darker(picture: Picture, factor: float) -> Picture:
    copy = picture.writable()
    copy.y[:] = np.rint((copy.y - 16.0) * factor + 16)
    return copy


def test_another_light_is_another_look(clip: Clip, profile: Profile) -> None:
    pictures = clip.pictures[:90] + [_darker(p, 0.5) for p in clip.pictures[90:]]
    atlas = learn(replace(clip, pictures=pictures), profile)
    assert atlas is not None
    assert atlas.track.belongs[:90].all() and not atlas.track.belongs[90:].any()
    assert atlas.frames.max() < 90


def _another_face(image: np.ndarray) -> np.ndarray:
    """Return a face with other proportions: mirrored, the eyes lower, the nose shorter."""
    mirrored = image[:, ::-1].astype(np.uint8)
    y, x = np.mgrid[:256, :256].astype(np.float32)
    lower = y - 10 * np.exp(-(((y - 90) / 28) ** 2))
    return cv2.remap(mirrored, x, lower, cv2.INTER_LINEAR)


@pytest.mark.parametrize("first", [90, 30])
def test_mouths_of_another_person_are_never_used(clip: Clip, profile: Profile, first: int) -> None:
    """After a cut another face speaks, in the same place; the longer part is learned."""
    rest = len(clip.pictures) - first
    images = [_another_face(image) for image in talking(babble(rest, seed=9))]
    pictures = clip.pictures[:first] + [as_picture(image, 0) for image in images]
    pictures = [picture.with_index(index) for index, picture in enumerate(pictures)]
    atlas = learn(Clip(pictures, track(pictures), clip.openings), profile)
    assert atlas is not None
    belongs = atlas.track.belongs
    before, after = belongs[: first - 3].any(), belongs[first + 3 :].any()
    assert before != after
    assert before == (first == 90)
    assert belongs[atlas.frames].all()
