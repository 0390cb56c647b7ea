"""gunicorn's threaded worker, patient up to a point.

Who opens a request and does not finish its head is let go, so that a handful of slow senders
cannot hold every thread. Bodies are limited elsewhere: forms are small, and uploads watch their
own pace.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

HEAD_S = 6.0
"""So long the first line and the headers of a request may take."""


class PatientWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Notes when each connection began to send a request, and looks once a second."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heads: dict[TConn, float] = {}

    def handle(self, conn: TConn) -> Any:
        """One request, in a thread."""
        self._heads[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            self._heads.pop(conn, None)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Its head is here."""
        self._heads.pop(conn, None)
        return super().handle_request(req, conn)

    def notify(self) -> None:
        """Called by the main loop, once a second at least."""
        super().notify()
        late = time.monotonic() - HEAD_S
        for conn, since in list(self._heads.items()):
            if since < late:
                # Its thread then reads the end of the connection and closes it.
                with contextlib.suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR)
