"""A school year in small: many jobs in a row. ``LECTERN_JOBS=300`` for the big run."""

from __future__ import annotations

import pytest

from appliance.jobs.models import NewJob
from appliance.jobs.states import JobState
from tests.soak.box import Box, Footprint, count, wait_for

pytestmark = pytest.mark.slow

JOBS = count("LECTERN_JOBS", 4)
WARM = max(JOBS // 10, 2)
"""So many jobs first: what is loaded once is no leak."""


def test_the_daemon_grows_by_less_than_a_twentieth(box: Box) -> None:
    lecture = box.say("talk.wav", 1.0)
    with box.store() as store:
        for number in range(JOBS):
            store.add(NewJob(f"lesson {number}", box.root / "wang.png", lecture))
        daemon = box.start()

        def done(number: int) -> bool:
            assert daemon.poll() is None
            return len(store.jobs([JobState.DONE])) >= number

        wait_for(lambda: done(WARM), 120 * WARM, pause_s=0.2)
        warm = Footprint.of(daemon.pid)
        wait_for(lambda: done(JOBS), 120 * JOBS, pause_s=0.2)
        at_last = Footprint.of(daemon.pid)
        box.wait_until_over(daemon, 60)
        box.stop(daemon)
    print(f"after {WARM} jobs {warm}, after {JOBS} {at_last}")
    assert at_last.rss_mb < 1.05 * warm.rss_mb
    assert at_last.descriptors <= warm.descriptors + 2  # one job may just be in hand
