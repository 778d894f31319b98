"""An agent whose token, web identity and secret change all the time: it stays with none of them, and does not grow."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from strongroom.aws import SecretsManagerBackend
from strongroom.hashicorp import VaultBackend
from tests.python.process.agent import foreground, until

#: How long a value is fresh, how often everything changes, and how long credentials of the role are valid, in seconds.
TTL, EVERY, LIFETIME = 0.5, 1.5, 3

ASSUMED = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
<SessionToken>t</SessionToken><Expiration>{expires}</Expiration></Credentials>
<AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn><AssumedRoleId>A:s</AssumedRoleId></AssumedRoleUser>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""


class Changing:
    """Vault, STS and Secrets Manager. What a rotation has replaced is refused from then on."""

    def __init__(self) -> None:
        self.number = 0
        self.changed = time.monotonic()
        #: The keys of the role, with the moment at which each ends.
        self.keys: dict[str, float] = {}
        #: What was refused, and the numbers of the web identities that were used.
        self.refused: list[str] = []
        self.assumed: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status: int, content: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content.encode())

            def do_GET(self) -> None:
                self.answer(*outer.vault(self.headers.get("X-Vault-Token", "")))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if "WebIdentityToken" in body:
                    self.answer(*outer.assume(parse_qs(body)["WebIdentityToken"][0]))
                else:
                    key = self.headers["Authorization"].partition("Credential=")[2].partition("/")[0]
                    self.answer(*outer.secret(key))

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def value(self) -> str:
        return f"value-{self.number}"

    def vault(self, token: str) -> tuple[int, str]:
        if token != f"token-{self.number}":
            self.refused.append(token)
            return 403, json.dumps({"errors": ["permission denied"]})
        return 200, json.dumps({"data": {"data": {"value": self.value}, "metadata": {"version": 1}}})

    def assume(self, token: str) -> tuple[int, str]:
        number = int(token.removeprefix("jwt-"))
        if number != self.number:
            self.refused.append(token)
            return 400, "<ErrorResponse><Error><Code>ExpiredTokenException</Code></Error></ErrorResponse>"
        self.assumed.append(number)
        key = f"ASIA{len(self.assumed)}"
        self.keys[key] = time.monotonic() + LIFETIME
        expires = datetime.now(timezone.utc) + timedelta(seconds=LIFETIME)
        return 200, ASSUMED.format(key=key, expires=expires.strftime("%Y-%m-%dT%H:%M:%SZ"))

    def secret(self, key: str) -> tuple[int, str]:
        if self.keys.get(key, 0) < time.monotonic():
            self.refused.append(key)
            return 400, json.dumps({"__type": "ExpiredTokenException", "message": "expired"})
        return 200, json.dumps({"Name": "n", "SecretString": self.value})

    def change(self, folder: Path) -> None:
        """Replaces the files as Kubernetes and Vault's own agent do, at once, and ends what was valid before."""
        number = self.number + 1
        for name in ("token", "jwt"):
            (folder / f"{name}.new").write_text(f"{name}-{number}")
        for name in ("token", "jwt"):
            (folder / f"{name}.new").rename(folder / name)
        self.number, self.changed = number, time.monotonic()


@pytest.fixture
def changing(folder: Path) -> Iterator[Changing]:
    changing = Changing()
    changing.change(folder)
    yield changing
    changing.server.shutdown()
    changing.server.server_close()


def size(pid: int) -> tuple[int, int, int]:
    """Resident KiB, threads and descriptors of a process; those only root sees of one that is not dumpable."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    figures = {name: int(line.split()[1]) for line in lines for name in ("VmRSS", "Threads") if line.startswith(name)}
    open_files = 0
    with contextlib.suppress(PermissionError):
        open_files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return figures["VmRSS"], figures["Threads"], open_files


@pytest.mark.parametrize("seconds", [12, pytest.param(600, marks=pytest.mark.soak)])
def test_no_identity_stays_and_nothing_grows(
    folder: Path, changing: Changing, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(folder / "jwt"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", changing.url)
    role = {name: os.environ[name] for name in os.environ if name.startswith("AWS_")}
    # Nothing stale, so that an identity that stayed would be seen as an error.
    common: dict[str, Any] = {"cache_ttl": TTL, "cache_max_stale": 0, "on_error": "raise"}
    aws = {**common, "endpoint_url": changing.url, "region_name": "eu-west-1", "agent": str(folder / "aws.sock")}
    vault = {**common, "url": changing.url, "token_path": str(folder / "token"), "agent": str(folder / "vault.sock")}
    of_vault: dict[str, Any] = {"backend": "strongroom.hashicorp.VaultBackend"}
    with foreground(folder, aws, variables=role) as one, foreground(folder, vault, **of_vault) as other:
        backends = [SecretsManagerBackend(**aws), VaultBackend(**vault)]
        until(lambda: [backend.get_variable("hello") for backend in backends] == [changing.value] * 2)
        begin, first, lookups = time.monotonic(), None, 0
        while time.monotonic() < begin + seconds:
            age = time.monotonic() - changing.changed
            values = [backend.get_variable("hello") for backend in backends]
            lookups += 2
            # A value may be as old as its time to live, and a moment on top for a busy machine.
            if age > TTL + 0.5:
                assert values == [changing.value] * 2
            if age > EVERY:
                changing.change(folder)
            if first is None and time.monotonic() > begin + min(seconds / 3, 60):
                first = [size(agent.pid) for agent in (one, other)]
            time.sleep(0.02)
        last = [size(agent.pid) for agent in (one, other)]
    assert lookups > seconds * 2
    assert first is not None
    for (memory, *counts), (before, *earlier) in zip(last, first, strict=True):
        assert memory <= before + 2048
        assert [count - then for count, then in zip(counts, earlier, strict=True)] <= [1, 4]
    # Each web identity was used for itself, and a token that was refused was not sent a second time.
    assert len(set(changing.assumed)) >= seconds / (EVERY + LIFETIME) - 1
    assert [token for token in changing.refused if token.startswith(("jwt", "ASIA"))] == []
    assert len(changing.refused) == len(set(changing.refused))
