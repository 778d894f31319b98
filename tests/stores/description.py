"""What the description of a store holds."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tests.conformance.harness import Harness, Kind
from tests.failures.way import Way
from tests.servers.counting import Call, Counter, counting_proxy
from tests.servers.tls import Certificate

if TYPE_CHECKING:
    import pytest

#: The environments of Airflow: with Amazon's and HashiCorp's providers, and with those of Google and Azure, which
#: have many packages.
AIRFLOW = "airflow-3.3"
CLOUDS = "airflow-3.3-clouds"

#: Values by kind and id.
Secrets = Mapping[tuple[Kind, str], str]
#: The kinds as most stores write them in names.
FOLDERS: Mapping[Kind, str] = {"connection": "connections", "variable": "variables", "config": "config"}


def below_prefix(separator: str, kind: Kind, secret_id: str, team: str | None) -> str:
    """The name of a secret with the prefixes that most classes have by default, a team's name before the id."""
    return separator.join(("airflow", FOLDERS[kind], f"{team}--{secret_id}" if team else secret_id))


@dataclass(frozen=True)
class Calls:
    """The requests to a store, in the words of ``Store.operation``."""

    #: The request that gets a value, and a page of a list; empty for a store that cannot list.
    read: str
    listed: str = ""
    #: How many names a page has at most.
    page: int = 0
    #: Whether a full page may be the last one without a request that finds no more: the answer says how many there are.
    is_counted: bool = True
    #: A description, where it takes one call.
    described: str = ""
    #: The requests after a miss, where the store can say why.
    why: tuple[str, ...] = ()
    #: The request for several secrets and how many it takes, where the store has one.
    batch: tuple[str, int] | None = None
    #: The requests that find a secret first, where a name is not enough to read it.
    before: tuple[str, ...] = ()

    @property
    def hit(self) -> list[str]:
        """The requests of a lookup that finds its secret."""
        return [*self.before, self.read]

    @property
    def miss(self) -> list[str]:
        """The requests of a lookup that finds none."""
        return list(self.before) or [self.read]


@dataclass(frozen=True)
class Reader:
    """An identity that may read, list and describe everything."""

    options: dict[str, Any]
    #: Takes these rights away; the options that it returns replace those above.
    shut: Callable[[], Mapping[str, Any]] = dict
    #: Secrets that must not appear anywhere.
    secrets: Sequence[str] = ()


@dataclass(frozen=True)
class Writes:
    """What a store takes when it is written to, beside a value."""

    #: Whether a deleted secret can be restored.
    restores: bool = False
    #: Whether secrets have versions and tags.
    versions: bool = False
    tags: bool = False
    #: Whether two writers who create one secret at once cannot both succeed.
    compares: bool = True


class Store(ABC):
    """A store. Attributes without a value here are required."""

    #: In ``strongroom.stores()``; also the name of this module and of the store's folder in ``tests/parity``.
    name: ClassVar[str]
    #: Its short name in tests of the command line; also the name of its folder of transcripts.
    word: ClassVar[str]
    #: In ``Cargo.toml``.
    feature: ClassVar[str]
    #: Our class, and the official one that it replaces; empty if there is none.
    backend: ClassVar[str]
    official: ClassVar[str] = ""
    #: The environment in which both are compared.
    environment: ClassVar[str] = AIRFLOW
    #: In ``docs/``.
    page: ClassVar[str]
    #: Its word for ``strongroom policy``, if it has one.
    policy: ClassVar[str] = ""
    #: Whether ``dags/example_stores`` has ready-made settings.
    example: ClassVar[bool] = True

    #: How the conformance suite runs it on each server; the one with most capabilities first.
    harnesses: ClassVar[tuple[type[Harness], ...]]
    #: The one with which it fails for ``docs/failures.md``; the first by default.
    failing: ClassVar[type[Harness] | None] = None
    #: How it may fail.
    ways: ClassVar[Sequence[Way]]

    #: Kwargs that it requires, and those that lead it to an address where nothing answers.
    needed: ClassVar[Mapping[str, Any]] = {}
    nowhere: ClassVar[Mapping[str, Any]] = {}
    #: The fixture of its server, and the option with the server's address; empty if it is not reached over a network.
    server: ClassVar[str] = ""
    address: ClassVar[str] = ""
    #: That secrets can be written, with what the store takes beside a value.
    writes: ClassVar[Writes | None] = None
    #: The requests that the server gets.
    calls: ClassVar[Calls | None] = None
    #: The tests that run it in a real Airflow, if it has its own; it is then left out of ``test_stores.py``.
    airflow_tests: ClassVar[str] = ""

    @abstractmethod
    def place(self, kind: Kind, secret_id: str, team: str | None = None) -> str:
        """The name of a secret in the store, with the default prefixes of the class."""

    @abstractmethod
    def fill(self, server: Any, secrets: Secrets) -> None:
        """Stores values."""

    @abstractmethod
    def reader(self, server: Any, url: str) -> Reader:
        """A new reader of the server at ``url``."""

    def writer(self, server: Any, url: str) -> Reader:
        """An identity that may also write, with what ``strongroom policy --mode manage`` grants."""
        return self.reader(server, url)

    @abstractmethod
    def deployed(self, server: Any) -> tuple[dict[str, Any], dict[str, str]]:
        """What an operator sets to read the server in Airflow: kwargs and variables."""

    def opened(self, request: pytest.FixtureRequest, folder: Path) -> Any:
        """The server, with what other tests left in it.

        A store without a server has its secrets below ``folder``, or in what this returns.
        """
        del folder
        return request.getfixturevalue(self.server)

    def front(self, server: Any) -> tuple[str, Certificate | None]:
        """The server's address for a counting proxy, and the certificate that the proxy shows."""
        return str(server.url), None

    def operation(self, call: Call) -> str:
        """The operation of a request; empty if it only served a login."""
        return call.operation

    @contextlib.contextmanager
    def counted(self, server: Any) -> Iterator[Counter | None]:
        """A proxy in front of the server, if that is reached over a network."""
        if not self.address:
            yield None
            return
        with counting_proxy(*self.front(server)) as counter:
            yield counter
