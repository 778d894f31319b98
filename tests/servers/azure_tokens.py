"""JSON web tokens for the Azure double: issued, signed by certificates, and verified."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

# Imported where it is used: the description of the store is also read where the library is not installed.


class BadTokenError(Exception):
    """Why a token is rejected, in one word."""


def encode(content: bytes) -> str:
    """Base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The reverse."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def paddings() -> dict[str, padding.AsymmetricPadding]:
    """The algorithms that are accepted."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    return {"RS256": padding.PKCS1v15(), "PS256": pss}


def new_key() -> rsa.RSAPrivateKey:
    """A key of the smallest size that Entra ID accepts."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def sign(key: rsa.RSAPrivateKey, claims: dict[str, Any], **header: str) -> str:
    """A token with these claims, signed with RS256."""
    from cryptography.hazmat.primitives import hashes

    parts = [{"alg": "RS256", "typ": "JWT", **header}, claims]
    signed = ".".join(encode(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{encode(key.sign(signed.encode(), paddings()['RS256'], hashes.SHA256()))}"


def header(token: str) -> dict[str, Any]:
    """The header of a token, without verification."""
    try:
        found: dict[str, Any] = json.loads(decode(token.split(".")[0]))
    except ValueError as error:
        raise BadTokenError("form") from error
    return found


def claims(token: str, key: rsa.RSAPublicKey, *, audience: str) -> dict[str, Any]:
    """The claims of a token, after signature, audience and lifetime are verified."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes

    try:
        signed, _, signature = token.rpartition(".")
        found: dict[str, Any] = json.loads(decode(signed.split(".")[1]))
        key.verify(decode(signature), signed.encode(), paddings()[header(token)["alg"]], hashes.SHA256())
    except (InvalidSignature, KeyError) as error:
        raise BadTokenError("signature") from error
    except (ValueError, IndexError) as error:
        raise BadTokenError("form") from error
    if found.get("aud") != audience:
        raise BadTokenError("audience")
    now = time.time()
    if not found.get("nbf", 0) - 60 <= now < found.get("exp", 0):
        raise BadTokenError("time")
    return found


@dataclass(frozen=True)
class Identity:
    """A certificate of an application, with its key."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def thumbprints(self) -> dict[str, str]:
        """The fields by which the header of an assertion may refer to it."""
        from cryptography.hazmat.primitives import serialization

        der = self.certificate.public_bytes(serialization.Encoding.DER)
        older = encode(hashlib.sha1(der, usedforsecurity=False).digest())
        return {"x5t#S256": encode(hashlib.sha256(der).digest()), "x5t": older}

    def pem(self, *, traditional: bool = False) -> bytes:
        """Key and certificate in one PEM file; the key as PKCS #8, or in the older form."""
        from cryptography.hazmat.primitives import serialization

        form = serialization.PrivateFormat.TraditionalOpenSSL if traditional else serialization.PrivateFormat.PKCS8
        key = self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        return key + self.certificate.public_bytes(serialization.Encoding.PEM)

    def pfx(self, password: bytes) -> bytes:
        """Both in one PFX file."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.serialization import pkcs12

        lock = serialization.BestAvailableEncryption(password)
        return pkcs12.serialize_key_and_certificates(b"app", self.key, self.certificate, None, lock)


def new_identity(days: float = 1) -> Identity:
    """A self-signed certificate, as applications often have; it expires after so many days."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    key, name = new_key(), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "airflow")])
    now = datetime.datetime.now(datetime.timezone.utc)
    begin, end = now - datetime.timedelta(days=99), now + datetime.timedelta(days=days)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(uuid.uuid4().int).not_valid_before(begin).not_valid_after(end)
    return Identity(key, builder.sign(key, hashes.SHA256()))
