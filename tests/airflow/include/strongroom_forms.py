"""The forms in which a secret may be printed, with their names in docs/security.md. For tests."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode

from sqlalchemy.engine import URL


def lower(quoted: str) -> str:
    """Percent-encoding with lower-case hexadecimal digits."""
    return re.sub("%..", lambda found: found.group().lower(), quoted)


def rendered(secret: str) -> str:
    """A password in a URL of SQLAlchemy."""
    url = URL.create("postgresql", "app", secret, "db")
    if hasattr(url, "render_as_string"):
        return str(url.render_as_string(hide_password=False))
    return str(url)


def base64_of(secret: str) -> str:
    """The encoding in a header."""
    return base64.b64encode(secret.encode()).decode()


FORMS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "stripped": str.strip,
    "percent-encoded": lambda secret: quote(secret, safe=""),
    "percent-encoded, lower case": lambda secret: lower(quote(secret, safe="")),
    "quote": quote,
    "quote, lower case": lambda secret: lower(quote(secret)),
    "quote_plus": quote_plus,
    "form encoding": lambda secret: urlencode({"password": secret}),
    "SQLAlchemy": rendered,
    "base64": base64_of,
    "base64, unpadded": lambda secret: base64_of(secret).rstrip("="),
    "base64, URL-safe": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "base64 of the stripped": lambda secret: base64_of(secret.strip()),
    "JSON": json.dumps,
    "JSON without ASCII escapes": lambda secret: json.dumps(secret, ensure_ascii=False),
    "JSON in JSON": lambda secret: json.dumps(json.dumps({"password": secret})),
    "JSON in a form": lambda secret: urlencode({"__extra__": json.dumps({"password": secret})}),
    "repr": repr,
    "repr with the other quote": lambda secret: repr(secret + "'")[:-2],
}


def pieces(printed: str) -> list[str]:
    """What must not be in a log: the only line of a text, else each line that is long enough and not a marker."""
    lines = [line.strip() for line in printed.splitlines()]
    if len(lines) == 1:
        return lines
    return [line for line in lines if len(line) >= 16 and not line.startswith("-----")]
