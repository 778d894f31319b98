"""Secrets Manager's JSON connections: the same bytes as from the official class, for the same made-up answer."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import Mock

import pytest
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend as Official
from hypothesis import given
from hypothesis import strategies as st

from strongroom.aws import SecretsManagerBackend as Ours
from tests.property.with_airflow.texts import JSON, SOUP

WORDS = ["login", "user", "username", "user_name", "password", "pass", "key", "host", "remote_host", "server", "port"]
WORDS += ["database", "schema", "conn_type", "conn_id", "connection_type", "engine", "extra", "usr", "url", "Login", ""]
FIELDS = ["login", "user", "password", "host", "port", "schema", "conn_type", "extra"]
#: A text with lone surrogates cannot be sent, but JSON may contain them as escapes.
SENDABLE = SOUP.filter(lambda text: not any(0xD800 <= ord(letter) < 0xE000 for letter in text))
SECRETS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "", " \n", "\u00a0", "\ufeff"]),
    st.dictionaries(st.sampled_from(WORDS), JSON, max_size=6).map(json.dumps)
    | st.lists(st.tuples(st.sampled_from(WORDS), JSON), max_size=6).map(
        lambda pairs: "{" + ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs) + "}"
    )
    | SENDABLE.map("{{{}".format)
    | SENDABLE,
    st.sampled_from(["", "", "\n", "}"]),
)
EXTRA_WORDS = st.dictionaries(st.sampled_from(FIELDS), st.lists(st.sampled_from(WORDS), max_size=3), max_size=3)


class Answering:
    """A Secrets Manager that returns one secret for every name."""

    def __init__(self) -> None:
        self.secret = ""
        self.url = ""

    @contextlib.contextmanager
    def running(self) -> Iterator[Answering]:
        """Serves on a free port."""
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                body = json.dumps({"Name": "c", "SecretString": owner.secret}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """No output."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_address[1]}"
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()


@pytest.fixture(scope="module")
def answering() -> Iterator[Answering]:
    """One server for all examples."""
    with Answering().running() as server:
        yield server


def attempted(backend: Any) -> Any:
    """The connection's text, or the fact that there is an error."""
    try:
        return backend.get_conn_value("c")
    except Exception:  # noqa: BLE001 (the official class raises many types)
        return Exception


@given(secret=SECRETS, words=st.none() | EXTRA_WORDS)
def test_the_text_is_byte_equal(answering: Answering, secret: str, words: dict[str, list[str]] | None) -> None:
    answering.secret = secret
    options: dict[str, Any] = {"region_name": "eu-central-1", "extra_conn_words": words}
    official = Official(**options)
    vars(official)["client"] = Mock(**{"get_secret_value.return_value": {"SecretString": secret}})
    keys: dict[str, Any] = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "cache_ttl": 0}
    assert attempted(Ours(endpoint_url=answering.url, **options, **keys)) == attempted(official)
