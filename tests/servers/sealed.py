"""Seals and opens values as `docs/sealed-values.md` describes it, by nothing of ours but with `cryptography`."""

from __future__ import annotations

import base64
import os
import struct
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY, KEY_ID = "canary5Qv8Zr2Lw0Xn5Tj7Ck1Hs4Gd9Fb3Mp6Yu", "1"


def derived(text: str, key_id: str) -> bytes:
    """The key that a text makes."""
    made = HKDF(algorithm=SHA256(), length=32, salt=key_id.encode(), info=b"strongroom-sealed-1")
    return made.derive(text.strip().encode())


def bound(kind: str, name: str, version: int) -> bytes:
    """The associated data."""
    parts = [part.encode() for part in (kind, name, str(version))]
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def seal(
    kind: str,
    name: str,
    value: str,
    *,
    version: int = 1,
    key: str = KEY,
    key_id: str = KEY_ID,
    nonce: bytes | None = None,
) -> dict[str, Any]:
    """A record."""
    nonce = nonce or os.urandom(12)
    encrypted = AESGCM(derived(key, key_id)).encrypt(nonce, value.encode(), bound(kind, name, version))
    sealed = base64.b64encode(nonce + encrypted).decode()
    return {"format": 1, "kind": kind, "name": name, "version": version, "key_id": key_id, "sealed": sealed}


def opened(record: dict[str, Any], key: str = KEY) -> str:
    """The value in a record."""
    assert record["format"] == 1
    raw = base64.b64decode(record["sealed"], validate=True)
    data = bound(record["kind"], record["name"], record["version"])
    return AESGCM(derived(key, record["key_id"])).decrypt(raw[:12], raw[12:], data).decode()
