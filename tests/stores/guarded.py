"""What the stores have in common whose servers are doubles that check one token."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tests.conformance.gate import OnGuarded
from tests.servers.double import Guarded
from tests.stores.description import Reader, Secrets, Store

if TYPE_CHECKING:
    import pytest


class GuardedStore(Store):
    """A store with the option ``token``."""

    harnesses: ClassVar[tuple[type[OnGuarded], ...]]
    #: A token that is known to the double and may not read.
    powerless: ClassVar[str]
    server = "guarded_servers"
    address = "endpoint_url"
    nowhere: ClassVar[Mapping[str, Any]] = {"endpoint_url": "http://127.0.0.1:9", "token": "made-up"}
    #: What an operator sets besides the address and the token, which is in a variable.
    place_options: ClassVar[Mapping[str, str]] = {}

    def opened(self, request: pytest.FixtureRequest, folder: Path) -> Guarded:
        """The double."""
        del folder
        double: Guarded = request.getfixturevalue(self.server)(self.harnesses[0].double)
        return double

    def fill(self, server: Guarded, secrets: Secrets) -> None:
        """Secrets, or new values of them."""
        server.secrets |= {self.place(*name): value for name, value in secrets.items()}

    def reader(self, server: Guarded, url: str) -> Reader:
        """The token, and the other one."""
        server.tokens[self.powerless] = False
        options = {"token": server.token, self.address: url}
        return Reader(options, lambda: {"token": self.powerless}, [server.token, self.powerless])

    def deployed(self, server: Guarded) -> tuple[dict[str, Any], dict[str, str]]:
        """The place in the kwargs, the token in the environment."""
        variable = self.harnesses[0].variable
        return {**self.place_options, self.address: server.url}, {variable: server.token}
