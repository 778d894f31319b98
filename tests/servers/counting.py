"""A proxy that passes requests on unchanged and records them: for exact call counts, and for TLS."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from tests.servers.tls import Certificate, listening

UPSTREAM_TIMEOUT = 60.0
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection"}
SIGNED_HOST = "x-forwarded-host"


@dataclass(frozen=True)
class Call:
    """One request that went through, when it arrived (on ``time.monotonic``), and its status (0: no answer)."""

    method: str
    path: str
    target: str
    name: str
    status: int
    came: float = 0.0

    @property
    def operation(self) -> str:
        """The requested operation, such as ``GetSecretValue``; empty if the request does not name one."""
        return self.target.rpartition(".")[2]


@dataclass
class Counter:
    """A running proxy; ``calls`` grows by one per request that has been answered."""

    url: str
    calls: list[Call] = field(default_factory=list)
    connections: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def names(self, target: str = "secretsmanager.GetSecretValue") -> list[str]:
        """The names of the secrets that were requested, in order."""
        with self._lock:
            return [call.name for call in self.calls if call.target == target]

    def operations(self) -> list[str]:
        """The requested operations, in order."""
        with self._lock:
            return [call.operation for call in self.calls]

    def clear(self) -> None:
        """Starts counting from zero."""
        with self._lock:
            self.calls.clear()
            self.connections = 0

    def record(self, call: Call) -> None:
        """Used by the proxy."""
        with self._lock:
            self.calls.append(call)

    def connected(self) -> None:
        """Used by the proxy."""
        with self._lock:
            self.connections += 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    counter: Counter
    upstream: str
    #: With which an upstream is verified that speaks https.
    trust: ssl.SSLContext | None = None
    came = 0.0

    def setup(self) -> None:
        super().setup()
        self.counter.connected()

    def relay(self) -> None:
        self.came = time.monotonic()
        self._pass_on(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_LIST = relay

    def _record(self, body: bytes, status: int) -> None:
        target = self.headers.get("X-Amz-Target") or ""
        self.counter.record(Call(self.command, self.path, target, _secret_name(body), status, self.came))

    def _pass_on(self, body: bytes) -> None:
        connection = self._connection()
        with contextlib.closing(connection):
            try:
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self._headers():
                    connection.putheader(name, value)
                connection.endheaders(body)
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException):
                # The client sees the same as this proxy: no answer, and the connection closed.
                self._record(body, 0)
                self.close_connection = True
                return
        # Recorded before the answer is sent, so that a client that has its answer finds the request counted.
        self._record(body, answer.status)
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _connection(self) -> http.client.HTTPConnection:
        if self.trust:
            return http.client.HTTPSConnection(self.upstream, timeout=UPSTREAM_TIMEOUT, context=self.trust)
        return http.client.HTTPConnection(self.upstream, timeout=UPSTREAM_TIMEOUT)

    def _headers(self) -> list[tuple[str, str]]:
        """The headers of the request, with the host that the client signed, even if another proxy has changed it."""
        host = self.headers.get(SIGNED_HOST) or self.headers.get("Host") or ""
        left_out = HOP_BY_HOP | {"host", SIGNED_HOST}
        kept = [(name, value) for name, value in self.headers.items() if name.lower() not in left_out]
        return [*kept, ("Host", host), (SIGNED_HOST, host)]

    def log_message(self, format: str, *args: Any) -> None:
        """No output: ``Counter.calls`` is the record."""


def _secret_name(body: bytes) -> str:
    try:
        content = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(content, dict):
        return ""
    return str(content.get("SecretId") or content.get("Name") or "")


@contextlib.contextmanager
def counting_proxy(upstream: str, tls: Certificate | None = None) -> Iterator[Counter]:
    """Runs the proxy in front of ``upstream``; with ``tls`` its own side is https, and its upstream may be, too."""
    address = urlsplit(upstream)
    is_secured = tls is not None and address.scheme == "https"
    trust = ssl.create_default_context(cafile=str(tls.authority)) if tls and is_secured else None
    handler = type("Handler", (_Handler,), {"upstream": address.netloc, "trust": trust})
    with listening(handler, tls, "counting-proxy") as server:
        counter = Counter(server.url)
        handler.counter = counter  # type: ignore[attr-defined]
        yield counter
