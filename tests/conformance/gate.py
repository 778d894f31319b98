"""An HTTP proxy that breaks connections and answers on demand, and counts requests.

It does not depend on the store behind it: any store that is reached over HTTP will do.
"""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from tests.conformance.capability import EVERY_STORE, Capability
from tests.conformance.harness import Harness, Kind, Options, Planting
from tests.servers.double import Answer as FromDouble
from tests.servers.double import Guarded
from tests.servers.process import LOOPBACK
from tests.servers.tls import Certificate, Server

#: The faults that the gate itself can show.
GATE_FAULTS = frozenset(
    {
        Capability.BAD_GATEWAY,
        Capability.HANG,
        Capability.REFUSED,
        Capability.BROKEN_OFF,
        Capability.TRUNCATED,
        Capability.GARBAGE,
    }
)
UPSTREAM_TIMEOUT = 60.0
NOT_OURS_TO_PASS_ON = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Answer:
    """An answer in place of the store's own, as a proxy would give it."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes = b""


def written(answer: FromDouble) -> Answer:
    """An answer of a double, in place of the store's own."""
    return Answer(answer.status, (("Content-Type", "application/json"),), answer.content())


def page(status: int, title: str, *headers: tuple[str, str]) -> Answer:
    """A page of a web server that is not the store."""
    content = f"<html><head><title>{status} {title}</title></head><body>nginx</body></html>"
    return Answer(status, (("Content-Type", "text/html"), *headers), content.encode())


BAD_GATEWAY = page(502, "Bad Gateway")


class Gate:
    """A running proxy. ``fault`` applies from now on to every request, or to those that ``spoils`` selects.

    With ``tls`` it speaks HTTPS.
    """

    def __init__(self, upstream: str, tls: Certificate | None = None) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.tls = tls
        self.fault: Capability | Answer | None = None
        self.requests = 0
        #: Which requests are counted, by their path: the login before a read is not a read.
        self.counts: Callable[[str], bool] = lambda _path: True
        #: Which requests the fault applies to, by their path.
        self.spoils: Callable[[str], bool] = lambda _path: True
        self.healed = threading.Event()
        self._lock = threading.Lock()
        self._open: set[Any] = set()
        self._server = self._listen(0)
        self.port = int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The address for clients, before, during and after a fault."""
        return f"{'https' if self.tls else 'http'}://{LOOPBACK}:{self.port}"

    def inject(self, fault: Capability | Answer) -> None:
        """Starts a fault. Open connections are closed, so that no client keeps using an old one."""
        self.healed.clear()
        self.fault = fault
        if fault is Capability.REFUSED:
            self.close()
        self._hang_up()

    def heal(self) -> None:
        """Ends the fault."""
        if self.fault is Capability.REFUSED:
            self._server = self._listen(self.port)
        self.fault = None
        self.healed.set()

    def reset(self) -> None:
        """Ends the fault and resets the counts."""
        self.heal()
        self.requests = 0

    def close(self) -> None:
        """Stops listening."""
        self._server.stop()

    def asked(self, path: str) -> None:
        """Used by the handler."""
        with self._lock:
            self.requests += self.counts(path)

    def connected(self, connection: Any, *, is_open: bool) -> None:
        """Used by the handler."""
        with self._lock:
            (self._open.add if is_open else self._open.discard)(connection)

    def become(self, tls: Certificate) -> None:
        """Shows another certificate from now on."""
        self.tls = tls
        self._server.show(tls)
        self._hang_up()

    def _hang_up(self) -> None:
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(2)

    def _listen(self, port: int) -> Server:
        server = Server(type("Handler", (_Handler,), {"gate": self}), self.tls, (LOOPBACK, port))
        server.start("gate")
        return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gate: Gate

    def setup(self) -> None:
        super().setup()
        self.gate.connected(self.connection, is_open=True)

    def finish(self) -> None:
        self.gate.connected(self.connection, is_open=False)
        with contextlib.suppress(OSError):
            super().finish()

    def answer(self) -> None:
        """Reads a request and applies the fault to it."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.gate.asked(self.path)
        fault = self.gate.fault if self.gate.spoils(self.path) else None
        if fault is Capability.HANG:
            self.gate.healed.wait(UPSTREAM_TIMEOUT)
            self.close_connection = True
        elif fault is Capability.BAD_GATEWAY:
            self._send(BAD_GATEWAY)
        elif isinstance(fault, Answer):
            self._send(fault)
        else:
            self._pass_on(body, fault)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_LIST = answer

    def _pass_on(self, body: bytes, fault: Capability | None) -> None:
        with contextlib.closing(http.client.HTTPConnection(self.gate.upstream, timeout=UPSTREAM_TIMEOUT)) as upstream:
            # The host is still the one that the client signed.
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                upstream.putheader(name, value)
            upstream.endheaders(body)
            answer = upstream.getresponse()
            content, headers = answer.read(), answer.getheaders()
        if fault is Capability.TRUNCATED:
            content = content[: len(content) * 3 // 4]
        elif fault is Capability.GARBAGE:
            content = content[1:]
        changed = Answer(answer.status, tuple(headers), content)
        self._send(changed, broken_off=fault is Capability.BROKEN_OFF)

    def _send(self, answer: Answer, *, broken_off: bool = False) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            if name.lower() not in NOT_OURS_TO_PASS_ON:
                self.send_header(name, value)
        content = answer.content
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) * 3 // 4] if broken_off else content)
        if broken_off:
            self.wfile.flush()
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """No output."""


class Gated(Harness):
    """A store that is reached over HTTP: the common parts of backends behind a gate, which ``running`` opens."""

    gate: Gate

    def reset(self) -> None:
        """Opens the gate and resets its counts."""
        self.gate.reset()

    def inject(self, fault: Capability) -> Options:
        """The gate's faults."""
        self.gate.inject(fault)
        return {}

    def heal(self) -> None:
        """Opens the gate."""
        self.gate.heal()

    def requests(self) -> int:
        """The counted requests that went through the gate."""
        return self.gate.requests

    def addresses(self, canary: str) -> list[Planting]:
        """An address with a password in it, and an invalid one that contains a password."""
        with_password = self.gate.url.replace("//", f"//user:{canary}@")
        broken = f"http://user:{canary}@[::1/"
        return [
            Planting("address", {self.address_option: with_password}),
            Planting("invalid address", {self.address_option: broken}),
        ]

    def proxies(self, canary: str) -> Mapping[str, str]:
        """The variables that name a proxy with a password."""
        with_password = self.gate.url.replace("//", f"//user:{canary}@")
        return {"HTTP_PROXY": with_password, "http_proxy": with_password}


class OnGuarded(Gated):
    """A store whose server is a ``Guarded`` double; its token is the option ``token``."""

    double: ClassVar[type[Guarded]]
    #: The variable that counts where there is no token in the options.
    variable: ClassVar[str]
    #: What such a server may do to a request.
    faults = GATE_FAULTS | {
        Capability.DENIED,
        Capability.UNAUTHENTICATED,
        Capability.THROTTLED,
        Capability.SERVER_ERROR,
    }
    capabilities = (
        EVERY_STORE
        | faults
        | {Capability.TEAMS, Capability.CHANGES, Capability.COUNTED, Capability.LISTED, Capability.DESCRIBED}
    )

    def __init__(self, folder: Path) -> None:
        """Nothing runs yet."""
        super().__init__(folder)
        self.guarded = self.double()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Gate, double."""
        with self.guarded.running(), gate(self.guarded.url) as self.gate:
            yield

    def reset(self) -> None:
        """No secrets, one token."""
        super().reset()
        self.guarded.reset()

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """A secret of the double."""
        # Imported here because the descriptions name their harnesses.
        from tests.stores import described

        self.guarded.secrets[described()[self.store].place(kind, secret_id, team)] = value

    def plantings(self, canary: str) -> list[Planting]:
        """The environment, a token that no header can hold, and addresses with a password in them."""
        return [
            Planting("environment", {"token": None}, {self.variable: canary}),
            Planting("token with a line break", {"token": f"{canary}\n{canary}"}),
            *self.addresses(canary),
            Planting("proxy of the environment", {}, self.proxies(canary)),
        ]

    def options(self) -> Options:
        """The token, and the gate as the address."""
        return {"token": self.guarded.token, self.address_option: self.gate.url}

    def inject(self, fault: Capability) -> Options:
        """What the service would do to this token."""
        if fault is Capability.DENIED:
            self.guarded.tokens[self.guarded.token] = False
        elif fault is Capability.UNAUTHENTICATED:
            self.guarded.tokens.clear()
        elif fault in (Capability.THROTTLED, Capability.SERVER_ERROR):
            self.guarded.fault = 429 if fault is Capability.THROTTLED else 500
        else:
            return super().inject(fault)
        return {}

    def heal(self) -> None:
        """Everything as it was, but for the counts."""
        super().heal()
        self.guarded.heal()


@contextlib.contextmanager
def gate(upstream: str, tls: Certificate | None = None) -> Iterator[Gate]:
    """Runs a gate in front of ``upstream``."""
    opened = Gate(upstream, tls)
    try:
        yield opened
    finally:
        opened.heal()
        opened.close()
