"""A network between a browser and the panel that a test can interrupt."""

from __future__ import annotations

import contextlib
import select
import socket
import threading


class Proxy:
    """Forwards TCP to ``target`` (a port of this machine) until it is cut."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._cut = False
        self._threads: list[threading.Thread] = []
        self.passed = 0
        self.wanted = threading.Condition(self._lock)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection and accept no new one."""
        with self._lock:
            self._cut = True
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Accept connections again."""
        with self._lock:
            self._cut = False

    def wait_for(self, count: int, timeout: float = 60.0) -> None:
        """Wait until the browser has sent ``count`` further bytes."""
        with self._lock:
            goal = self.passed + count
            assert self.wanted.wait_for(lambda: self.passed >= goal, timeout), self.passed

    def close(self) -> None:
        """Close all connections."""
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(near,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self, near: socket.socket) -> None:
        with near, socket.create_connection(("127.0.0.1", self._target)) as far:
            with self._lock:
                if self._cut:
                    return
                self._open |= {near, far}
            with contextlib.suppress(OSError):
                self._pass_on(near, far)
            with self._lock:
                self._open -= {near, far}

    def _pass_on(self, near: socket.socket, far: socket.socket) -> None:
        """Forward data until either side ends."""
        while True:
            for source in select.select([near, far], [], [])[0]:
                block = source.recv(1 << 16)
                if not block:
                    return
                (far if source is near else near).sendall(block)
                if source is near:
                    with self._lock:
                        self.passed += len(block)
                        self.wanted.notify_all()
