"""A visitor: requests pages one after the other, each on a new connection, and measures the time.

    python -m tests.load.visitor HOST PORT SECONDS [--tls] [--cookie C] [--source A] PATH...

Prints a JSON object with the times in seconds for each path, in order of size. A request that fails
counts as ``TIMEOUT_S`` seconds.
"""

from __future__ import annotations

import argparse
import http.client
import json
import ssl
import threading
import time

TIMEOUT_S = 30.0
INTERVAL_S = 0.05


def ask(given: argparse.Namespace, path: str) -> float:
    """Return the seconds until the whole response has arrived."""
    source = (given.source, 0) if given.source else None
    began = time.monotonic()
    try:
        if given.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                given.host, given.port, timeout=TIMEOUT_S, source_address=source, context=context
            )
        else:
            connection = http.client.HTTPConnection(
                given.host, given.port, timeout=TIMEOUT_S, source_address=source
            )
        connection.request("GET", path, headers={"Cookie": given.cookie, "Accept": "text/html"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != 200:
            return TIMEOUT_S
    except (OSError, http.client.HTTPException):
        return TIMEOUT_S
    return time.monotonic() - began


def ask_repeatedly(given: argparse.Namespace, path: str, times: dict[str, list[float]]) -> None:
    """Request ``path`` until the time is over."""
    until, found = time.monotonic() + given.seconds, []
    while time.monotonic() < until:
        found.append(ask(given, path))
        time.sleep(INTERVAL_S)
    times[path] = sorted(found)


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--cookie", default="")
    parser.add_argument("--source")
    given = parser.parse_args()
    times: dict[str, list[float]] = {}
    threads = [
        threading.Thread(target=ask_repeatedly, args=(given, path, times)) for path in given.paths
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(times))


if __name__ == "__main__":
    main()
