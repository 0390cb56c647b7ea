"""Certificate files: created, kept, renewed, and errors in those of the owner."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from appliance.config import Config, PanelConfig
from appliance.errors import BadInput, Fault
from tests.web.conftest import Clock
from web.app import create_app
from web.tls.authority import (
    CERTIFICATE_DAYS,
    KeyPair,
    certificate_names,
    is_valid,
)
from web.tls.certificates import (
    CHECK_INTERVAL_S,
    LocalCertificate,
    OwnerCertificate,
    TlsContext,
    local_addresses,
    make_tls_context,
)

DAY = 86400.0


class Box:
    """A device whose names and addresses the test changes."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.names, self.addresses = {"box", "lectern.local"}, {"127.0.0.1"}
        self.folder = folder / "tls"
        self.own = LocalCertificate(
            self.folder, lambda: (set(self.names), set(self.addresses)), self.clock
        )

    def shown(self) -> KeyPair:
        return KeyPair.from_pem(self.own.current_files()[0].read_bytes())

    def trusted(self) -> str:
        return self.own.authority().fingerprint


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_certificate_is_created_once_and_private(box: Box) -> None:
    first, trusted = box.shown(), box.trusted()
    assert certificate_names(first.certificate) == {"box", "lectern.local", "127.0.0.1"}
    assert box.folder.stat().st_mode & 0o777 == 0o700
    files = sorted(box.folder.iterdir())
    assert [path.name for path in files] == ["authority.pem", "panel.pem"]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files)
    assert (box.shown().fingerprint, box.trusted()) == (first.fingerprint, trusted)


def test_certificate_is_renewed_by_the_same_authority(box: Box) -> None:
    first, trusted = box.shown(), box.trusted()
    box.clock.time += (CERTIFICATE_DAYS - 32) * DAY
    assert box.shown().fingerprint == first.fingerprint
    box.clock.time += 3 * DAY
    assert box.shown().fingerprint != first.fingerprint
    assert box.trusted() == trusted


def test_authority_survives_a_clock_correction(box: Box) -> None:
    """A board without a battery starts with an old date until the network sets the time."""
    right = box.clock.time
    box.clock.time -= 5 * 365 * DAY
    first, trusted = box.shown(), box.trusted()
    box.clock.time = right
    assert box.shown().fingerprint != first.fingerprint
    assert box.trusted() == trusted


@pytest.mark.parametrize("year", [1970, 1999, 2050, 2100, 2262, 9999])
def test_authority_and_certificate_survive_a_boot_with_a_wrong_clock(box: Box, year: int) -> None:
    first, trusted = box.shown(), box.trusted()
    right, box.clock.time = box.clock.time, (year - 1970) * 365.2425 * DAY
    assert (box.shown().fingerprint, box.trusted()) == (first.fingerprint, trusted)
    box.clock.time = right
    assert (box.shown().fingerprint, box.trusted()) == (first.fingerprint, trusted)


@pytest.mark.parametrize("year", [1970, 2100])
def test_authority_created_with_a_wrong_clock_is_valid_and_kept(box: Box, year: int) -> None:
    right, box.clock.time = box.clock.time, (year - 1970) * 365.2425 * DAY
    box.shown()
    trusted = box.trusted()
    box.clock.time = right
    shown = box.shown()
    assert box.trusted() == trusted and is_valid(shown.certificate, right)
    assert is_valid(box.own.authority().certificate, right)


def test_new_name_during_a_wrong_clock_keeps_the_dates_of_the_certificate(box: Box) -> None:
    box.shown()
    right, box.clock.time = box.clock.time, 0.0
    box.addresses.add("10.0.0.7")
    assert is_valid(box.shown().certificate, right)


def test_expired_authority_of_an_older_version_is_kept_and_reported(
    box: Box, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ended = datetime.datetime.fromtimestamp(box.clock.time - DAY, datetime.timezone.utc)
    monkeypatch.setattr("web.tls.authority.AUTHORITY_ENDS", ended)
    trusted = box.trusted()
    monkeypatch.undo()
    assert box.trusted() == trusted and "not valid at the date of this device" in caplog.text


def test_unreadable_authority_is_not_replaced(box: Box) -> None:
    box.shown()
    path = box.folder / "authority.pem"
    path.rename(box.folder / "kept")
    path.mkdir()  # reading fails also for root
    with pytest.raises(Fault, match="output_unwritable"):
        box.own.authority()
    assert path.is_dir()


def test_damaged_authority_is_kept_for_examination(box: Box) -> None:
    box.shown()
    (box.folder / "authority.pem").write_bytes(b"nonsense")
    box.shown()
    assert (box.folder / "authority.damaged").read_bytes() == b"nonsense"


def test_new_address_renews_the_certificate_and_a_lost_one_does_not(box: Box) -> None:
    first = box.shown()
    box.addresses.add("10.0.0.7")
    second = box.shown()
    assert "10.0.0.7" in certificate_names(second.certificate)
    assert second.fingerprint != first.fingerprint
    box.addresses.remove("10.0.0.7")
    assert box.shown().fingerprint == second.fingerprint


def test_unsignable_name_is_logged_and_left_out(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    box.shown()
    trusted = box.trusted()
    box.names.add("new.school.example")
    box.addresses.add("10.0.0.7")
    assert "new.school.example" not in certificate_names(box.shown().certificate)
    assert "before the device had the name new.school.example" in caplog.text
    assert box.trusted() == trusted


@pytest.mark.parametrize("name", ["panel.pem", "authority.pem"])
@pytest.mark.parametrize("damage", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\n"])
def test_damaged_file_is_replaced(box: Box, name: str, damage: bytes) -> None:
    box.shown()
    (box.folder / name).write_bytes(damage)
    made = box.shown()
    assert certificate_names(made.certificate) >= {"box"}
    TlsContext(box.own)


def test_partial_file_is_overwritten(box: Box) -> None:
    box.folder.mkdir(mode=0o700)
    (box.folder / ".panel.pem.part").write_bytes(b"half")
    box.shown()
    assert not (box.folder / ".panel.pem.part").exists()


def test_folder_that_cannot_be_created_raises(tmp_path: Path) -> None:
    (tmp_path / "tls").write_text("")
    with pytest.raises(Fault, match="output_unwritable"):
        Box(tmp_path).own.current_files()


class TestContext:
    def test_changed_certificate_is_reloaded(self, box: Box) -> None:
        clock = Clock()
        tls = TlsContext(box.own, clock)
        first = tls.get()
        box.addresses.add("10.0.0.7")
        clock.time += CHECK_INTERVAL_S - 1
        assert tls.get() is first
        clock.time += 1
        assert tls.get() is not first
        assert "10.0.0.7" in certificate_names(KeyPair.from_pem(tls.path.read_bytes()).certificate)

    def test_broken_new_certificate_is_ignored(
        self, box: Box, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path, clock = tmp_path / "given.pem", Clock()
        path.write_bytes(box.own.current_files()[0].read_bytes())
        tls = TlsContext(OwnerCertificate(path, path), clock)
        first = tls.get()
        path.write_bytes(b"half of a certifi")
        clock.time += CHECK_INTERVAL_S
        assert tls.get() is first
        assert "was not reloaded" in caplog.text


class TestOwnerCertificate:
    """``panel.tls: files``."""

    def wish(self, root: Path, certificate: str, key: str) -> Config:
        return Config(root=root, panel=PanelConfig(tls="files", certificate=certificate, key=key))

    def test_one_file_may_contain_both(self, box: Box, tmp_path: Path) -> None:
        path = str(box.own.current_files()[0])
        tls = make_tls_context(self.wish(tmp_path, path, path))
        assert tls is not None
        assert str(tls.path) == path

    @pytest.mark.parametrize(
        "write",
        [
            lambda path: None,
            lambda path: path.write_text("no certificate"),
            lambda path: path.mkdir(),
        ],
    )
    def test_unusable_files_are_reported(
        self, tmp_path: Path, write: Callable[[Path], object]
    ) -> None:
        write(tmp_path / "it.pem")
        with pytest.raises(BadInput, match="certificate_invalid") as caught:
            make_tls_context(
                self.wish(tmp_path, str(tmp_path / "it.pem"), str(tmp_path / "it.pem"))
            )
        assert "it.pem" in str(caught.value)

    def test_missing_setting_is_reported(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="certificate_invalid"):
            make_tls_context(self.wish(tmp_path, "", ""))

    def test_key_with_a_password_is_refused(self, box: Box, tmp_path: Path) -> None:
        from cryptography.hazmat.primitives import serialization

        path = tmp_path / "locked.pem"
        shown = box.shown()
        locked = shown.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
        path.write_bytes(locked + shown.certificate.public_bytes(serialization.Encoding.PEM))
        began = time.monotonic()
        with pytest.raises(BadInput, match="certificate_invalid"):
            make_tls_context(self.wish(tmp_path, str(path), str(path)))
        assert time.monotonic() - began < 10


def test_tls_is_off_by_default(tmp_path: Path) -> None:
    assert make_tls_context(Config(root=tmp_path)) is None
    assert not (tmp_path / "state").exists()


def test_local_addresses_have_no_zone() -> None:
    found = local_addresses()
    assert "127.0.0.1" in found
    assert not any("%" in address or address.startswith("fe80") for address in found)


class TestPage:
    def test_authority_is_public_without_its_key(self, tmp_path: Path) -> None:
        app = create_app(Config(root=tmp_path, panel=PanelConfig(tls="local-ca")))
        answer = app.test_client().get("/authority.crt")
        assert answer.status_code == 200
        assert "attachment" in answer.headers["Content-Disposition"]
        assert answer.text.startswith("-----BEGIN CERTIFICATE-----")
        assert "PRIVATE" not in answer.text
        kept = KeyPair.from_pem((tmp_path / "state" / "tls" / "authority.pem").read_bytes())
        assert x509.load_pem_x509_certificate(answer.data) == kept.certificate

    def test_no_authority_without_local_certificate(self, tmp_path: Path) -> None:
        app = create_app(Config(root=tmp_path))
        assert app.test_client().get("/authority.crt").status_code in (404, 503)
        assert not (tmp_path / "state" / "tls").exists()
