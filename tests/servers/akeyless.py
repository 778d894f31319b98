"""A stub of Akeyless's API, as far as the class of Airflow's provider (0.3.2) and its SDK (akeyless 5.0.40) ask it.

Only a class of another package is tested against it: Strongroom has no store for Akeyless.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "t-0123456789"


class Akeyless:
    """Its secrets, and what it was asked."""

    def __init__(self, url: str) -> None:
        """Without secrets."""
        self.kwargs = {"api_url": url, "access_id": "p-1", "access_key": "akeyless-key"}
        self.secrets: dict[str, str] = {}
        self.asked: list[tuple[str, Any]] = []

    def names(self) -> tuple[str, ...]:
        """The secrets that were asked for."""
        return tuple(name for path, body in self.asked if path == "/get-secret-value" for name in body["names"])

    def logins(self) -> int:
        """How often a token was asked for."""
        return sum(path == "/auth" for path, _ in self.asked)

    def answer(self, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        """The status and the body."""
        self.asked.append((path, body))
        if path == "/auth" and body.get("access-key") == self.kwargs["access_key"]:
            return 200, {"token": TOKEN}
        if path != "/get-secret-value" or body.get("token") != TOKEN:
            return 401, {"error": "Unauthorized"}
        missing = [name for name in body["names"] if name not in self.secrets]
        if missing:
            return 404, {"error": f"failed to get secret {missing[0]}: not found"}
        return 200, {name: self.secrets[name] for name in body["names"]}


@contextlib.contextmanager
def serve() -> Iterator[Akeyless]:
    """A server on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = akeyless.answer(self.path, body)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        akeyless = Akeyless(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield akeyless
        finally:
            server.shutdown()
            thread.join()
