"""JSON web tokens of our own: RS256 with a key that is made for the test run.

Source: RFC 7515 (the compact form), RFC 7517 (the key set), RFC 7519 (the claims).
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class Signer:
    """A key pair; ``name`` is the ``kid`` of its tokens."""

    name: str = "key-1"
    _key: rsa.RSAPrivateKey = field(default_factory=_new_key, repr=False)

    def token(self, lifetime: float = 300, **claims: object) -> str:
        """A signed token with these claims, issued now; a negative lifetime gives an expired one."""
        now = int(time.time())
        issued = min(now, now + int(lifetime)) - 5
        content = {"iat": issued, "nbf": issued, "exp": now + int(lifetime), **claims}
        header = {"alg": "RS256", "typ": "JWT", "kid": self.name}
        signed = f"{_encode(json.dumps(header).encode())}.{_encode(json.dumps(content).encode())}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_encode(signature)}"

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a token that this key signed and that has not expired; otherwise ``ValueError``."""
        header, claims, signature = _parts(token)
        if header.get("alg") != "RS256" or header.get("kid") != self.name:
            raise ValueError(f"signed by {header.get('kid')!r} with {header.get('alg')!r}")
        signed = token.rpartition(".")[0].encode()
        try:
            self._key.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature as error:
            raise ValueError("the signature is wrong") from error
        if not claims.get("exp", 0) > time.time():
            raise ValueError("the token has expired, or has no expiry")
        return claims

    def public_pem(self) -> str:
        """The public key in the form that OpenBao expects."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self._key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()

    def private_pem(self) -> str:
        """The private key as key files of service accounts hold it."""
        plain = serialization.NoEncryption()
        form = serialization.PrivateFormat.PKCS8
        return self._key.private_bytes(serialization.Encoding.PEM, form, plain).decode()

    def key_set(self) -> dict[str, Any]:
        """The public key as a JWKS document."""
        numbers = self._key.public_key().public_numbers()
        size = (numbers.n.bit_length() + 7) // 8
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.name}
        key |= {"n": _encode(numbers.n.to_bytes(size, "big")), "e": _encode(numbers.e.to_bytes(3, "big"))}
        return {"keys": [key]}


def audience_is(claims: Mapping[str, Any], wanted: str) -> bool:
    """Whether a token is meant for ``wanted``: the claim is a string or a list."""
    audience = claims.get("aud", [])
    return wanted in ([audience] if isinstance(audience, str) else audience)


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """``ValueError`` for anything that is not a token."""
    pieces = token.split(".")
    if len(pieces) != 3:
        raise ValueError("a token must have three parts")
    header, claims, signature = (_decode(piece) for piece in pieces)
    return json.loads(header), json.loads(claims), signature


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
