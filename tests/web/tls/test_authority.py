"""The device's authority and its certificates, verified by OpenSSL as in a browser."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509

from web.tls.authority import (
    CERTIFICATE_DAYS,
    KeyPair,
    certificate_names,
    create_authority,
    is_signed_by,
    is_valid,
    issue_certificate,
    may_sign,
)

NOW = datetime.datetime.now().timestamp()
DAY = 86400.0


@pytest.fixture(scope="module")
def authority() -> KeyPair:
    return create_authority("box", {"box", "lectern.local", "panel.school.example"})


def trusted_as(name: str, authority: KeyPair, shown: KeyPair, folder: Path) -> None:
    """Perform a TLS handshake; raises ``ssl.SSLError`` where a browser would warn."""
    path = folder / "shown.pem"
    path.write_bytes(shown.to_pem(authority.certificate))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    pem = authority.to_pem().decode()
    client = ssl.create_default_context(cadata=pem[pem.index("-----BEGIN CERT") :])
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    near, far = socket.socketpair()

    def serve() -> None:
        try:
            server.wrap_socket(far, server_side=True).close()
        except OSError:
            far.close()

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        client.wrap_socket(near, server_hostname=name).close()
    finally:
        near.close()
        serving.join()


@pytest.mark.parametrize("name", ["lectern.local", "box", "panel.school.example", "192.168.1.5"])
def test_trusted_authority_makes_the_panel_trusted(
    authority: KeyPair, tmp_path: Path, name: str
) -> None:
    shown = issue_certificate(
        authority, {"lectern.local", "box", "panel.school.example"}, {"192.168.1.5"}, NOW
    )
    trusted_as(name, authority, shown, tmp_path)


@pytest.mark.parametrize("name", ["other.local", "192.168.1.6", "school.example"])
def test_other_names_are_not_trusted(authority: KeyPair, tmp_path: Path, name: str) -> None:
    shown = issue_certificate(authority, {"lectern.local"}, {"192.168.1.5"}, NOW)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"mismatch|not valid for"):
        trusted_as(name, authority, shown, tmp_path)


def test_authority_cannot_sign_other_sites(tmp_path: Path) -> None:
    wide = create_authority("box", {"box", "bank.example"})
    narrow = create_authority("box", {"box"})
    thief = KeyPair(narrow.key, narrow.certificate)
    forged = issue_certificate(KeyPair(narrow.key, wide.certificate), {"bank.example"}, (), NOW)
    assert certificate_names(forged.certificate) == {"bank.example"}
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        trusted_as("bank.example", thief, forged, tmp_path)


def test_unsignable_names_are_left_out(authority: KeyPair) -> None:
    shown = issue_certificate(authority, {"new.name", "box", "evilbox"}, {"::1"}, NOW)
    assert certificate_names(shown.certificate) == {"box", "::1"}
    assert may_sign(authority, "any.local")
    assert not may_sign(authority, "evillocal")


def test_certificate_of_another_authority_is_detected(authority: KeyPair) -> None:
    other = create_authority("box", {"box"})
    assert is_signed_by(issue_certificate(authority, {"box"}, (), NOW).certificate, authority)
    assert not is_signed_by(issue_certificate(other, {"box"}, (), NOW).certificate, authority)


def test_validity_is_within_browser_limits(authority: KeyPair) -> None:
    certificate = issue_certificate(authority, {"box"}, (), NOW).certificate
    assert is_valid(certificate, NOW - 0.9 * DAY)
    assert is_valid(certificate, NOW, days=CERTIFICATE_DAYS - 2)
    assert not is_valid(certificate, NOW - 2 * DAY)
    assert not is_valid(certificate, NOW, days=CERTIFICATE_DAYS)
    assert CERTIFICATE_DAYS <= 398


def test_key_and_certificate_are_read_from_their_file(authority: KeyPair) -> None:
    back = KeyPair.from_pem(authority.to_pem())
    assert back.certificate == authority.certificate
    assert back.fingerprint == authority.fingerprint
    assert len(back.fingerprint) == 32 * 3 - 1


def test_mismatched_key_is_refused(authority: KeyPair) -> None:
    other = create_authority("box", {"box"})
    mixed = KeyPair(other.key, authority.certificate).to_pem()
    with pytest.raises(ValueError, match="not the certificate's"):
        KeyPair.from_pem(mixed)


def test_long_name_is_cut_to_the_standard_length(authority: KeyPair) -> None:
    made = create_authority("b" * 80, {"box"})
    (name,) = made.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    assert len(str(name.value)) == 64
