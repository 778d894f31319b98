"""Every store with a backend that reads it: filled, counted, and closed to the reader where a test needs that."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.command_line.shell import Run, Shell
from tests.servers.counting import Call, Counter
from tests.stores import described
from tests.stores.description import Calls, Secrets, Store

#: The stores by their short names.
STORES: Mapping[str, Store] = {store.word: store for store in described().values()}
#: The requests to those that are reached over a network.
SERVERS: Mapping[str, Calls] = {word: store.calls for word, store in STORES.items() if store.calls}
#: The stores that list their names.
LISTING = [word for word in STORES if word not in SERVERS or SERVERS[word].listed]


@dataclass
class StoreShell:
    """A store, and the shell in which commands are run on it."""

    store: str
    shell: Shell
    put: Callable[[Secrets], None]
    options: dict[str, Any]
    #: Takes the reader's rights away; the options that it returns replace those above.
    deny: Callable[[], Mapping[str, Any]] = dict
    #: The option with the store's address; empty if it is not a server.
    address: str = ""
    counter: Counter | None = None
    operation: Callable[[Call], str] = lambda call: call.operation
    more: dict[str, Any] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: str = "", **options: Any) -> Run:
        """Runs a command on the backend, with more options."""
        self.shell.backend(self.store, **self.options, **{**self.more, **options})
        return self.shell.run(*arguments, stdin=stdin)

    def operations(self) -> list[str]:
        """The requests to the store since this was last called, without those that only served a login."""
        assert self.counter is not None
        with_login = [self.operation(call) for call in list(self.counter.calls)]
        self.counter.clear()
        return [operation for operation in with_login if operation]

    def shut(self) -> None:
        """From now on the reader has no permissions."""
        self.options |= self.deny()

    def move(self) -> None:
        """From now on the store does not answer."""
        scheme = "https" if str(self.options[self.address]).startswith("https") else "http"
        self.options |= {self.address: f"{scheme}://127.0.0.1:9", "max_attempts": 1}


@contextlib.contextmanager
def open_store(word: str, shell: Shell, request: pytest.FixtureRequest) -> Iterator[StoreShell]:
    """An empty store, and a backend on it."""
    store = STORES[word]
    server = store.opened(request, shell.home)
    if store.server:
        server.reset()
    with store.counted(server) as counter:
        reader = store.reader(server, counter.url if counter else "")
        shell.secrets += reader.secrets

        def put(secrets: Secrets) -> None:
            store.fill(server, secrets)

        yield StoreShell(word, shell, put, reader.options, reader.shut, store.address, counter, store.operation)


def ids(secrets: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Kind and id of each secret in a list."""
    return [(each["kind"], each["id"]) for each in secrets]
