"""Texts that are connections, or almost."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

#: Parts with a meaning in a URI, in JSON, or in a rule of Airflow's, and parts without any.
TOKENS = st.sampled_from(
    [
        *"abZ09:/@?#[]%&=+-_.;,!$'()*\\\"{}<>| \t\n\r\x00\x7f",
        *("://", "%2F", "%40", "%zz", "%C3%A9", "é", "名", "\U0001f600", "\ud800", "\u00a0", "ß", "İ"),
        *("__extra__=", "__extra__={}", "postgresql", "::1", "[::1]", ":5432", "localhost"),
    ]
)
SOUP = st.lists(TOKENS, max_size=12).map("".join)
WORDS = st.text(max_size=6) | SOUP
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=5
)
PORTS = st.integers(-1, 70_000) | SCALARS
FIELDS = {
    "conn_type": SCALARS,
    "login": SCALARS,
    "password": SCALARS,
    "host": SCALARS,
    "port": PORTS,
    "schema": SCALARS,
    "extra": JSON | JSON.map(json.dumps),
    "description": SCALARS,
}
NAMES = st.sampled_from([*FIELDS, "extra_dejson", "uri", "id", "conn_id", "Host"]) | WORDS


def quoted(text: str) -> str:
    """As Airflow quotes a part of a URI."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


@st.composite
def uris(draw: st.DrawFn) -> str:
    """A URI, part by part: each quoted, raw, or left out."""
    parts = st.none() | WORDS | WORDS.map(quoted)
    login, password, host, schema = (draw(parts) for _ in range(4))
    uri = f"{draw(st.sampled_from(['postgres', 'my-sql', 'HTTP', 'a_b', '', 'x+y']) | WORDS)}://"
    if login is not None or password is not None:
        uri += f"{login or ''}{'' if password is None else ':' + password}@"
    uri += (host or "") + draw(st.just("") | st.integers(0, 70_000).map(":{}".format) | WORDS)
    if schema is not None:
        uri += "/" + schema
    pairs = draw(st.lists(st.tuples(WORDS | st.just("__extra__"), WORDS | JSON.map(json.dumps)), max_size=3))
    raw = draw(st.booleans())
    query = "&".join(f"{key}={value}" for key, value in pairs) if raw else urlencode(pairs, errors="surrogatepass")
    return uri + (f"?{query}" if pairs else "")


def objects() -> st.SearchStrategy[str]:
    """Connections as JSON, mostly with valid fields."""
    known: dict[str, Any] = FIELDS
    sound = st.fixed_dictionaries({}, optional=known)
    return st.builds(json.dumps, sound | st.dictionaries(NAMES, JSON, max_size=4), ensure_ascii=st.booleans())


#: Any of these, sometimes with white space around it.
CONNECTIONS = st.builds(
    "{}{}{}".format, st.sampled_from(["", "", " ", "\n"]), uris() | objects() | SOUP, st.sampled_from(["", "", " "])
)
