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

#: The environments of Airflow: with Amazon's and HashiCorp's providers, and with those of Google and Azure, whose
#: packages are many.
AIRFLOW = "airflow-3.3"
CLOUDS = "airflow-3.3-clouds"

#: Values by kind and id.
Secrets = Mapping[tuple[Kind, str], str]
#: The kinds as most stores have them in their names.
FOLDERS: Mapping[Kind, str] = {"connection": "connections", "variable": "variables", "config": "config"}


def below_prefix(separator: str, kind: Kind, secret_id: str, team: str | None) -> str:
    """The name of a secret by the prefixes that most classes have by default, a team's before its id."""
    return separator.join(("airflow", FOLDERS[kind], f"{team}--{secret_id}" if team else secret_id))


@dataclass(frozen=True)
class Calls:
    """What a store is asked, in the words of ``Store.operation``."""

    #: A lookup, and a page of a list.
    read: str
    listed: str
    #: How many names a page has at most.
    page: int
    #: A description, where it takes one call.
    described: str = ""
    #: After a miss, where the store can tell why.
    why: tuple[str, ...] = ()
    #: The request for several secrets and how many it takes, where the store has one.
    batch: tuple[str, int] | None = None


@dataclass(frozen=True)
class Reader:
    """One who may read, list and describe everything."""

    options: dict[str, Any]
    #: Takes these rights away; what it returns goes over the options.
    shut: Callable[[], Mapping[str, Any]] = dict
    #: What must be seen nowhere.
    secrets: Sequence[str] = ()


class Store(ABC):
    """A store. What has no value here has to be said."""

    #: In ``strongroom.stores()``; this module and the store's folder in ``tests/parity`` are called the same.
    name: ClassVar[str]
    #: Its short word in tests of the command line; its folder of transcripts is called so.
    word: ClassVar[str]
    #: In ``Cargo.toml``.
    feature: ClassVar[str]
    #: Our class, and the one in whose place it stands; empty where there is none.
    backend: ClassVar[str]
    official: ClassVar[str] = ""
    #: Where both are compared.
    environment: ClassVar[str] = AIRFLOW
    #: In ``docs/``.
    page: ClassVar[str]
    #: Its word for ``strongroom policy``, if it has one.
    policy: ClassVar[str] = ""
    #: Whether ``dags/example_stores`` has ready-made settings.
    example: ClassVar[bool] = True

    #: How the conformance suite handles it on each server, that which shows most first.
    harnesses: ClassVar[tuple[type[Harness], ...]]
    #: On which of them it fails for ``docs/failures.md``; the first if none is named.
    failing: ClassVar[type[Harness] | None] = None
    #: How it may fail.
    ways: ClassVar[Sequence[Way]]

    #: Kwargs without which it cannot be made, and those that lead it to a place where nobody answers.
    needed: ClassVar[Mapping[str, Any]] = {}
    nowhere: ClassVar[Mapping[str, Any]] = {}
    #: The fixture of its server, and the option that says where that is; empty where it is not asked over a network.
    server: ClassVar[str] = ""
    address: ClassVar[str] = ""
    #: What the server is asked.
    calls: ClassVar[Calls | None] = None
    #: The tests that run it in a real Airflow, where they are its own; it is left out of ``test_stores.py`` then.
    airflow_tests: ClassVar[str] = ""

    @abstractmethod
    def place(self, kind: Kind, secret_id: str, team: str | None = None) -> str:
        """The name of a secret in the store, by the prefixes that the class has by default."""

    @abstractmethod
    def fill(self, server: Any, secrets: Secrets) -> None:
        """Stores values."""

    @abstractmethod
    def reader(self, server: Any, url: str) -> Reader:
        """A new reader, who finds the server at ``url``."""

    @abstractmethod
    def deployed(self, server: Any) -> tuple[dict[str, Any], dict[str, str]]:
        """What an operator sets to read the server in Airflow: kwargs, and variables."""

    def opened(self, request: pytest.FixtureRequest, folder: Path) -> Any:
        """The server, as other tests left it.

        A store without one has its secrets below ``folder``, or in what this returns.
        """
        del folder
        return request.getfixturevalue(self.server)

    def front(self, server: Any) -> tuple[str, Certificate | None]:
        """Where the server is for a proxy that counts, and the certificate that this one shows."""
        return str(server.url), None

    def operation(self, call: Call) -> str:
        """What a request was; nothing if it only served a login."""
        return call.operation

    @contextlib.contextmanager
    def counted(self, server: Any) -> Iterator[Counter | None]:
        """A proxy before the server, if that is asked over a network."""
        if not self.address:
            yield None
            return
        with counting_proxy(*self.front(server)) as counter:
            yield counter
