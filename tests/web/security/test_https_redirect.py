"""A panel with TLS redirects unencrypted requests and refuses unencrypted changes."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from flask.testing import FlaskClient

from appliance.config import Config, PanelConfig
from web.addresses import Addresses
from web.app import create_app


def client(
    root: Path, *ports: int, tls: Literal["none", "local-ca", "files"] = "local-ca"
) -> FlaskClient:
    config = Config(root=root, panel=PanelConfig(tls=tls))
    addresses = Addresses("0.0.0.0", ports, tls != "none")
    app = create_app(config, addresses=addresses)
    app.extensions["lectern"].users.add_first("head", "four quiet words", 0.0)
    return app.test_client()


@pytest.mark.parametrize(
    ("host", "ports", "leads_to"),
    [
        ("lectern.local", (8080, 80, 443), "https://lectern.local"),
        ("lectern.local", (8080, 80), "https://lectern.local:8080"),
        ("lectern.local:8080", (8080, 80, 443), "https://lectern.local:8080"),
        ("192.168.1.5", (8080, 80), "https://192.168.1.5:8080"),
        ("[fd00::5]", (8080, 80, 443), "https://[fd00::5]"),
        ("[fd00::5]:8080", (8080,), "https://[fd00::5]:8080"),
    ],
)
def test_get_is_redirected_to_https(
    tmp_path: Path, host: str, ports: tuple[int, ...], leads_to: str
) -> None:
    answer = client(tmp_path, *ports).get("/results?page=2", headers={"Host": host})
    assert answer.status_code == 307
    assert answer.headers["Location"] == f"{leads_to}/results?page=2"
    assert "Set-Cookie" not in answer.headers


def test_unencrypted_change_is_refused(tmp_path: Path) -> None:
    answer = client(tmp_path, 8080).post("/login", data={"name": "head"})
    assert answer.status_code == 403
    assert "begins with https" in answer.text


def test_untrusted_host_is_not_redirected(tmp_path: Path) -> None:
    answer = client(tmp_path, 8080).get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    ("tls", "scheme", "expected"),
    [("files", "https", True), ("local-ca", "https", False), ("none", "https", False)],
)
def test_hsts_is_sent_only_with_an_owner_certificate(
    tmp_path: Path, tls: Literal["none", "local-ca", "files"], scheme: str, expected: bool
) -> None:
    """With HSTS, browsers could not reach the device once its local certificate changes."""
    answer = client(tmp_path, 8080, tls=tls).get("/login", base_url=f"{scheme}://localhost")
    assert answer.status_code == 200
    assert ("Strict-Transport-Security" in answer.headers) is expected
