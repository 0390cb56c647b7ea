"""gunicorn's worker for the panel: a thread handles a request, and never waits for its client.

One loop accepts connections, performs TLS handshakes and collects requests; a thread is given to a
request when its head, and its body unless it is an upload, have arrived
(:mod:`web.server.request_queue` says which is next). The thread writes the response to memory. What
the client does not take at once, and every file, is sent by one thread for all clients
(:mod:`web.server.response_sender`). So silent clients, slow ones and those that read slowly cost
memory for one connection each, which is limited by address (:mod:`web.server.connection_limits`).
Only event streams and uploads occupy a thread for long; their number is limited by user and address
(:mod:`web.services.client_limits`).

Why no other server: gunicorn's gthread worker parses requests and sends responses in threads, so
that 76 slow readers occupy all of them. A gevent worker would replace threads and locks of the
whole process (SQLite and disk access would stop all clients meanwhile), and has no limits by
address. nginx or Caddy in front would meet the aim, but would be a further service with settings
and certificates of its own on a device that nobody administers; it can still be used.
``tests/load/hostile_clients`` measures what this worker withstands.

Time limits: the first byte of a request must arrive within gunicorn's ``keepalive``, the TLS
handshake, and then the request, within ``HEAD_TIMEOUT_S`` each. A client that does not start a
handshake is served without encryption, and the panel redirects it to the HTTPS address
(:mod:`web.security.https_redirect`).
"""

from __future__ import annotations

import errno
import gc
import logging
import os
import resource
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from gunicorn.workers.base import Worker

from web.server.connection import Connection, ConnectionState
from web.server.connection_limits import ConnectionLimits
from web.server.event_loop import EVENT_READ, EventLoop
from web.server.refusal_log import RefusalLog
from web.server.request_handler import RequestHandler
from web.server.request_queue import Lane, RequestQueue, Task, lane_of
from web.server.request_reader import HeadTooLarge, IncomingRequest
from web.server.response_output import Progress, Reply
from web.server.response_sender import ResponseSender
from web.server.server_limits import ServerLimits

log = logging.getLogger("lectern.panel")

HEAD_TIMEOUT_S = 6.0
"""Seconds within which a TLS handshake, or a request that has begun, must arrive."""

LINGER_TIMEOUT_S = 1.0
LINGER_BYTES = 1 << 20
"""How long, and for how many bytes, a client may go on sending after its last response."""

STOP_KEEPALIVE_S = 1.0
"""Seconds that a stopping worker leaves to clients that may just be sending a request."""

_MAX_FILES = 4096
"""Open files: a connection needs up to two, and there are at most 1024."""

_TICK_S = 1.0
_ACCEPTED_AT_ONCE, _BLOCK_BYTES = 64, 1 << 16
_CHECKED_BYTES = 1 << 13
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"Connection: close\r\nContent-Length: 0\r\n\r\n"
)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class PanelWorker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """The worker. Its application must have the attribute ``limits`` (:class:`ServerLimits`)."""

    def init_process(self) -> None:
        """Prepare the worker in its process, and run it."""
        gc.freeze()  # a collection would copy the 28 MB shared with gunicorn's main process
        _raise_file_limit()
        limits: ServerLimits = self.app.limits
        self._loop = EventLoop()
        self._pool = ThreadPoolExecutor(limits.threads, "panel")
        self._connections = ConnectionLimits(
            limits.connections, limits.connections_per_address, limits.proxies
        )
        self._queue = RequestQueue(
            limits.in_threads, lambda task: self._pool.submit(self._run_task, task)
        )
        self._sender = ResponseSender(self._produce_later, self._on_sent)
        self._handler = RequestHandler(self)
        self._refusals = RefusalLog()
        super().init_process()

    def handle_exit(self, sig: int, frame: object) -> None:
        """Begin to stop, on SIGTERM."""
        self.alive = False
        self._loop.call(lambda: None)

    def handle_quit(self, sig: int, frame: object) -> None:
        """Begin to stop, on SIGINT and SIGQUIT: the threads must end before the process can."""
        self.handle_exit(sig, frame)

    def run(self) -> None:
        """Serve until the worker is stopped or its parent has ended."""
        self._sender.start()
        for listener in self.sockets:
            listener.setblocking(False)
            self._loop.watch(listener, EVENT_READ, partial(self._accept, listener))
        while self.alive and self.ppid == os.getppid():
            self._turn()
        for listener in self.sockets:
            self._loop.unwatch(listener)
            listener.close()
        self._stop()

    def _turn(self) -> None:
        self.notify()
        self._loop.run_once(_TICK_S)
        self._close_overdue()
        self._refusals.write()

    def _stop(self) -> None:
        """Let the requests that are being handled end, within gunicorn's ``graceful_timeout``."""
        now = time.monotonic()
        until = now + self.cfg.graceful_timeout
        for connection in self._connections:
            if connection.state is ConnectionState.WAITING:
                connection.deadline = min(connection.deadline, now + STOP_KEEPALIVE_S)
        while len(self._connections) and time.monotonic() < until:
            self._turn()
        for connection in self._connections:
            connection.shut_down()
        self._sender.stop()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _accept(self, listener: Any) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                accepted, client = listener.accept()
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    log.error("no further connection can be accepted: %s", error)
                    time.sleep(0.05)  # the listener remains ready
                return
            connection = Connection(accepted, client[:2], listener.getsockname()[:2])
            self._set_state(connection, ConnectionState.WAITING, self.cfg.keepalive)
            surplus = self._connections.add(connection)
            if surplus is not None:
                self._refuse(surplus, "connections too many")
            if surplus is not connection:
                self._watch(connection)

    def _watch(self, connection: Connection) -> None:
        self._loop.watch_connection(connection, partial(self._read, connection))

    def _set_state(
        self, connection: Connection, state: ConnectionState, timeout_s: float = 0.0
    ) -> None:
        connection.state, connection.since = state, time.monotonic()
        connection.deadline = connection.since + timeout_s

    def _read(self, connection: Connection) -> None:
        """Read what has arrived, until a request is complete."""
        try:
            if not self._is_set_up(connection):
                self._watch(connection)
                return
            while (request := connection.reader.next_request()) is None:
                if connection.reader.wants_continue():
                    connection.send(memoryview(_CONTINUE))
                data = connection.receive(_BLOCK_BYTES)
                if data is None:
                    self._watch(connection)
                    return
                if not data:
                    self._close(connection)
                    return
                if connection.state is ConnectionState.WAITING:
                    self._set_state(connection, ConnectionState.READING, HEAD_TIMEOUT_S)
                connection.reader.feed(data)
                if connection.reader.size > _CHECKED_BYTES and (
                    self._connections.exceeds_memory(connection)
                ):
                    self._refuse(connection, "requests too large together")
                    return
        except HeadTooLarge:
            self._answer_too_large(connection)
        except OSError as error:  # e.g. a browser that does not trust the certificate
            log.debug("the connection with %s failed: %s", connection.address, error)
            self._close(connection)
        else:
            self._submit(connection, request)

    def _is_set_up(self, connection: Connection) -> bool:
        """Continue the TLS handshake, if there is one; return whether it is complete."""
        if connection.is_set_up:
            return True
        if connection.state is ConnectionState.WAITING:
            self._set_state(connection, ConnectionState.READING, HEAD_TIMEOUT_S)
        if not connection.set_up(self._tls_context if self.cfg.is_ssl else None):
            return False
        self._set_state(connection, ConnectionState.WAITING, self.cfg.keepalive)
        return True

    def _tls_context(self) -> ssl.SSLContext:
        context: ssl.SSLContext = self.cfg.ssl_context(self.cfg, None)
        return context

    def _submit(self, connection: Connection, request: IncomingRequest) -> None:
        self._loop.unwatch(connection.socket)
        self._set_state(connection, ConnectionState.HANDLING)
        lane = lane_of(request.method, request.path)
        run = partial(self._handle, connection, request)
        self._queue.submit(self._task(connection, run, lane, request.credential))

    def _task(self, connection: Connection, run: Any, lane: Lane, credential: str = "") -> Task:
        many = self._connections.is_unlimited(connection.address)
        return Task(run, lane, "" if many else connection.address, credential)

    def _run_task(self, task: Task) -> None:
        """Run a task, in a thread of the pool."""
        try:
            task.run(task)
        except BaseException:
            log.exception("a request failed")
        finally:
            self._queue.release(task)

    def _handle(self, connection: Connection, request: IncomingRequest, task: Task) -> None:
        reply = self._handler.handle(
            connection, request, on_stream=partial(self._queue.release, task)
        )
        self._advance(reply)

    def _advance(self, reply: Reply) -> None:
        """Send what the client takes at once, and give the rest to the sender."""
        try:
            progress = reply.advance()
        except OSError as error:
            log.debug("the connection with %s failed: %s", reply.connection.address, error)
            self._on_sent(reply, False)
            return
        if progress is Progress.DONE:
            self._on_sent(reply, True)
        else:
            self._sender.add(reply)

    def _produce_later(self, reply: Reply) -> None:
        self._queue.submit(
            self._task(reply.connection, lambda _: self._produce(reply), Lane.ORDINARY)
        )

    def _produce(self, reply: Reply) -> None:
        try:
            reply.produce()
        except Exception as error:
            log.warning("a response to %s ended early: %s", reply.connection.address, error)
            self._on_sent(reply, False)
        else:
            self._advance(reply)

    def _on_sent(self, reply: Reply, complete: bool) -> None:
        """End a reply, in the sender's thread or in one of the pool."""
        if complete and reply.is_complete_file:
            self._pool.submit(self._end_file, reply)
        else:
            self._end_reply(reply, complete)

    def _end_file(self, reply: Reply) -> None:
        try:
            reply.complete_file()
        finally:
            self._end_reply(reply, True)

    def _end_reply(self, reply: Reply, complete: bool) -> None:
        try:
            reply.close()
        except Exception:
            log.exception("a response could not be closed")
        self._loop.call(self._on_handled, reply.connection, complete and reply.keep_alive)

    def _on_handled(self, connection: Connection, keep_alive: bool) -> None:
        """Read the next request, or close the connection."""
        if not keep_alive:
            self._linger(connection)
            return
        timeout_s = self.cfg.keepalive if self.alive else STOP_KEEPALIVE_S
        self._set_state(connection, ConnectionState.WAITING, timeout_s)
        if connection.reader.size:
            self._set_state(connection, ConnectionState.READING, HEAD_TIMEOUT_S)
        self._read(connection)  # TLS may hold bytes that the loop does not see

    def _answer_too_large(self, connection: Connection) -> None:
        try:
            connection.send(memoryview(_TOO_LARGE))
        except OSError:
            self._close(connection)
        else:
            self._linger(connection)

    def _linger(self, connection: Connection) -> None:
        """Close a connection so that the client still receives the last response."""
        connection.end_output()
        self._set_state(connection, ConnectionState.CLOSING, LINGER_TIMEOUT_S)
        self._loop.watch(connection.socket, EVENT_READ, partial(self._drain, connection))

    def _drain(self, connection: Connection) -> None:
        try:
            drained = connection.drain(_BLOCK_BYTES)
        except OSError:
            drained = 0
        if drained is None:
            return
        connection.drained += drained
        if not drained or connection.drained > LINGER_BYTES:
            self._close(connection)

    def _close_overdue(self) -> None:
        now = time.monotonic()
        for connection in self._connections:
            if connection.state <= ConnectionState.CLOSING and now > connection.deadline:
                if connection.state is ConnectionState.READING:
                    self._refuse(connection, "requests arrived too slowly")
                else:
                    self._close(connection)

    def _refuse(self, connection: Connection, reason: str) -> None:
        self._refusals.add(connection.address, reason)
        if connection.state is ConnectionState.SENDING:
            connection.shut_down()  # the sender closes it
        else:
            self._close(connection)

    def _close(self, connection: Connection) -> None:
        self._loop.unwatch(connection.socket)
        self._connections.remove(connection)
        connection.close()


def _raise_file_limit() -> None:
    """Allow as many open files as the system lets this process have, up to ``_MAX_FILES``."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
