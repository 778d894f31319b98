"""Memory: the secrets are part of the configuration, and nothing can fail."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conformance.capability import EVERY_STORE, Capability
from tests.conformance.harness import Harness, Kind, Options
from tests.failures.way import Phase, Scene, Way
from tests.stores.description import Reader, Secrets, Store, below_prefix

if TYPE_CHECKING:
    import pytest


class Memory(Harness):
    """Secrets in a dict."""

    store = "memory"
    capabilities = EVERY_STORE | {Capability.TEAMS, Capability.LISTED, Capability.DESCRIBED}

    def __init__(self, folder: Path) -> None:
        """Starts empty."""
        super().__init__(folder)
        self.secrets: dict[str, str] = {}

    def reset(self) -> None:
        """A new dict: earlier backends keep theirs."""
        self.secrets = {}

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """Puts it into the dict."""
        self.secrets[STORE.place(kind, secret_id, team)] = value

    def options(self) -> Options:
        """The dict itself."""
        return {"secrets": dict(self.secrets)}


def nothing(_harness: Harness) -> contextlib.AbstractContextManager[Scene]:
    """It holds no secrets."""
    return contextlib.nullcontext(Scene(lambda: None, {"secrets": {}}))


class MemoryStore(Store):
    """A dict."""

    name = word = feature = "memory"
    backend = "strongroom.memory.MemoryBackend"
    page = "memory.md"
    example = False
    harnesses = (Memory,)
    ways = (
        Way(
            "not there",
            nothing,
            phases=(Phase.BEFORE,),
            note="Nothing else can happen: a configured value stays as long as the process.",
        ),
    )

    def place(self, kind: Kind, secret_id: str, team: str | None = None) -> str:
        """As in Secrets Manager."""
        return below_prefix("/", kind, secret_id, team)

    def opened(self, request: pytest.FixtureRequest, folder: Path) -> dict[str, str]:
        """A dict that takes the place of a server."""
        del request, folder
        return {}

    def fill(self, server: dict[str, str], secrets: Secrets) -> None:
        """Puts them into the dict."""
        server.update({self.place(*name): value for name, value in secrets.items()})

    def reader(self, server: dict[str, str], url: str) -> Reader:
        """The dict itself."""
        del url
        return Reader({"secrets": server})

    def deployed(self, server: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        """The same."""
        return {"secrets": server}, {}


STORE = MemoryStore()
