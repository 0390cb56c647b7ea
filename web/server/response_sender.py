"""Send the rest of responses that a client does not take at once, all of them in one thread.

A client that reads slowly so costs memory for a part of its response, and no thread. Files are read
here: not in the worker's loop, which a slow disk would stop.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from web.server.connection import ConnectionState
from web.server.event_loop import EVENT_WRITE, EventLoop
from web.server.response_output import Progress, Reply

log = logging.getLogger("lectern.panel")

STALL_TIMEOUT_S = 60.0
"""A client must take some bytes of its response every so many seconds."""

_TICK_S = 1.0


class ResponseSender:
    """Sends replies in a thread of its own.

    ``produce`` is called with a reply that needs more blocks; when they are there, the reply is
    given to :meth:`add` again. ``finished`` is called with a reply that has been sent or given up,
    and whether it was sent completely. ``now`` returns monotonic seconds.
    """

    def __init__(
        self,
        produce: Callable[[Reply], None],
        finished: Callable[[Reply, bool], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._produce, self._finished, self._now = produce, finished, now
        self._loop = EventLoop()
        self._replies: dict[Reply, float] = {}
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="response-sender", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread. What has not been sent is given up."""
        self._loop.call(self._stop)
        self._thread.join(_TICK_S)

    def add(self, reply: Reply) -> None:
        """Send a reply. Any thread may use this."""
        self._loop.call(self._begin, reply)

    def _stop(self) -> None:
        self._stopping = True

    def _run(self) -> None:
        checked = self._now()
        while not self._stopping:
            self._loop.run_once(_TICK_S)
            if self._now() - checked >= _TICK_S:
                checked = self._now()
                self._give_up_stalled()
        self._loop.close()

    def _begin(self, reply: Reply) -> None:
        reply.connection.state = ConnectionState.SENDING
        reply.connection.since = self._replies[reply] = self._now()
        self._advance(reply)

    def _advance(self, reply: Reply) -> None:
        try:
            progress = reply.advance()
        except OSError as error:
            log.debug("the response to %s was not sent: %s", reply.connection.address, error)
            self._end(reply, False)
            return
        except Exception:  # a fault of one response must not end this thread
            log.exception("the response to %s failed", reply.connection.address)
            self._end(reply, False)
            return
        if progress is Progress.DONE:
            self._end(reply, True)
        elif progress is Progress.NEEDS_DATA:
            self._forget(reply)
            self._produce(reply)
        else:
            events = reply.connection.waits_for if progress is Progress.BLOCKED else EVENT_WRITE
            self._loop.watch(reply.connection.socket, events, partial(self._continue, reply))

    def _continue(self, reply: Reply) -> None:
        self._replies[reply] = self._now()
        self._advance(reply)

    def _give_up_stalled(self) -> None:
        now = self._now()
        for reply in [one for one, at in self._replies.items() if now - at > STALL_TIMEOUT_S]:
            log.debug("the client %s does not read", reply.connection.address)
            self._end(reply, False)

    def _forget(self, reply: Reply) -> None:
        self._loop.unwatch(reply.connection.socket)
        del self._replies[reply]

    def _end(self, reply: Reply, complete: bool) -> None:
        self._forget(reply)
        self._finished(reply, complete)
