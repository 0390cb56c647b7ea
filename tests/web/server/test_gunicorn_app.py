"""The panel in gunicorn: threads, shutdown, and errors before the start."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.config import Config, PanelConfig
from appliance.errors import BadInput, Fault
from appliance.jobs.models import NewJob
from appliance.jobs.store import JobStore, store_path
from tests.web.served import Served, free_port
from web.accounts.users import users_path
from web.addresses import Addresses
from web.server.gunicorn_app import serve_panel, settings
from web.server.lenient_config import read_config_leniently

pytestmark = pytest.mark.slow

STREAMS = 30
ASKED = 1000 if "LECTERN_LONG" in os.environ else 100


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    panel = Served(tmp_path)
    panel.cookie = panel.sign_in()  # type: ignore[attr-defined]
    with panel:
        yield panel


def follow(served: Served, cookie: str, seen: list[str], ended: threading.Event) -> None:
    """Read a stream to its end."""
    connection = served.connect()
    connection.request("GET", "/live", headers={"Cookie": cookie})
    answer = connection.getresponse()
    assert answer.status == 200
    while line := answer.readline():
        if line.startswith(b"data:"):
            seen.append(line.decode())
    connection.close()
    ended.set()


def test_thirty_streams_receive_a_change_while_the_panel_responds(
    served: Served,
) -> None:
    cookie = served.cookie  # type: ignore[attr-defined]
    idle = _answer_times(served, ASKED)
    seen: list[list[str]] = [[] for _ in range(STREAMS)]
    ends = [threading.Event() for _ in range(STREAMS)]
    pages = [
        threading.Thread(target=follow, args=(served, cookie, *pair), daemon=True)
        for pair in zip(seen, ends, strict=True)
    ]
    for page in pages:
        page.start()
    _wait(lambda: all(seen))
    with JobStore(store_path(served.root)) as store:
        store.add(NewJob("Osmosis", Path("/p.mp4"), Path("/a.wav")))
    _wait(lambda: all(any("Osmosis" in line for line in lines) for lines in seen))
    busy = _answer_times(served, ASKED)
    # The ratio inside one run, as other work on this machine moves both alike.
    assert _p99(busy) < max(5 * _p99(idle), 0.1)
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(20) == 0
    for page in pages:
        page.join(10)
    assert all(end.is_set() for end in ends)


def _answer_times(served: Served, count: int) -> list[float]:
    connection, times = served.connect(), []
    for _ in range(count):
        began = time.perf_counter()
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        assert json.loads(answer.read()) == {"status": "ok"}
        times.append(time.perf_counter() - began)
    connection.close()
    return times


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


def _wait(done: object, limit_s: float = 30.0) -> None:
    assert callable(done)
    deadline = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_setup_code_is_only_in_the_log(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        code = re.search(r"setup code: (\S+) \(open \S+/setup\)", served.log.read_text())
        assert code
        path = served.root / "state" / "setup-code"
        assert path.read_text().strip() == code[1]
        assert path.stat().st_mode & 0o077 == 0
        assert code[1] not in served.get("/setup")[1]


def test_broken_config_starts_safe_mode(tmp_path: Path) -> None:
    served = Served(tmp_path, "video: {crf: 99}\nvidoe: {crf: 3}\njobs: {min_free_disk_mb: many}\n")
    cookie = served.sign_in()
    with served:
        assert served.get("/healthz")[0] == 200
        status, page = served.get("/", cookie)
        assert status == 200
        for words in ("Line 3", "Use 51 or less.", "vidoe", "not a whole number"):
            assert words in page
        assert served.get("/device/", cookie)[0] == 200
        assert served.get("/device/log", cookie)[0] == 200
        status, page = served.get("/users", cookie)
        assert (status, "safe mode" in page) == (503, True)
        assert served.get("/login")[0] == 200


class TestStartErrors:
    """Errors before the first request are reported in a sentence."""

    def test_port_in_use(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            panel = PanelConfig(host="127.0.0.1", port=server.getsockname()[1])
            with pytest.raises(BadInput, match=r"cannot use the address 127\.0\.0\.1") as caught:
                serve_panel(Config(root=tmp_path, panel=panel), [])
        assert caught.value.code == "panel_address_unavailable"

    def test_invalid_host(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="panel_address_unavailable"):
            serve_panel(Config(root=tmp_path, panel=PanelConfig(host="no.such.host.invalid")), [])

    def test_folder_that_cannot_be_created(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        panel = PanelConfig(host="127.0.0.1", port=free_port())
        with pytest.raises(BadInput, match="output_unwritable"):
            serve_panel(Config(root=tmp_path / "file" / "box", panel=panel), [])

    def test_damaged_user_database(self, tmp_path: Path) -> None:
        path = users_path(tmp_path)
        path.parent.mkdir()
        path.write_bytes(b"no database" * 1000)
        panel = PanelConfig(host="127.0.0.1", port=free_port())
        with pytest.raises(Fault, match="database_damaged"):
            serve_panel(Config(root=tmp_path, panel=panel), [])


class TestLenientConfig:
    def test_valid_settings_of_a_broken_file_are_used(self, tmp_path: Path) -> None:
        path = tmp_path / "config.yaml"
        path.write_text("root: ./mine\npanel: {port: 99999999, host: '::1'}\nvideo: 3\nx: 1\n")
        config, mistakes = read_config_leniently(path)
        assert config.root == tmp_path / "mine"
        assert config.panel == PanelConfig(host="::1")
        assert [mistake.key for mistake in mistakes] == ["panel.port", "video", "x"]

    @pytest.mark.parametrize("text", ["root: [\n", "\x00", "- a\n- b\n"])
    def test_unreadable_file_uses_the_defaults(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "config.yaml"
        path.write_text(text)
        config, mistakes = read_config_leniently(path)
        assert config == Config()
        assert len(mistakes) == 1

    def test_missing_file_is_reported(self, tmp_path: Path) -> None:
        _, mistakes = read_config_leniently(tmp_path / "none.yaml")
        assert [mistake.error.code for mistake in mistakes] == ["file_missing"]

    def test_valid_file_has_no_problems(self, tmp_path: Path) -> None:
        path = tmp_path / "config.yaml"
        path.write_text("video: {crf: 20}\n")
        config, mistakes = read_config_leniently(path)
        assert (config.video.crf, mistakes) == (20, [])


def test_one_worker_with_the_configured_threads() -> None:
    panel = PanelConfig(host="::1", port=81, threads=40)
    found = settings(Config(panel=panel), Addresses("::1", (81,), False), None)
    assert found["bind"] == ["[::1]:81"]
    assert (found["workers"], found["threads"], found["worker_class"]) == (
        1,
        40,
        "web.server.gunicorn_worker.PanelWorker",
    )
