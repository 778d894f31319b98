"""1Password Connect: the double that knows its tokens, behind the gate."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tests.conformance.capability import Capability
from tests.conformance.gate import OnGuarded, written
from tests.conformance.harness import Kind, Options
from tests.failures.way import Way, answered, injected, over_http, way
from tests.servers.counting import Call
from tests.servers.double import Guarded
from tests.servers.onepassword import ITEMS, VAULT, OnePassword, made, of_text
from tests.stores.description import Calls, Reader, below_prefix
from tests.stores.guarded import GuardedStore

HELLO = "airflow/variables/hello"


class OnDouble(OnGuarded):
    """A token that reads one vault."""

    store = "onepassword_connect"
    double = OnePassword
    variable = "OP_CONNECT_TOKEN"
    address_option = "address"

    def options(self) -> Options:
        """The vault by its id."""
        return {**super().options(), "vault": VAULT}

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """A lookup is counted once: by the search for its item."""
        with super().running():
            self.gate.counts = lambda path: "filter=" in path
            yield


def twins(harness: Any) -> None:
    """A second item of the same title."""
    harness.guarded.items.append(made(HELLO, of_text(HELLO, "x")["fields"], number=2))


def archived(harness: Any) -> None:
    """The item is in the archive."""
    value = harness.guarded.secrets.pop(HELLO)
    harness.guarded.items.append({**of_text(HELLO, value), "state": "ARCHIVED"})


def without_value(harness: Any) -> None:
    """The item has other fields."""
    del harness.guarded.secrets[HELLO]
    harness.guarded.items.append(made(HELLO, []))


WAYS: tuple[Way, ...] = (
    injected("429", Capability.THROTTLED, waits=True),
    injected("500", Capability.SERVER_ERROR),
    injected("403: the vault is not in the scope of the token", Capability.DENIED),
    injected("401: the token was revoked", Capability.UNAUTHENTICATED),
    answered("404: no such vault", written(OnePassword.error(404))),
    answered("400", written(OnePassword.error(400))),
    way("two items of one title", twins),
    way("item in the archive", archived),
    way("item without a field for the value", without_value),
    *over_http(),
)


class OnePasswordConnectStore(GuardedStore):
    """The items of one vault."""

    name = "onepassword_connect"
    word = policy = feature = "onepassword"
    backend = "strongroom.onepassword.OnePasswordConnectBackend"
    page = "1password-connect.md"
    harnesses = (OnDouble,)
    address = "address"
    nowhere: ClassVar[Mapping[str, Any]] = {"address": "http://127.0.0.1:9", "token": "made-up"}
    place_options: ClassVar[Mapping[str, str]] = {"vault": VAULT}
    powerless = "eyJhbGciOiJFUzI1NiJ9.canary9Lx3made7up.c2ln"
    calls = Calls("item", "list", 1000, before=("search",), described="search", why=("search",))
    ways = WAYS

    def place(self, kind: Kind, secret_id: str, team: str | None = None) -> str:
        """The title of an item."""
        return below_prefix("/", kind, secret_id, team)

    def reader(self, server: Guarded, url: str) -> Reader:
        """The same vault for both tokens."""
        made = super().reader(server, url)
        return Reader({**made.options, **self.place_options}, made.shut, made.secrets)

    def operation(self, call: Call) -> str:
        """By its path; a search for the vault is none of an item."""
        path, _, query = call.path.partition("?")
        if path == ITEMS:
            return "search" if query else "list"
        return "item" if path.startswith(f"{ITEMS}/") else ""


STORE = OnePasswordConnectStore()
