"""How many requests a lookup makes at most, also when the server closes connections early."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from strongroom.aws import SecretsManagerBackend, SystemsManagerParameterStoreBackend
from strongroom.exceptions import StrongroomError
from strongroom.google import CloudSecretManagerBackend
from strongroom.hashicorp import VaultBackend
from tests.servers.aws import REGION
from tests.servers.process import LOOPBACK

AWS = {"region_name": REGION, "aws_access_key_id": "AKIA", "aws_secret_access_key": "x"}
SECRET = {"Name": "n", "SecretString": "world"}
PAYLOAD = {"payload": {"data": base64.b64encode(b"world").decode()}}

Store = tuple[Callable[..., Any], dict[str, Any]]
STORES: dict[str, Store] = {
    "secrets manager": (lambda url, **more: SecretsManagerBackend(endpoint_url=url, **AWS, **more), SECRET),
    "parameter store": (
        lambda url, **more: SystemsManagerParameterStoreBackend(endpoint_url=url, **AWS, **more),
        {"Parameter": {"Name": "n", "Value": "world"}},
    ),
    "vault": (
        lambda url, **more: VaultBackend(url=url, token="t", **more),
        {"data": {"data": {"value": "world"}, "metadata": {"version": 1}}},
    ),
    "google": (
        lambda url, **more: CloudSecretManagerBackend(endpoint_url=url, project_id="p", anonymous=True, **more),
        PAYLOAD,
    ),
}


class Moody:
    """A server that closes connections at their second request, or at every request."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.requests = 0
        self.answers_first = True
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True
            seen = 0

            def serve(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.requests += 1
                self.seen += 1
                if self.seen > 1 or not outer.answers_first:
                    self.close_connection = True
                    return
                content = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = serve

            def log_message(self, format: str, *args: object) -> None:
                """No output."""

        self.server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://{LOOPBACK}:{self.server.server_address[1]}"


@contextlib.contextmanager
def moody(body: dict[str, Any]) -> Iterator[Moody]:
    """Runs the server."""
    server = Moody(body)
    thread = threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.server.shutdown()
        server.server.server_close()
        thread.join()


@pytest.mark.parametrize("store", STORES)
def test_one_attempt_is_one_request_also_when_the_server_hangs_up(store: str) -> None:
    make, body = STORES[store]
    with moody(body) as server:
        backend = make(server.url, cache_ttl=0, max_attempts=1)
        assert (backend.get_variable("a"), server.requests) == ("world", 1)
        with pytest.raises(StrongroomError):
            backend.get_variable("b")
        assert server.requests == 2


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("attempts", [2, 3, 5])
def test_a_server_that_always_hangs_up_gets_as_many_requests_as_attempts(store: str, attempts: int) -> None:
    make, body = STORES[store]
    with moody(body) as server:
        server.answers_first = False
        with pytest.raises(StrongroomError):
            make(server.url, cache_ttl=0, max_attempts=attempts).get_variable("a")
        assert server.requests == attempts


@pytest.mark.parametrize("store", STORES)
def test_five_attempts_are_made_by_default_and_a_dead_connection_costs_one(store: str) -> None:
    make, body = STORES[store]
    with moody(body) as server:
        backend = make(server.url, cache_ttl=0)
        assert [backend.get_variable("a"), backend.get_variable("b")] == ["world", "world"]
        assert server.requests == 3
        server.answers_first = False
        server.requests = 0
        with pytest.raises(StrongroomError):
            backend.get_variable("c")
        assert server.requests == 5
