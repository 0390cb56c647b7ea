"""The ping-pong order of presenter frames, compared with its definition."""

from __future__ import annotations

from itertools import chain, cycle, islice, pairwise

import pytest

from appliance.media.pingpong import frame_runs, pingpong


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 25])
def test_pingpong_does_not_repeat_the_ends(n: int) -> None:
    spelt = cycle([*range(n), *range(n - 2, 0, -1)])
    assert [pingpong(t, n) for t in range(4 * n + 9)] == list(islice(spelt, 4 * n + 9))


def test_pingpong_never_jumps_in_two_hours() -> None:
    shown = [pingpong(t, 1234) for t in range(180_000)]
    assert {abs(b - a) for a, b in pairwise(shown)} == {1}


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_runs_cover_every_range_in_order(n: int) -> None:
    for a in range(3 * n + 3):
        for b in range(a, a + 3 * n + 3):
            covered = list(chain.from_iterable(run.frames for run in frame_runs(a, b, n)))
            assert covered == [pingpong(t, n) for t in range(a, b)]


def test_runs_are_as_long_as_possible() -> None:
    assert frame_runs(0, 20, 10) == [(0, 10, 1), (8, 0, -1), (0, 2, 1)]
    assert frame_runs(13, 18, 10) == [(5, 0, -1)]


@pytest.mark.parametrize(("t", "n"), [(-1, 5), (0, 0), (3, -2)])
def test_pingpong_refuses_invalid_arguments(t: int, n: int) -> None:
    with pytest.raises(ValueError):
        pingpong(t, n)


@pytest.mark.parametrize(("a", "b", "n"), [(-1, 2, 5), (3, 2, 5), (0, 1, 0)])
def test_runs_refuse_invalid_arguments(a: int, b: int, n: int) -> None:
    with pytest.raises(ValueError):
        frame_runs(a, b, n)
