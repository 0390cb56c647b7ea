"""Run the panel for one request, in a thread of the pool.

The response is written to memory and sent as far as the client takes it at once; the sender
(:mod:`web.server.response_sender`) does the rest. Only event streams are sent from here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import create

from web.server.connection import Connection
from web.server.request_reader import IncomingRequest
from web.server.response_output import Output, Reply
from web.server.response_sender import STALL_TIMEOUT_S
from web.services.downloads import FileBody

log = logging.getLogger("lectern.panel")

BODY_TIMEOUT_S = 60.0
"""Seconds without a byte after which an upload is given up; it has its own limit for the whole
(:mod:`web.uploads.body_reader`)."""

EVENT_STREAM = "text/event-stream"


class _Source:
    """What gunicorn's parser reads from: the bytes that have arrived, then the rest of the body."""

    def __init__(self, connection: Connection, request: IncomingRequest) -> None:
        self._connection, self._data = connection, request.data
        self.missing = request.missing or 0

    def recv(self, size: int) -> bytes:
        """Return up to ``size`` bytes, ``b""`` at the end. Raises ``OSError``."""
        if self._data:
            data, self._data = self._data[:size], self._data[size:]
            return data
        if not self.missing:
            return b""
        data = self._connection.receive_within(min(size, self.missing), BODY_TIMEOUT_S)
        self.missing -= len(data)
        return data


class RequestHandler:
    """Runs the WSGI application of a gunicorn ``worker``."""

    def __init__(self, worker: Any) -> None:
        self._worker, self._cfg = worker, worker.cfg

    def handle(
        self, connection: Connection, request: IncomingRequest, on_stream: Callable[[], None]
    ) -> Reply:
        """Handle a request and return its reply, of which a part may have been sent.

        ``on_stream`` is called before the first event of an event stream, which is sent to its end.
        """
        output, parsed = Output(), None
        source = _Source(connection, request)
        try:
            parsed = next(RequestParser(self._cfg, source, connection.client))
            parsed._expected_100_continue = False  # answered while the request arrived
            if self._cfg.is_ssl and not connection.is_encrypted:
                parsed.scheme = "http"
            return self._run(connection, request, parsed, source, output, on_stream)
        except StopIteration:
            return Reply(connection, output, None)
        except OSError as error:
            log.debug("the connection with %s failed: %s", connection.address, error)
            return Reply(connection, Output(), None)
        except Exception as error:
            if not output.size:
                self._worker.handle_error(parsed, output, connection.client, error)
            return Reply(connection, output, None)

    def _run(
        self,
        connection: Connection,
        request: IncomingRequest,
        parsed: Any,
        source: _Source,
        output: Output,
        on_stream: Callable[[], None],
    ) -> Reply:
        response, environ = create(parsed, output, connection.client, connection.server, self._cfg)
        environ["gunicorn.socket"] = connection.socket
        environ["wsgi.multithread"] = True
        if not self._worker.alive or request.missing is None:
            response.force_close()
        result = self._worker.wsgi(environ, response.start_response)
        close = getattr(result, "close", lambda: None)
        try:
            if source.missing:  # the rest of the body is no request
                response.force_close()
            if isinstance(result, FileBody):
                response.send_headers()
                reply = Reply(connection, output, response, file=result, on_close=close)
            elif _is_event_stream(response):
                on_stream()
                _send_events(connection, output, response, result)
                reply = Reply(connection, output, response, on_close=close)
            else:
                blocks: Iterator[bytes] = iter(result)
                reply = Reply(connection, output, response, blocks=blocks, on_close=close)
                reply.produce()
        except BaseException:
            close()
            raise
        reply.keep_alive = not response.should_close()
        return reply


def _is_event_stream(response: Any) -> bool:
    return any(
        name.lower() == "content-type" and value.startswith(EVENT_STREAM)
        for name, value in response.headers
    )


def _send_events(
    connection: Connection, output: Output, response: Any, events: Iterable[bytes]
) -> None:
    """Send each event as soon as it is there. Raises ``OSError``."""
    for event in events:
        response.write(event)
        _send_within(connection, output)
    response.close()


def _send_within(connection: Connection, output: Output) -> None:
    """Send all of ``output``; the client must take some of it every ``STALL_TIMEOUT_S`` seconds.

    Raises ``OSError``.
    """
    while output.size:
        output.remove_sent(connection.send_within(output.next_piece(), STALL_TIMEOUT_S))
