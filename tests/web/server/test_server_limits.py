"""The server's limits for any settings."""

from __future__ import annotations

import pytest

from appliance.config import Config, PanelConfig, UploadsConfig
from web.server.server_limits import ServerLimits
from web.services.client_limits import max_streams


@pytest.mark.parametrize("threads", [8, 9, 16, 24, 72, 256])
@pytest.mark.parametrize("uploads", [1, 2, 6, 20, 64])
def test_threads_suffice_for_all_kinds_of_requests(threads: int, uploads: int) -> None:
    config = Config(
        panel=PanelConfig(threads=threads), uploads=UploadsConfig(max_concurrent=uploads)
    )
    limits = ServerLimits.from_config(config)
    found = limits.in_threads
    assert found.pages + found.uploads + max_streams(config) <= threads
    assert 1 <= found.per_client <= found.ordinary < found.pages
    assert 1 <= found.uploads_per_client <= found.uploads
    assert limits.connections_per_address < limits.connections


def test_defaults() -> None:
    config = Config()
    limits = ServerLimits.from_config(config)
    assert (limits.connections, limits.connections_per_address) == (288, 72)
    assert (limits.in_threads.pages, limits.in_threads.ordinary) == (10, 6)
    assert (limits.in_threads.uploads, max_streams(config)) == (6, 56)
