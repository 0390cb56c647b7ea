"""How long ``/healthz`` takes, measured by a process of its own until its input ends.

    python clock.py PORT

Prints the seconds of every request as JSON. In the process that also makes the load, waiting for
the interpreter would be counted as waiting for the panel.
"""

from __future__ import annotations

import http.client
import json
import select
import sys
import time

PAUSE_S = 0.01


def main(port: int) -> None:
    """Send one request after another on one connection, with a pause between them."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    times = []
    while not select.select([sys.stdin], [], [], PAUSE_S)[0]:
        began = time.perf_counter()
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        times.append(time.perf_counter() - began)
    connection.close()
    print(json.dumps(times))


if __name__ == "__main__":
    main(int(sys.argv[1]))
