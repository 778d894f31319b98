"""Made-up secrets, and every encoding in which one could leak."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

#: The text around the core of a canary: characters that each way of quoting changes.
BEFORE, AFTER = "p/ ", ' %@"\\é'


def canary() -> str:
    """A secret whose core no way of quoting changes, and that needs quoting in all of them."""
    return f"{BEFORE}{secrets.token_hex(12)}{AFTER}"


def plain_canary() -> str:
    """A secret that is valid in a line of a file, or in an address."""
    return secrets.token_hex(12)


def core(secret: str) -> str:
    """The part of a canary that quoting does not change; the whole of any other secret."""
    return secret.removeprefix(BEFORE).removesuffix(AFTER)


def spellings(secret: str) -> set[bytes]:
    """The core itself (as in percent-encoding, JSON and repr), in hexadecimal, and in base64 at each alignment."""
    raw = core(secret).encode()
    found = {raw, raw.hex().encode(), raw[::-1]}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        found |= {encode(b"." * shift + raw)[4:-4] for shift in range(3)}
    return found


def must_be_nowhere(secrets_by_name: Mapping[str, str], places: Iterable[tuple[str, bytes]]) -> None:
    """Fails if a secret appears in one of the places, in any encoding."""
    spelt = {name: spellings(secret) for name, secret in secrets_by_name.items()}
    found = [
        f"{name} in {place}"
        for place, content in places
        for name, forms in spelt.items()
        if any(form in content for form in forms)
    ]
    assert not found, found


def files_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield str(path.relative_to(folder)), path.read_bytes()


def texts_in(value: Any) -> Iterator[str]:
    """The texts of a JSON value that are long enough not to match by chance."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)
    elif isinstance(value, str) and len(value) >= 8:
        yield value
