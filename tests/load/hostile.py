"""Hostile clients: hold many connections in one of four ways until standard input ends.

    python -m tests.load.hostile KIND COUNT HOST PORT [--tls] [--cookie C] [--path P] [--source A]

A connection that the panel closes is opened again. At the end the number of connections that were
opened is printed, and how often each status was received.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import ssl
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

REOPEN_S = 0.2
_RECEIVE_BUFFER = 4096
_STREAM_LIMIT = 256


@dataclass
class Target:
    """What is attacked, and what has happened."""

    host: str
    port: int
    tls: bool = False
    cookie: str = ""
    path: str = "/"
    source: str | None = None
    seen: Counter[str] = field(default_factory=Counter)

    def head(self, path: str) -> bytes:
        """Return the head of a request, without its end."""
        return f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nCookie: {self.cookie}\r\n".encode()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection with a small window, so that the panel cannot send far ahead."""
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        plain.setblocking(False)
        if self.source is not None:
            plain.bind((self.source, 0))
        context = None
        try:
            await asyncio.get_running_loop().sock_connect(plain, (self.host, self.port))
            if self.tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            streams = await asyncio.open_connection(
                sock=plain,
                ssl=context,
                server_hostname=self.host if self.tls else None,
                limit=_STREAM_LIMIT,
            )
        except BaseException:
            plain.close()
            raise
        self.seen["opened"] += 1
        return streams


Kind = Callable[[Target, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def silent(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Send nothing."""
    await reader.read(1)


async def trickle(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Send a request, one byte a second."""
    ended = asyncio.ensure_future(reader.read(1))
    for byte in target.head(target.path) * 1000:
        writer.write(bytes([byte]))
        await writer.drain()
        done, _ = await asyncio.wait([ended], timeout=1.0)
        if done:
            return


async def slow_reader(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Request a large file and read one byte of it a second."""
    writer.write(target.head(target.path) + b"\r\n")
    if await _status(target, reader) != 200:
        return
    while await reader.read(1):
        await asyncio.sleep(1)


async def stream(
    target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Open an event stream and read it."""
    writer.write(target.head("/live") + b"\r\n")
    await _status(target, reader)
    while await reader.read(1000):
        pass


async def busy(target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send requests, one after the other."""
    writer.write(target.head(target.path) + b"Connection: close\r\n\r\n")
    await _status(target, reader)
    while await reader.read(1000):
        pass


KINDS: dict[str, Kind] = {
    "silent": silent,
    "trickle": trickle,
    "slow_reader": slow_reader,
    "stream": stream,
    "busy": busy,
}


async def _status(target: Target, reader: asyncio.StreamReader) -> int:
    line = await reader.readuntil(b"\r\n")
    status = int(line.split()[1])
    target.seen[str(status)] += 1
    return status


async def _hold(kind: Kind, target: Target) -> None:
    while True:
        writer = None
        try:
            reader, writer = await target.connect()
            await kind(target, reader, writer)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            target.seen[type(error).__name__] += 1
        finally:
            if writer is not None:
                writer.close()
        await asyncio.sleep(REOPEN_S)


async def attack(kind: Kind, count: int, target: Target) -> None:
    """Hold ``count`` connections until standard input ends."""
    held = [asyncio.create_task(_hold(kind, target)) for _ in range(count)]
    await asyncio.to_thread(sys.stdin.read)
    for task in held:
        task.cancel()
    for task in held:
        with contextlib.suppress(asyncio.CancelledError):
            await task


def main() -> None:
    """Attack as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("count", type=int)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--cookie", default="")
    parser.add_argument("--path", default="/")
    parser.add_argument("--source")
    given = parser.parse_args()
    target = Target(
        given.host, given.port, given.tls, given.cookie, given.path, source=given.source
    )
    asyncio.run(attack(KINDS[given.kind], given.count, target))
    print(json.dumps({"kind": given.kind, **target.seen}))


if __name__ == "__main__":
    main()
