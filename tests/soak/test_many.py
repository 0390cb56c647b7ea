"""Many jobs in a row. ``LECTERN_JOBS=300`` for the big run."""

from __future__ import annotations

import pytest

from appliance.jobs.models import NewJob
from appliance.jobs.states import JobState
from tests.soak.device import Device, Footprint, count, wait_for

pytestmark = pytest.mark.slow

JOBS = count("LECTERN_JOBS", 4)
WARM = max(JOBS // 10, 2)
"""Number of jobs before the first measurement: what is loaded once is not a leak."""


def test_daemon_memory_grows_by_less_than_5_percent(device: Device) -> None:
    lecture = device.write_lecture("talk.wav", 1.0)
    with device.store() as store:
        for number in range(JOBS):
            store.add(NewJob(f"lesson {number}", device.root / "wang.png", lecture))
        daemon = device.start()

        def done(number: int) -> bool:
            assert daemon.poll() is None
            return len(store.jobs([JobState.DONE])) >= number

        wait_for(lambda: done(WARM), 120 * WARM, pause_s=0.2)
        warm = Footprint.of(daemon.pid)
        wait_for(lambda: done(JOBS), 120 * JOBS, pause_s=0.2)
        final = Footprint.of(daemon.pid)
        device.wait_until_all_ended(daemon, 60)
        device.stop(daemon)
    print(f"after {WARM} jobs {warm}, after {JOBS} {final}")
    assert final.rss_mb < 1.05 * warm.rss_mb
    assert final.descriptors <= warm.descriptors + 2  # a job may just be running
