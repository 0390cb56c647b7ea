"""The server's limits for the settings of a device.

An open home page occupies a thread for its event stream, and an upload occupies one while it
arrives. Ten threads remain for everything else, of which four are kept for sign-in, health and the
queue. Ten are enough, because no such request waits for its client, and because Python runs one
thread at a time: with more, all would only be slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.config import Config
from web.addresses import PROXIES
from web.server.request_queue import ThreadLimits
from web.services.client_limits import PAGE_THREADS, two_thirds, upload_threads


@dataclass(frozen=True)
class ServerLimits:
    """Connections, in total and of one address, and threads. ``proxies`` are not limited."""

    threads: int
    connections: int
    connections_per_address: int
    in_threads: ThreadLimits
    proxies: Sequence[str] = PROXIES

    @classmethod
    def from_config(cls, config: Config) -> ServerLimits:
        """Return the limits for the settings."""
        threads = config.panel.threads
        connections = 4 * threads
        uploads = upload_threads(config)
        pages = min(PAGE_THREADS, threads - uploads)
        return cls(
            threads,
            connections,
            connections // 4,
            ThreadLimits(
                pages=pages,
                ordinary=max(1, pages * 3 // 5),
                uploads=uploads,
                per_client=max(1, pages * 2 // 5),
                uploads_per_client=two_thirds(uploads),
            ),
        )
