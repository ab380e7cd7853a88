"""TLS 1.3 with keys pinned by the roster: no certificate authority, no names."""

import asyncio.sslproto
import datetime
import hashlib
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from manyends.protocol.identity import b64

# asyncio keeps a buffer of this size for each connection: 256 KiB by default. Frames on a link
# are small; 16 KiB is one TLS record, and saves 240 KiB for each idle link.
asyncio.sslproto.SSLProtocol.max_size = 16 * 1024


def make_certificate() -> tuple[bytes, str]:
    """Return a new server key with its certificate (PEM), and the hash that pins it.

    P-256, since browsers know no Ed25519 certificates. The certificate is valid for ever in
    effect: what ends its life is the roster.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "manyends")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC))
        .sign(key, SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem = secret + certificate.public_bytes(Encoding.PEM)
    return pem, certificate_pin(certificate.public_bytes(Encoding.DER))


def certificate_pin(der: bytes) -> str:
    """Return the SHA-256 of the certificate's public key (its SPKI), in base 64."""
    spki = (
        x509.load_der_x509_certificate(der)
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    return b64(hashlib.sha256(spki).digest())


def pin_of(pem: Path) -> str:
    """Return the pin of the certificate in a PEM file."""
    certificate = x509.load_pem_x509_certificate(pem.read_bytes())
    return certificate_pin(certificate.public_bytes(Encoding.DER))


def server_context(pem: Path) -> ssl.SSLContext:
    """Return a TLS 1.3 context that shows the certificate of this PEM file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.load_cert_chain(pem)
    return context


def client_context() -> ssl.SSLContext:
    """Return a TLS 1.3 context that takes any certificate.

    Trust comes afterwards: the session compares the certificate's key to the roster before it
    says anything. Python's ssl can't do this comparison inside the handshake.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
