"""Attacks: forged requests, untrusted hosts, large bodies, missing permissions."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.routing import Rule

from appliance.config import Config, PanelConfig
from appliance.jobs.states import JobState
from appliance.jobs.worker_store import WorkerStore
from appliance.logs.limit import PER_SOURCE
from appliance.logs.write import configure_logging
from tests.web.conftest import PASSWORD, SignIn, add
from web.app import create_app
from web.context import EXTENSION
from web.security.headers import POLICY
from web.security.hosts import is_trusted, own_names
from web.services.log_files import read_lines

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


def address(rule: Rule) -> str:
    """Return a URL that matches the rule."""
    return re.sub(
        r"<(?:(\w+)(?:\([^)]*\))?:)?\w+>", lambda m: "1" if m[1] == "int" else "x", rule.rule
    )


class TestEveryPage:
    def test_each_view_is_guarded_or_public(self, app: Flask) -> None:
        unmarked = [
            name
            for name, view in app.view_functions.items()
            if not (getattr(view, "guarded", False) or getattr(view, "is_public", False))
        ]
        assert unmarked == []

    def test_anonymous_clients_see_only_public_pages(self, app: Flask) -> None:
        client = app.test_client()
        let_in = set()
        for rule in app.url_map.iter_rules():
            if "GET" in (rule.methods or ()):
                answer = client.get(address(rule), headers={"Accept": "text/html"})
                if answer.status_code == 200:
                    let_in.add(rule.endpoint)
                answer.close()
        openly = {
            name for name, view in app.view_functions.items() if getattr(view, "is_public", False)
        }
        assert let_in <= openly
        assert {"users.login", "health.health"} <= let_in

    def test_changes_require_the_csrf_token(self, app: Flask, sign_in: SignIn) -> None:
        admin, tried = sign_in("admin"), 0
        for rule in app.url_map.iter_rules():
            for method in UNSAFE & (rule.methods or set()):
                answer = admin.open(address(rule), method=method)
                assert answer.status_code == 403, rule
                tried += 1
        assert tried > 20

    def test_too_large_numbers_are_not_found(self, app: Flask, sign_in: SignIn) -> None:
        admin = sign_in("admin")
        headers = {"X-CSRF-Token": admin.token()}
        tried = 0
        for rule in app.url_map.iter_rules():
            if "int" in rule.rule:
                path = address(rule).replace("1", "9" * 30, 1) if "v1" not in rule.rule else ""
                for method in rule.methods or set():
                    if path and method in {"GET", "POST"}:
                        answer = admin.open(path, method=method, headers=headers)
                        assert answer.status_code == 404, (path, answer.text)
                        tried += 1
        assert tried >= 6

    def test_addresses_may_end_with_a_slash(self, app: Flask, sign_in: SignIn) -> None:
        browser = sign_in("admin")
        pages = {
            rule.rule.rstrip("/")
            for rule in app.url_map.iter_rules()
            if "GET" in (rule.methods or ())
            and not rule.arguments
            and rule.endpoint != "home.stream"
        } - {""}
        assert "/results" in pages
        for page in sorted(pages):
            plain, slash = (browser.get(page + end, buffered=True) for end in ("", "/"))
            assert (plain.status_code, plain.mimetype) == (slash.status_code, slash.mimetype), page
            assert plain.status_code not in (301, 308), page

    def test_responses_have_security_headers(self, app: Flask, sign_in: SignIn) -> None:
        for path in ("/", "/login", "/nothing", "/healthz", "/static/panel.css"):
            answer = sign_in("viewer").get(path)
            assert answer.headers["Content-Security-Policy"] == POLICY
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert "unsafe" not in POLICY and "*" not in POLICY
            answer.close()

    def test_pages_have_no_inline_scripts_or_styles(self, project: Path) -> None:
        inline = re.compile(
            r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:|hx-on", re.I
        )
        wrong = {
            path.name: match[0]
            for path in (project / "web" / "templates").rglob("*.html")
            if (match := inline.search(path.read_text(encoding="utf-8")))
        }
        assert wrong == {}

    def test_pages_use_no_other_site(self, project: Path) -> None:
        ours = [
            *(project / "web" / "templates").rglob("*.html"),
            *(project / "web" / "static").glob("*.*"),
        ]
        outside = re.compile(r"(?:src|href|url|fetch|import)\W{1,3}(?:https?:)?//", re.I)
        assert [p.name for p in ours if outside.search(p.read_text(encoding="utf-8"))] == []


class TestCsrf:
    @pytest.fixture
    def job(self, store: WorkerStore) -> int:
        return add(store, "a", "teacher")

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://localhost.evil.example"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ],
    )
    def test_form_of_another_site_is_refused_even_with_the_token(
        self, sign_in: SignIn, store: WorkerStore, job: int, headers: dict[str, str]
    ) -> None:
        teacher = sign_in("teacher")
        data = {"csrf": teacher.token()}
        answer = teacher.post(f"/jobs/{job}/cancel", data=data, headers=headers)
        assert answer.status_code == 403
        assert "nothing was changed" in answer.text
        assert store.get(job).state is JobState.QUEUED

    @pytest.mark.parametrize("token", ["", "x", "é", "0" * 43])
    def test_guessed_token_is_refused(
        self, sign_in: SignIn, store: WorkerStore, job: int, token: str
    ) -> None:
        answer = sign_in("teacher").post(f"/jobs/{job}/cancel", data={"csrf": token})
        assert answer.status_code == 403
        assert store.get(job).state is JobState.QUEUED

    def test_tokens_belong_to_one_session(
        self, sign_in: SignIn, store: WorkerStore, job: int
    ) -> None:
        token = sign_in("teacher").token()
        answer = sign_in("admin").post(f"/jobs/{job}/cancel", data={"csrf": token})
        assert answer.status_code == 403

    def test_other_site_cannot_sign_in(self, app: Flask) -> None:
        data = {"name": "admin", "password": PASSWORD, "csrf": "x"}
        client = app.test_client()
        client.set_cookie("lectern_csrf", "y")
        assert client.post("/login", data=data).status_code == 403
        assert client.post("/login", data={**data, "csrf": ""}).status_code == 403

    def test_own_page_is_accepted(self, sign_in: SignIn, store: WorkerStore, job: int) -> None:
        teacher = sign_in("teacher")
        headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
        answer = teacher.post(
            f"/jobs/{job}/cancel", data={"csrf": teacher.token()}, headers=headers
        )
        assert answer.status_code == 302
        assert store.get(job).state is JobState.CANCELLED


class TestHosts:
    @pytest.mark.parametrize(
        "host",
        [
            "localhost",
            "127.0.0.1:8080",
            "192.168.1.20",
            "[::1]:8080",
            "box.local:8080",
            "Box",
            "lectern.local.",
            "[fe80::1]",
        ],
    )
    def test_own_names_and_all_addresses_are_trusted(self, host: str) -> None:
        assert is_trusted(host, own_names("box.school.example"))

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "box.local:x",
            "box.local:99999",
            "box local",
            "2130706433",
            "@localhost",
            "localhost:80@evil",
        ],
    )
    def test_other_names_are_not_trusted(self, host: str) -> None:
        assert not is_trusted(host, own_names("box"))

    def test_untrusted_host_is_refused(self, app: Flask) -> None:
        answer = app.test_client().get("/login", headers={"Host": "evil.example"})
        assert answer.status_code == 421
        assert "panel.trusted_hosts" in answer.text
        assert "password" not in answer.text.lower()

    def test_configured_host_is_trusted(self, tmp_path: Path) -> None:
        config = Config(root=tmp_path, panel=PanelConfig(trusted_hosts=["lectern.school.example"]))
        app = create_app(config)
        client = app.test_client()
        answer = client.get("/healthz", headers={"Host": "lectern.school.example:8080"})
        assert answer.status_code == 200
        app.extensions[EXTENSION].users.close()


class TestSizes:
    def test_large_form_is_refused(self, sign_in: SignIn) -> None:
        teacher = sign_in("teacher")
        data = {"csrf": teacher.token(), "label": "x" * 100_000}
        answer = teacher.post("/account/tokens", data=data)
        assert answer.status_code == 413
        assert "64 kB" in answer.text

    def test_body_without_length_is_refused(self, sign_in: SignIn) -> None:
        teacher = sign_in("teacher")

        body = b"csrf=" + teacher.token().encode() + b"&label=" + b"x" * 1_000_000
        answer = teacher.post(
            "/account/tokens",
            input_stream=io.BytesIO(body),
            content_type="application/x-www-form-urlencoded",
            headers={"Transfer-Encoding": "chunked"},
            environ_overrides={"wsgi.input_terminated": True},
        )
        assert answer.status_code == 400


class TestHealthAndMetrics:
    def test_health_check_is_public(self, app: Flask) -> None:
        answer = app.test_client().get("/healthz")
        assert (answer.status_code, answer.json) == (200, {"status": "ok"})

    def test_metrics_are_for_this_machine(self, app: Flask, store: WorkerStore) -> None:
        add(store, "a")
        here = app.test_client().get("/metrics")
        assert 'lectern_jobs{state="queued"} 1.0' in here.text
        assert "lectern_worker_up 0.0" in here.text
        there = app.test_client().get("/metrics", environ_overrides={"REMOTE_ADDR": "10.0.0.9"})
        assert there.status_code == 403
        through = app.test_client().get("/metrics", headers={"X-Forwarded-For": "10.0.0.9"})
        assert through.status_code == 403

    def test_metrics_are_for_clients_with_the_token(self, tmp_path: Path) -> None:
        config = Config(root=tmp_path, panel=PanelConfig(metrics_token="geheim"))
        app = create_app(config)
        client, far = app.test_client(), {"REMOTE_ADDR": "10.0.0.9"}
        for token, status in (("geheim", 200), ("geheim2", 403), ("", 403)):
            headers = {"Authorization": f"Bearer {token}"}
            answer = client.get("/metrics", headers=headers, environ_overrides=far)
            assert answer.status_code == status
        app.extensions[EXTENSION].users.close()


class TestStaticFiles:
    @pytest.mark.parametrize(
        "name",
        [
            "../app.py",
            "..%2fapp.py",
            "%2e%2e/app.py",
            "%2fetc%2fpasswd",
            "vendor/../../app.py",
            "vendor",
            "nothing.css",
            "a%00.css",
        ],
    )
    def test_only_files_of_the_folder_are_sent(self, app: Flask, name: str) -> None:
        assert app.test_client().get(f"/static/{name}", follow_redirects=True).status_code == 404

    def test_files_are_compressed_and_cached(self, app: Flask) -> None:
        with app.test_request_context():
            url = app.extensions["static_files"].url("panel.css")
        client = app.test_client()
        plain, packed = (client.get(url, headers={"Accept-Encoding": e}) for e in ("", "gzip"))
        assert "immutable" in packed.headers["Cache-Control"]
        assert packed.headers["Content-Encoding"] == "gzip"
        assert len(packed.data) < len(plain.data) / 2
        again = client.get(
            url, headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}
        )
        assert again.status_code == 304
        assert client.get("/static/panel.css?v=old").headers["Cache-Control"] == "no-cache"


def test_requests_of_unknown_hosts_do_not_push_out_other_lines(
    config: Config, app: Flask, sign_in: SignIn
) -> None:
    settings = config.logs.model_copy(update={"max_file_mb": 0.1, "backup_count": 1})
    with configure_logging(config.root, settings, "panel.log", limit_repeats=True):
        sign_in("admin").change("/device/tasks/restart_worker")
        stranger = app.test_client()
        for number in range(1500):
            host = {"Host": f"evil{number}.example"}
            assert stranger.get("/" + "x" * 900, headers=host).status_code == 421
    lines = [line.message for line in read_lines(config.root, "panel.log")]
    assert "admin requested restart_worker" in lines
    assert sum("host_not_trusted" in line for line in lines) == PER_SOURCE
