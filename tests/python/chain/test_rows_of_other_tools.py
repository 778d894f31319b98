"""What the configuration of other tools promises, at work: keys, prefixes, addresses and which store answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from strongroom.aws import SecretsManagerBackend
from strongroom.chain import ChainBackend
from tests.servers.aws import REGION, MiniStack, allow

KEYS = {"accessKeyId": "AKIAOWN", "secretKeyId": "canary", "region": "eu-central-1"}


class Seen:
    """Answers every request with a secret, and keeps the headers."""

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                outer.headers.append({key.lower(): value for key, value in self.headers.items()})
                text = json.dumps({"Name": "n", "SecretString": "world"}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def seen() -> Iterator[Seen]:
    """A server of its own."""
    seen = Seen()
    yield seen
    seen.server.shutdown()
    seen.server.server_close()


def kestra(seen: Seen, **keys: Any) -> ChainBackend:
    """A chain of the store that Kestra's configuration names, with an address of its own."""
    config = {"type": "aws-secret-manager", "aws-secret-manager": {**KEYS, **keys}}
    return ChainBackend(stores=[{"config": config, "endpoint_url": f"http://{seen.host}"}])


@pytest.mark.parametrize("token", [None, "a-session-token"])
def test_keys_of_kestra_sign_and_a_session_token_is_sent_only_if_there_is_one(
    seen: Seen, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    """They take precedence over the environment, of which no token is sent beside them, at the address given."""
    for name, value in (("ACCESS_KEY_ID", "AKIAENV"), ("SECRET_ACCESS_KEY", "env"), ("SESSION_TOKEN", "env-token")):
        monkeypatch.setenv(f"AWS_{name}", value)
    assert kestra(seen, **({"sessionToken": token} if token else {})).get_variable("hello") == "world"
    (headers,) = seen.headers
    assert "Credential=AKIAOWN/" in headers["authorization"]
    assert "/eu-central-1/secretsmanager/" in headers["authorization"]
    assert headers.get("x-amz-security-token") == token
    assert headers["host"] == seen.host


def test_without_keys_the_default_chain_signs(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ACCESS_KEY_ID", "AKIAENV"), ("SECRET_ACCESS_KEY", "env"), ("SESSION_TOKEN", "env-token")):
        monkeypatch.setenv(f"AWS_{name}", value)
    assert kestra(seen, accessKeyId=None, secretKeyId=None).get_variable("hello") == "world"
    (headers,) = seen.headers
    assert "Credential=AKIAENV/" in headers["authorization"]
    assert headers["x-amz-security-token"] == "env-token"


def test_two_instances_with_two_prefixes_share_an_account(aws: MiniStack) -> None:
    """One name is two secrets."""
    aws.put_secrets({"one/variables/db": "of one", "two/variables/db": "of two"})
    reader = aws.user(allow("secretsmanager:GetSecretValue", "*"))
    given = {"region_name": REGION, "endpoint_url": aws.url, **reader.options()}
    found = [
        SecretsManagerBackend(**given, variables_prefix=f"{prefix}/variables").get_variable("db")
        for prefix in ("one", "two", "three")
    ]
    assert found == ["of one", "of two", None]


ROUTES: list[tuple[str, str, str | None, str]] = [
    ("variable", "dwh_x", None, "warehouse"),
    ("connection", "dwh_x", None, "warehouse"),
    ("connection", "DWH_X", None, "warehouse"),
    ("variable", "x_dwh", None, "shared"),
    ("variable", "x", "sales", "sales"),
    ("connection", "x", "sales", "shared"),
    ("variable", "x", "ops", "shared"),
    ("variable", "x", None, "shared"),
    ("variable", "dwh_x", "sales", "warehouse"),
]


@pytest.mark.parametrize(("kind", "key", "team", "member"), ROUTES)
def test_the_table_of_routes(kind: str, key: str, team: str | None, member: str) -> None:
    """Which store answers follows from the id, the kind and the team; each of them has every secret."""
    names = {
        f"airflow/{folder}/{name}"
        for folder in ("variables", "connections")
        for name in ("dwh_x", "DWH_X", "x", "x_dwh")
    }
    routes: dict[str, dict[str, Any]] = {
        "warehouse": {"ids": "dwh_"},
        "sales": {"teams": ["sales"], "kinds": ["variables"]},
        "shared": {},
    }
    stores = [
        {"name": name, "store": "memory", "secrets": dict.fromkeys(names, name), **route}
        for name, route in routes.items()
    ]
    backend = ChainBackend(stores=stores)
    look_up = backend.get_variable if kind == "variable" else backend.get_conn_value
    assert look_up(key, team_name=team) == member
