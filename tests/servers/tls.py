"""A certificate authority of our own, and the HTTP server of the tests, which speaks TLS if given a certificate."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.servers.process import LOOPBACK, program


@dataclass(frozen=True)
class Certificate:
    """Paths of PEM files: what a server presents and what its clients trust."""

    certificate: Path
    key: Path
    authority: Path

    def context(self, *protocols: str) -> ssl.SSLContext:
        """The server's side of TLS, with the protocols to offer."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context


def certificate(folder: Path, *names: str, common_name: str | None = None) -> Certificate:
    """Makes an authority and a certificate in ``folder``: for ``names``, else for ``localhost`` and 127.0.0.1.

    It works for servers and clients; a client that Vault identifies by its certificate needs a ``common_name``.
    """
    command = [
        program("python"),
        "-m",
        "trustme",
        "--quiet",
        "--dir",
        str(folder),
        "--identities",
        *(names or ("localhost", LOOPBACK)),
        *(("--common-name", common_name) if common_name else ()),
    ]
    subprocess.run(command, check=True, timeout=60)
    return Certificate(folder / "server.pem", folder / "server.key", folder / "client.pem")


class Server(ThreadingHTTPServer):
    """An HTTP server with a thread for each connection; over TLS if it has a certificate."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, handler: type[BaseHTTPRequestHandler], tls: Certificate | None, address: tuple[str, int] = (LOOPBACK, 0)
    ) -> None:
        super().__init__(address, handler)
        self.tls = tls.context() if tls else None

    @property
    def url(self) -> str:
        """Its address."""
        host, port = self.server_address[:2]
        return f"{'https' if self.tls else 'http'}://{host!s}:{port}"

    def show(self, tls: Certificate) -> None:
        """Switches to another certificate; TLS sessions of the former one are not resumed."""
        self.tls = tls.context()

    def start(self, name: str) -> None:
        """Starts serving."""
        arguments = {"poll_interval": 0.02}  # the default of 0.5 s is how long each stop would take
        threading.Thread(target=self.serve_forever, kwargs=arguments, name=name, daemon=True).start()

    def stop(self) -> None:
        """Stops serving and frees the port."""
        self.shutdown()
        self.server_close()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Runs in the thread of the connection, so that a slow handshake delays no other client."""
        if not self.tls:
            super().finish_request(request, client_address)
            return
        with contextlib.closing(self.tls.wrap_socket(request, server_side=True)) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up early, or refuses our certificate, is part of some tests."""


@contextlib.contextmanager
def listening(handler: type[BaseHTTPRequestHandler], tls: Certificate | None, name: str) -> Iterator[Server]:
    """Serves on a free port."""
    server = Server(handler, tls)
    server.start(name)
    try:
        yield server
    finally:
        server.stop()
