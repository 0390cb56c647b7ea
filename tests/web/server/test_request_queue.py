"""The order in which requests get threads."""

from __future__ import annotations

import pytest

from web.server.request_queue import Lane, RequestQueue, Task, ThreadLimits, lane_of

LIMITS = ThreadLimits(pages=4, ordinary=3, uploads=2, per_client=2, uploads_per_client=1)


class Threads:
    """Threads that a test ends."""

    def __init__(self) -> None:
        self.running: list[Task] = []
        self.queue = RequestQueue(LIMITS, self.running.append)

    def submit(self, address: str, lane: Lane = Lane.ORDINARY, credential: str = "") -> Task:
        task = Task(lambda _: None, lane, address, credential)
        self.queue.submit(task)
        return task

    def end(self, task: Task) -> None:
        self.running.remove(task)
        self.queue.release(task)

    def addresses(self) -> list[str]:
        return [task.address for task in self.running]


@pytest.fixture
def threads() -> Threads:
    return Threads()


def test_address_has_few_threads_and_the_rest_of_its_requests_wait(threads: Threads) -> None:
    tasks = [threads.submit("a") for _ in range(50)]
    threads.submit("b")
    assert threads.addresses() == ["a", "a", "b"]
    assert threads.queue.waiting == 48
    threads.end(tasks[0])
    assert threads.addresses() == ["a", "b", "a"]


def test_session_counts_wherever_it_is_used(threads: Threads) -> None:
    for number in range(5):
        threads.submit(f"address {number}", credential="secret")
    threads.submit("other", credential="more")
    assert threads.addresses() == ["address 0", "address 1", "other"]


def test_priority_requests_have_a_thread_of_their_own(threads: Threads) -> None:
    for number in range(9):
        threads.submit(f"address {number}")
    assert len(threads.running) == LIMITS.ordinary
    threads.submit("visitor", Lane.PRIORITY)
    assert threads.addresses()[-1] == "visitor"
    assert len(threads.running) == LIMITS.pages


def test_priority_requests_are_first_and_addresses_take_turns(threads: Threads) -> None:
    running = [threads.submit(f"{number}", Lane.PRIORITY) for number in range(LIMITS.pages)]
    for address in ("a", "a", "b"):
        threads.submit(address)
    threads.submit("c", Lane.PRIORITY)
    for task in running:
        threads.end(task)
    assert threads.addresses() == ["c", "a", "b", "a"]


def test_uploads_have_threads_of_their_own(threads: Threads) -> None:
    for address in "aabc":
        threads.submit(address, Lane.UPLOAD)
    assert threads.addresses() == ["a", "b"]
    threads.submit("a")
    assert threads.addresses() == ["a", "b", "a"]


def test_stream_is_not_counted_and_ends_once(threads: Threads) -> None:
    stream = threads.submit("a")
    threads.submit("a")
    threads.submit("a")
    threads.queue.release(stream)  # it has become a stream
    assert threads.addresses() == ["a"] * 3
    threads.queue.release(stream)  # it has ended
    threads.submit("a")
    assert threads.addresses() == ["a"] * 3


def test_clients_of_a_proxy_are_not_one_client(threads: Threads) -> None:
    for _ in range(9):
        threads.submit("")
    assert len(threads.running) == LIMITS.ordinary


@pytest.mark.parametrize(
    ("method", "path", "lane"),
    [
        ("GET", "/", Lane.PRIORITY),
        ("GET", "/healthz", Lane.PRIORITY),
        ("POST", "/login", Lane.PRIORITY),
        ("POST", "/jobs/12/cancel", Lane.PRIORITY),
        ("GET", "/api/v1/jobs", Lane.PRIORITY),
        ("GET", "/static/home.js", Lane.PRIORITY),
        ("GET", "/api/v1/jobs/12/video", Lane.ORDINARY),
        ("GET", "/jobs/12/../../x", Lane.ORDINARY),
        ("GET", "/results", Lane.ORDINARY),
        ("PATCH", "/api/v1/uploads/0", Lane.UPLOAD),
        ("POST", "/api/v1/uploads/0", Lane.ORDINARY),
    ],
)
def test_lane_of_a_request(method: str, path: str, lane: Lane) -> None:
    assert lane_of(method, path) is lane
