"""One hostile address does not keep others from the panel: short runs of ``tests/load``."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.load.measure import LIMIT_S, Measurement, percentile
from tests.load.network import can_create_namespaces

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_create_namespaces(), reason="needs root and network namespaces"),
]

PRIORITY_PATHS = ("/healthz", "/", "/login")


@pytest.mark.parametrize(
    ("attacks", "tls"),
    [
        ({"silent": 320}, False),
        ({"trickle": 320}, True),
        ({"slow_reader": 76}, False),
        ({"stream": 76}, False),
        ({"silent": 100, "trickle": 100, "slow_reader": 100, "stream": 100}, True),
    ],
    ids=["silent", "trickle", "slow readers", "streams", "all with TLS"],
)
def test_others_are_served(tmp_path: Path, attacks: dict[str, int], tls: bool) -> None:
    with Measurement(tmp_path, tls=tls) as measurement:
        for kind, count in attacks.items():
            measurement.attack(kind, count)
        time.sleep(2)  # until they have connected
        times = measurement.visit(4, PRIORITY_PATHS)
        seen = measurement.stop_attacks()
    assert len(seen) == len(attacks)
    assert all(found["opened"] > 0 for found in seen)
    for path, found in times.items():
        assert percentile(found, 0.99) <= LIMIT_S, path


def test_viewer_cannot_take_all_streams_and_downloads(tmp_path: Path) -> None:
    with Measurement(tmp_path, tls=False) as measurement:
        measurement.attack("stream", 30)  # together fewer than an address may have connections
        measurement.attack("slow_reader", 40)
        time.sleep(5)
        seen = {found["kind"]: found for found in measurement.stop_attacks()}
    assert 0 < seen["stream"]["200"] <= 8 < seen["stream"]["503"]
    assert 0 < seen["slow_reader"]["200"] <= 16 < seen["slow_reader"]["503"]
