"""The certificate of the panel, renewed while the panel is running."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import psutil

from appliance.config import Config
from appliance.errors import BadInput, Fault, LecternError
from appliance.files.atomic import write_bytes
from web.security.hosts import own_names
from web.tls import authority
from web.tls.authority import KeyPair

log = logging.getLogger("lectern.panel")

CHECK_INTERVAL_S = 600.0
"""Interval in seconds at which a certificate is checked for its expiry and for missing names."""

LOCAL_FOLDER = Path("state", "tls")
"""Folder of the local certificates below the device's folder, readable by the panel's user only."""

Names = Callable[[], tuple[set[str], set[str]]]


class Certificate(Protocol):
    """A source of certificates."""

    def current_files(self) -> tuple[Path, Path]:
        """Return the files of certificate and key, which may be the same.

        Raises ``LecternError`` if there is no usable certificate.
        """
        ...


class LocalCertificate:
    """A certificate issued by the device.

    It is stored in ``folder`` and covers the ``names`` and addresses that the device has at the
    time.
    """

    def __init__(self, folder: Path, names: Names, now: Callable[[], float] = time.time) -> None:
        self._folder, self._names, self._now = folder, names, now

    def current_files(self) -> tuple[Path, Path]:
        """Return the files, after issuing what is missing, expires soon or lacks a name.

        Raises ``Fault("output_unwritable")`` if a file cannot be written.
        """
        path = self._folder / "panel.pem"
        signer = self.authority()
        names, addresses = self._names()
        wanted = {name for name in names if authority.may_sign(signer, name)} | addresses
        found = _read(path)
        if found is None or not self._is_usable(found, signer, wanted):
            issued = authority.issue_certificate(signer, names, addresses, self._issue_time(found))
            self._write(path, issued.to_pem(signer.certificate))
            log.info("new certificate for %s", ", ".join(sorted(wanted)))
            if outside := names - wanted:
                log.warning(
                    "the local authority was created before the device had the name %s; delete %s"
                    " to create a new one, which all users must trust again",
                    ", ".join(sorted(outside)),
                    self._folder,
                )
        return path, path

    def authority(self) -> KeyPair:
        """Return the device's authority. It is created if there is none.

        An existing one is never replaced because of a date, also when it seems to have expired:
        users have trusted it, and the clock may be wrong. A damaged file is kept beside the new
        one.
        Raises ``Fault("output_unwritable")`` if the file cannot be read or written.
        """
        path = self._folder / "authority.pem"
        found = _read(path)
        if found is not None:
            self._warn_if_expired(found)
            return found
        with contextlib.suppress(FileNotFoundError):
            path.rename(path.with_suffix(".damaged"))
            log.error("the local certificate authority is damaged; users must trust the new one")
        names, _ = self._names()
        created = authority.create_authority(socket.gethostname(), names)
        self._write(path, created.to_pem())
        log.warning("new local certificate authority: SHA-256 %s", created.fingerprint)
        return created

    def _warn_if_expired(self, signer: KeyPair) -> None:
        now = self._now()
        if authority.is_clock_plausible(now) and not authority.is_valid(signer.certificate, now):
            log.warning(
                "the local authority is not valid at the date of this device; if the date is right,"
                " delete %s to create a new authority, which all users must trust again",
                self._folder,
            )

    def _issue_time(self, found: KeyPair | None) -> float:
        """Return the present, or with a wrong clock the time at which ``found`` was issued."""
        now = self._now()
        if found is None or authority.is_clock_plausible(now):
            return now
        return max(now, found.certificate.not_valid_before_utc.timestamp() + 86_400)

    def _is_usable(self, found: KeyPair, signer: KeyPair, wanted: set[str]) -> bool:
        certificate, now = found.certificate, self._now()
        # With a wrong clock a new certificate would be worse than the one that users have accepted.
        return (
            not authority.is_clock_plausible(now)
            or authority.is_valid(certificate, now, authority.RENEW_DAYS)
        ) and (
            authority.is_signed_by(certificate, signer)
            and wanted <= authority.certificate_names(certificate)
        )

    def _write(self, path: Path, data: bytes) -> None:
        """Write a file completely or not at all, and never readable by other users."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_bytes(path, data, mode=0o600)
        except OSError as error:
            raise Fault("output_unwritable", name=str(path), reason=error.strerror) from error


class OwnerCertificate:
    """The owner's certificate, which the owner renews."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate, self._key = certificate, key

    def current_files(self) -> tuple[Path, Path]:
        """Return the current files.

        Raises ``BadInput("certificate_invalid")`` if one is missing.
        """
        for path in (self._certificate, self._key):
            if not path.is_file():
                raise BadInput("certificate_invalid", name=str(path), reason="no such file")
        return self._certificate, self._key


class TlsContext:
    """The TLS context of the panel's connections. Threads may share it.

    A replaced certificate is used for new connections. ``path`` is the certificate's file; ``now``
    returns seconds from any origin. Raises what :meth:`Certificate.current_files` raises, and
    ``BadInput("certificate_invalid")``.
    """

    def __init__(self, certificate: Certificate, now: Callable[[], float] = time.monotonic) -> None:
        self._certificate, self._now = certificate, now
        self._lock = threading.Lock()
        self._loaded_files: tuple[tuple[str, int], ...] = ()
        self._context = self._load()
        self._checked_at = now()

    def get(self) -> ssl.SSLContext:
        """Return the context.

        The certificate is checked first if ``CHECK_INTERVAL_S`` seconds have passed since the last
        check.
        """
        with self._lock:
            if self._now() - self._checked_at >= CHECK_INTERVAL_S:
                self._checked_at = self._now()
                try:
                    self._context = self._load()
                except LecternError as error:
                    log.error("the certificate was not reloaded: %s", error)
            return self._context

    def _load(self) -> ssl.SSLContext:
        certificate, key = self._certificate.current_files()
        self.path = certificate
        try:
            files = tuple((str(p), p.stat().st_mtime_ns) for p in (certificate, key))
            if files == self._loaded_files:
                return self._context
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # TLS 1.2 and later
            context.set_alpn_protocols(["http/1.1"])
            # With a password OpenSSL does not prompt on the terminal for that of an encrypted key.
            context.load_cert_chain(certificate, key, password="")
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or str(error)
            raise BadInput("certificate_invalid", name=str(certificate), reason=reason) from error
        self._loaded_files = files
        return context


def make_tls_context(config: Config) -> TlsContext | None:
    """Return the TLS context for the settings, or ``None`` if TLS is off.

    Raises ``BadInput("certificate_invalid")``, ``Fault("output_unwritable")``.
    """
    if config.panel.tls == "none":
        return None
    if config.panel.tls == "local-ca":
        return TlsContext(local_certificate(config))
    files = (config.root / name for name in (config.panel.certificate, config.panel.key))
    return TlsContext(OwnerCertificate(*files))


def uses_local_certificate(config: Config) -> bool:
    """Return whether the panel uses a certificate of the device's own authority."""
    return config.panel.tls == "local-ca"


def authority_fingerprint(config: Config) -> str:
    """Return the SHA-256 fingerprint of the certificate of the device's own authority.

    Returns an empty text if the panel does not use a certificate of this authority.
    """
    return (
        local_certificate(config).authority().fingerprint if uses_local_certificate(config) else ""
    )


def local_certificate(config: Config) -> LocalCertificate:
    """Return the certificate that the device issues itself."""
    names = own_names() | {name.casefold() for name in config.panel.trusted_hosts}
    plain = {name for name in names if name.isascii() and not _is_address(name)}
    return LocalCertificate(config.root / LOCAL_FOLDER, lambda: (plain, local_addresses()))


def local_addresses() -> set[str]:
    """Return the IP addresses of the device, without link-local ones."""
    found = set()
    for entries in psutil.net_if_addrs().values():
        for entry in entries:
            with contextlib.suppress(ValueError):  # a hardware address
                address = ipaddress.ip_address(entry.address)
                if not address.is_link_local:
                    found.add(str(address))
    return found | {"127.0.0.1"}


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _read(path: Path) -> KeyPair | None:
    """Return the key pair in ``path``, or ``None`` if it is missing or damaged.

    Raises ``Fault("output_unwritable")`` if the file exists but cannot be read: it may be intact.
    """
    try:
        return KeyPair.from_pem(path.read_bytes())
    except (FileNotFoundError, ValueError, TypeError):
        return None
    except OSError as error:
        raise Fault("output_unwritable", name=str(path), reason=error.strerror) from error
