"""The device's own certificate authority, which users trust once, and its certificates.

An authority is used and not a self-signed certificate, because the certificate changes every year
and with every new address of the device, and users should not have to trust it again each time. If
the authority's key were stolen, it could not be used for other sites: it may only sign the device's
names (RFC 5280, 4.2.1.10).
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_BEGINS = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
AUTHORITY_ENDS = datetime.datetime(2049, 12, 31, tzinfo=datetime.timezone.utc)
"""Validity of the authority's certificate. It does not depend on the clock of the device, which may
be wrong when the certificate is created. Later dates have another encoding (RFC 5280, 4.1.2.5)."""

_CLOCK_BEGINS = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
CERTIFICATE_DAYS = 397
"""Validity of a certificate in days: browsers accept at most 398 (CA/Browser Forum, ballot SC31),
Apple's at most 825 even from a private authority."""

RENEW_DAYS = 30
"""Number of days before its expiry at which a certificate is replaced."""

_DAY = datetime.timedelta(days=1)
_NONE = dict.fromkeys(
    (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ),
    False,
)


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its private key."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def to_pem(self, *chain: x509.Certificate) -> bytes:
        """Return key, certificate and ``chain`` as one PEM file, to be replaced as a whole."""
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        certificates = (self.certificate, *chain)
        return key + b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates)

    @classmethod
    def from_pem(cls, data: bytes) -> KeyPair:
        """Parse the output of :meth:`to_pem`. Raises ``ValueError`` for anything else."""
        key = serialization.load_pem_private_key(data, None)
        certificate = x509.load_pem_x509_certificates(data)[0]
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("another kind of key")
        if key.public_key() != certificate.public_key():
            raise ValueError("the key is not the certificate's")
        return cls(key, certificate)

    @property
    def fingerprint(self) -> str:
        """SHA-256 fingerprint of the certificate, as browsers show it (AB:CD:…)."""
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def create_authority(device_name: str, names: Iterable[str]) -> KeyPair:
    """Create an authority named after ``device_name`` for ``names`` and all ``.local`` names."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(f"Lectern on {device_name}")
    permitted = [x509.DNSName(name) for name in sorted({"local", *names})]
    builder = (
        _builder(key, subject, subject, AUTHORITY_BEGINS, AUTHORITY_ENDS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
    )
    return KeyPair(key, builder.sign(key, hashes.SHA256()))


def issue_certificate(
    authority: KeyPair, names: Iterable[str], addresses: Iterable[str], now: float
) -> KeyPair:
    """Issue a certificate for the IP ``addresses`` and ``names``.

    Names that the authority may not sign are left out. ``now`` is in seconds since 1970; a time
    that cannot be right is replaced by the nearest one that can.
    """
    begins = min(max(_time(now), _CLOCK_BEGINS), AUTHORITY_ENDS - CERTIFICATE_DAYS * _DAY) - _DAY
    ends = begins + CERTIFICATE_DAYS * _DAY  # a day early: the browser's clock may be slow
    key = ec.generate_private_key(ec.SECP256R1())
    permitted = sorted(name for name in names if may_sign(authority, name))
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in permitted]
    alternatives += [x509.IPAddress(ipaddress.ip_address(a)) for a in sorted(addresses)]
    subject = _subject(permitted[0] if permitted else "lectern.local")
    issuer = authority.certificate.subject
    public = authority.key.public_key()
    builder = (
        _builder(key, subject, issuer, begins, ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
    )
    return KeyPair(key, builder.sign(authority.key, hashes.SHA256()))


def may_sign(authority: KeyPair, name: str) -> bool:
    """Return whether the authority's name constraints permit ``name``."""
    constraints = authority.certificate.extensions.get_extension_for_class(x509.NameConstraints)
    permitted = [name.value for name in constraints.value.permitted_subtrees or ()]
    return any(name == suffix or name.endswith(f".{suffix}") for suffix in permitted)


def certificate_names(certificate: x509.Certificate) -> set[str]:
    """Return the names and addresses of a certificate."""
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    names = set(found.get_values_for_type(x509.DNSName))
    return names | {str(address) for address in found.get_values_for_type(x509.IPAddress)}


def is_signed_by(certificate: x509.Certificate, authority: KeyPair) -> bool:
    """Return whether ``certificate`` was signed by ``authority``."""
    try:
        certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def is_clock_plausible(now: float) -> bool:
    """Return whether ``now``, in seconds since 1970, can be right: not 1970 and not 2100."""
    return _CLOCK_BEGINS.timestamp() <= now <= AUTHORITY_ENDS.timestamp()


def is_valid(certificate: x509.Certificate, now: float, days: float = 0) -> bool:
    """Return whether ``certificate`` is valid at ``now`` and for ``days`` after that."""
    at = _time(now)
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begins <= at and at + days * _DAY <= ends


def _builder(
    key: ec.EllipticCurvePrivateKey,
    subject: x509.Name,
    issuer: x509.Name,
    begins: datetime.datetime,
    ends: datetime.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])  # X.520's limit


def _usage(*uses: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{**_NONE, **dict.fromkeys(uses, True)})


def _time(seconds: float) -> datetime.datetime:
    try:
        return datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc)
    except (ValueError, OverflowError, OSError):
        return datetime.datetime.max.replace(tzinfo=datetime.timezone.utc)
