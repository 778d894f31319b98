"""What the stores have in common whose servers are doubles that check one token."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tests.servers.double import Guarded
from tests.stores.description import Reader, Secrets, Store

if TYPE_CHECKING:
    import pytest


class GuardedStore(Store):
    """A store with the option ``token``."""

    #: The double, and a token that is known to it and may not read.
    double: ClassVar[type[Guarded]]
    powerless: ClassVar[str]
    server = "guarded_servers"
    address = "endpoint_url"
    nowhere: ClassVar[Mapping[str, Any]] = {"endpoint_url": "http://127.0.0.1:9", "token": "made-up"}
    #: What an operator sets besides the address and the token, which is in a variable.
    place_options: ClassVar[Mapping[str, str]] = {}
    variable: ClassVar[str]

    def opened(self, request: pytest.FixtureRequest, folder: Path) -> Guarded:
        """The double."""
        del folder
        double: Guarded = request.getfixturevalue(self.server)(self.double)
        return double

    def fill(self, server: Guarded, secrets: Secrets) -> None:
        """Secrets, or new values of them."""
        server.secrets |= {self.place(*name): value for name, value in secrets.items()}

    def reader(self, server: Guarded, url: str) -> Reader:
        """The token, and the other one."""
        server.tokens[self.powerless] = False
        options = {"token": self.double.token, self.address: url}
        return Reader(options, lambda: {"token": self.powerless}, [self.double.token, self.powerless])

    def deployed(self, server: Guarded) -> tuple[dict[str, Any], dict[str, str]]:
        """The place in the kwargs, the token in the environment."""
        return {**self.place_options, self.address: server.url}, {self.variable: self.double.token}
