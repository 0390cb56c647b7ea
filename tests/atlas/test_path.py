from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from appliance.atlas.atlas import Atlas
from appliance.atlas.mixing import NETWORK, MouthMix, blend_jumps, longest_hold
from appliance.atlas.path import PathFinder, WantedMouths, find_path, is_jump


def _want(atlas: Atlas, mouths: list[int], speaking: bool = True) -> WantedMouths:
    """Want exactly these mouths."""
    return WantedMouths(
        atlas.shapes[mouths], atlas.frames[mouths].astype(int), np.full(len(mouths), speaking)
    )


def test_the_video_itself_is_followed_without_a_jump(atlas: Atlas) -> None:
    wanted = list(range(len(atlas)))
    path = find_path(atlas, [_want(atlas, wanted)], 4)
    assert np.mean(path == wanted) > 0.9
    assert is_jump(atlas, path).mean() < 0.1


@pytest.mark.parametrize("max_held", [1, 4])
def test_no_mouth_is_held_for_long_while_there_is_speech(atlas: Atlas, max_held: int) -> None:
    wanted_mouths = _want(atlas, [10] * 50)
    path = find_path(atlas, [wanted_mouths], max_held)
    mix = blend_jumps(atlas, path)
    assert 1 < longest_hold(mix, wanted_mouths.speaking) <= max_held + 1
    silent = find_path(atlas, [_want(atlas, [10] * 50, speaking=False)], max_held)
    assert (
        longest_hold(MouthMix(silent, mix.second, mix.weight), wanted_mouths.speaking)
        > max_held + 1
    )


def test_mouths_in_the_frames_own_pose_and_light_are_preferred(atlas: Atlas) -> None:
    finder = PathFinder(atlas, 4)
    wanted_mouths = _want(atlas, [5, 40])
    costs = finder._costs(wanted_mouths)
    assert costs.argmin(axis=1).tolist() == [5, 40]
    atlas.track.skin[atlas.frames[5], 0] *= 1.5
    try:
        assert finder._costs(wanted_mouths)[1, 5] > costs[1, 5] + 1
    finally:
        atlas.track.skin[atlas.frames[5], 0] /= 1.5


def test_jumps_are_blended_over_two_frames(atlas: Atlas) -> None:
    steady = np.flatnonzero(np.convolve(np.diff(atlas.frames) == 1, np.ones(5), "valid") == 5)
    old, new = int(steady[0]), int(steady[-1]) + 1  # with one before and four after it
    path = np.array([*range(old, old + 4), *range(new, new + 4)], np.int32)
    mix = blend_jumps(atlas, path)
    assert np.flatnonzero(mix.weight).tolist() == [3, 4]
    assert [mouth for mouth, _ in mix.at(3)] == [old + 3, new - 1]
    assert [mouth for mouth, _ in mix.at(4)] == [new, old + 4]
    assert [weight for _, weight in mix.at(4)] == pytest.approx([2 / 3, 1 / 3])
    assert mix.at(0) == [(old, 1.0)]
    mix.first[2] = NETWORK
    assert mix.at(2) == []


def test_runs_are_longer_than_when_every_frame_takes_the_nearest(atlas: Atlas) -> None:
    rng = np.random.default_rng(1)
    wanted = rng.integers(0, len(atlas), 60).tolist()
    path = find_path(atlas, [_want(atlas, wanted)], 4)
    nearest = sum(abs(b - a) > 2 for a, b in pairwise(wanted))
    assert is_jump(atlas, path).sum() < 0.8 * nearest


def test_a_mouth_with_pale_lips_for_its_shape_is_avoided(atlas: Atlas) -> None:
    wanted_mouths = _want(atlas, [5, 40])
    costs = PathFinder(atlas, 4)._costs(wanted_mouths)
    redness = atlas.upper_red[5]
    atlas.upper_red[5] -= 0.03
    try:
        paler = PathFinder(atlas, 4)._costs(wanted_mouths)
    finally:
        atlas.upper_red[5] = redness
    assert (paler[:, 5] > costs[:, 5] + 1).all()
    others = np.delete(np.arange(len(atlas)), 5)
    assert np.abs(paler[:, others] - costs[:, others]).max() < 1
