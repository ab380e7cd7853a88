"""Certificates and the hash that pins their keys."""

import base64
import hashlib
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from manyends.protocol.io.tls import (
    certificate_pin,
    client_context,
    make_certificate,
    pin_of,
    server_context,
)


def test_the_pin_is_the_unpadded_hash_of_the_public_key(tmp_path: Path) -> None:
    pem, pin = make_certificate()
    path = tmp_path / "tls.pem"
    path.write_bytes(pem)
    certificate = x509.load_pem_x509_certificate(pem)
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    expected = base64.urlsafe_b64encode(hashlib.sha256(spki).digest()).decode().rstrip("=")
    assert (
        pin == expected == pin_of(path) == certificate_pin(certificate.public_bytes(Encoding.DER))
    )
    assert len(pin) == 43
    assert make_certificate()[1] != pin


def test_both_sides_speak_tls_1_3_only(tmp_path: Path) -> None:
    path = tmp_path / "tls.pem"
    path.write_bytes(make_certificate()[0])
    for context in (server_context(path), client_context()):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_3
