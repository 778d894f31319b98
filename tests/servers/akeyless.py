"""A stub of Akeyless's API, as far as the class of Airflow's provider (0.3.2) and its SDK (akeyless 5.0.40) ask it.

Only a class of another package is tested against it: Strongroom has no store for Akeyless.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tests.servers.double import Answer, Double, Request, serving

TOKEN = "t-0123456789"
KEY = "akeyless-key"


class Akeyless:
    """Its secrets, and what it was asked."""

    def __init__(self) -> None:
        """Without secrets."""
        self.secrets: dict[str, str] = {}
        self.double = Double("")

    @property
    def kwargs(self) -> dict[str, str]:
        """The arguments of the class."""
        return {"api_url": self.double.url, "access_id": "p-1", "access_key": KEY}

    @property
    def asked(self) -> list[Request]:
        """The requests, in order."""
        return self.double.requests

    def names(self) -> tuple[str, ...]:
        """The secrets that were asked for."""
        return tuple(name for asked in self.asked if asked.path == "/get-secret-value" for name in asked.json["names"])

    def logins(self) -> int:
        """How often a token was asked for."""
        return sum(asked.path == "/auth" for asked in self.asked)

    def answer(self, request: Request) -> Answer:
        """What the service says."""
        body = request.json
        if request.path == "/auth" and body.get("access-key") == KEY:
            return Answer(body={"token": TOKEN})
        if request.path != "/get-secret-value" or body.get("token") != TOKEN:
            return Answer(401, {"error": "Unauthorized"})
        missing = [name for name in body["names"] if name not in self.secrets]
        if missing:
            return Answer(404, {"error": f"failed to get secret {missing[0]}: not found"})
        return Answer(body={name: self.secrets[name] for name in body["names"]})


@contextlib.contextmanager
def serve() -> Iterator[Akeyless]:
    """A server on a free port."""
    akeyless = Akeyless()
    with serving(akeyless.answer) as akeyless.double:
        yield akeyless
