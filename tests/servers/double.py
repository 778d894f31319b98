"""The base of our doubles: a function from requests to answers, served over http or https.

A double plays a service for which no server can be installed. It records every request, so that tests can check them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from tests.servers.tls import Certificate, listening


@dataclass(frozen=True)
class Request:
    """A request. Names of headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the target."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}

    @property
    def form(self) -> dict[str, str]:
        """The parameters of a form in the body."""
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}

    @property
    def json(self) -> Any:
        """The body; ``ValueError`` if it is not JSON."""
        return json.loads(self.body)

    @property
    def bearer(self) -> str:
        """The token of an Authorization header, or an empty string."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" else ""


@dataclass(frozen=True)
class Answer:
    """The answer to a request; a body that is not bytes is written as JSON."""

    status: int = 200
    body: object = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def tagged(self, request: Request) -> Answer:
        """The same with its entity tag, or nothing if the client has it."""
        tag = f'W/"{hashlib.sha256(self.content()).hexdigest()}"'
        is_known = request.headers.get("if-none-match") == tag
        return Answer(304, headers={"ETag": tag}) if is_known else replace(self, headers={**self.headers, "ETag": tag})

    def content(self) -> bytes:
        """The bytes of the body."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Double:
    """A running double and its requests, in order."""

    url: str
    requests: list[Request] = field(default_factory=list)

    def paths(self) -> list[str]:
        """The requests, as ``METHOD path``."""
        return [f"{request.method} {request.path}" for request in list(self.requests)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Head and body leave in one packet; two would wait 40 ms for each other (Nagle and delayed acknowledgement).
    wbufsize = -1
    answer: Callable[[Request], Answer]
    double: Double

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body)
        self.double.requests.append(request)
        answer = type(self).answer(request)
        content = answer.content()
        self.send_response(answer.status)
        written = {} if isinstance(answer.body, bytes) else {"Content-Type": "application/json"}
        for name, value in {**written, **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_LIST = serve

    def log_message(self, format: str, *args: Any) -> None:
        """No output: ``Double.requests`` is the record."""


@contextlib.contextmanager
def serving(answer: Callable[[Request], Answer], tls: Certificate | None = None) -> Iterator[Double]:
    """Serves ``answer`` on a free port; with ``tls`` over https."""
    handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
    with listening(handler, tls, "double") as server:
        double = Double(server.url)
        handler.double = double  # type: ignore[attr-defined]
        yield double


@dataclass
class Guarded(ABC):
    """A double that checks a bearer token, and holds texts by name: what a service with one token and GET is."""

    #: The token of the one who may read, and the status for one who is known and may not.
    token: ClassVar[str]
    denial: ClassVar[int] = 403

    url: str = ""
    secrets: dict[str, str] = field(default_factory=dict)
    #: Each token, and whether it may read.
    tokens: dict[str, bool] = field(default_factory=dict)
    #: What everything is answered with.
    fault: int = 0

    @staticmethod
    @abstractmethod
    def error(status: int) -> Answer:
        """An error as the service writes it."""

    @abstractmethod
    def read(self, request: Request) -> Answer:
        """What a token that may read gets."""

    def heal(self) -> None:
        """No fault, one token."""
        self.tokens, self.fault = {self.token: True}, 0

    def reset(self) -> None:
        """The same, and no secrets."""
        self.secrets = {}
        self.heal()

    def answer(self, request: Request) -> Answer:
        """What the service says."""
        allowed = self.tokens.get(request.bearer)
        refused = self.fault or (401 if allowed is None else 0 if allowed else self.denial)
        return self.error(refused) if refused else self.read(request)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Runs it, empty."""
        self.reset()
        with serving(self.answer) as double:
            self.url = double.url
            yield
