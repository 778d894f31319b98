"""Databases: PostgreSQL and MariaDB behind a line that can be broken, each with a user who may read one table."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tests.conformance.capability import EVERY_STORE, Capability
from tests.conformance.harness import Harness, Kind, Options, Planting
from tests.failures.way import Phase, Scene, Way, injected, way
from tests.servers.lines import Line, line
from tests.stores.description import Reader, Secrets, Store

if TYPE_CHECKING:
    import pytest

    from tests.servers.databases import Database

#: What any of the servers can show.
CAPABILITIES = EVERY_STORE | {
    Capability.TEAMS,
    Capability.CHANGES,
    Capability.LISTED,
    Capability.DESCRIBED,
    Capability.DENIED,
    Capability.UNAUTHENTICATED,
    Capability.THROTTLED,
    Capability.HANG,
    Capability.REFUSED,
    Capability.BROKEN_OFF,
    Capability.TRUNCATED,
    Capability.GARBAGE,
}
LINES = {Capability.HANG: "hang", Capability.REFUSED: "down", Capability.BROKEN_OFF: "cut"}


class OnDatabase(Harness):
    """A table, and a reader who logs in over TLS that is verified."""

    store = "jdbc"
    capabilities = CAPABILITIES
    #: A text of PostgreSQL has no zero.
    impossible_names = frozenset({"zero"})
    address_option = "url"

    def __init__(self, folder: Path) -> None:
        """There is no server before ``running``."""
        super().__init__(folder)
        self.database: Database
        self.line: Line
        self.healed: list[Callable[[], object]] = []

    @abstractmethod
    def server_running(self) -> AbstractContextManager[Database]:
        """The server."""

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Server, line."""
        with self.server_running() as self.database, line(self.database.port) as self.line:
            yield

    def reset(self) -> None:
        """An empty table."""
        self.heal()
        self.database.reset()

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """A new version."""
        self.database.put(*split(STORE.place(kind, secret_id, team)), value)

    def options(self) -> Options:
        """The reader's, through the line."""
        return self.database.options(self.line.port)

    def inject(self, fault: Capability) -> Options:
        """What an administrator, somebody who writes into the table, or the network would do."""
        if fault in LINES:
            self.line.break_off(LINES[fault])  # type: ignore[arg-type]
        elif fault is Capability.DENIED:
            self.database.allow(reads=False)
        elif fault is Capability.UNAUTHENTICATED:
            self.database.login("another")
        elif fault is Capability.THROTTLED:
            self.database.crowd()
        elif fault is Capability.TRUNCATED:
            self.spoil("sealed = left(sealed, 24)")
        elif fault is Capability.GARBAGE:
            self.spoil("sealed = concat('AAAA', substr(sealed, 5))")
        else:
            self.database.close()  # type: ignore[attr-defined]
        return {}

    def spoil(self, expression: str) -> None:
        """Changes every row, until it is healed."""
        kept = "backup_of_the_test"
        table = "strongroom_secrets"
        self.database.run(f"CREATE TABLE {kept} AS SELECT * FROM {table}", f"UPDATE {table} SET {expression}")
        back = (f"DELETE FROM {table}", f"INSERT INTO {table} SELECT * FROM {kept}", f"DROP TABLE {kept}")
        self.healed.append(lambda: self.database.run(*back))

    def heal(self) -> None:
        """Everything as it was."""
        self.line.heal()
        while self.healed:
            self.healed.pop()()
        self.database.heal()

    def plantings(self, canary: str) -> list[Planting]:
        """In addresses, in the environment and in files."""
        key = self.folder / "planted.key"
        key.write_text(canary)
        address = f"postgresql://user:{canary}@127.0.0.1:9/d?sslmode=disable"
        return [
            Planting("password in the address", {"url": address, "username": None, "password": None}),
            Planting("parameter of the address", {"url": f"{self.options()['url']}?password={canary}&x={canary}"}),
            Planting("invalid address", {"url": f"postgresql://user:{canary}@[::1/"}),
            Planting("environment", {"password": None}, {"STRONGROOM_JDBC_PASSWORD": canary}),
            Planting("address of the environment", {"url": None}, {"STRONGROOM_JDBC_URL": address}),
            Planting("short key in a file", {"sealing_key": None, "sealing_key_file": str(key)}),
            Planting("key of the environment", {"sealing_key": None}, {"STRONGROOM_SEALING_KEY": canary * 2}),
            Planting("client key", {"sslcert": str(key), "sslkey": str(key)}),
        ]


class OnPostgres(OnDatabase):
    """PostgreSQL, with SCRAM that is bound to TLS."""

    server = "postgresql"
    capabilities = CAPABILITIES | {Capability.SERVER_ERROR}

    def server_running(self) -> AbstractContextManager[Database]:
        """A server of its own."""
        # Imported here because descriptions are read where no environment exists.
        from tests.servers.databases import postgres

        return postgres()

    def options(self) -> Options:
        """The binding too."""
        return {**super().options(), "channel_binding": "require"}


class OnMariaDb(OnDatabase):
    """MariaDB."""

    server = "mariadb"

    def server_running(self) -> AbstractContextManager[Database]:
        """A server of its own."""
        from tests.servers.databases import mariadb

        return mariadb()


def split(name: str) -> tuple[str, str]:
    """The kind and the rest of a name."""
    kind, _, rest = name.partition("/")
    return kind, rest


@contextlib.contextmanager
def stranger(harness: Harness) -> Iterator[Scene]:
    """A backend that trusts another authority."""
    from tests.servers.tls import certificate

    folder = harness.folder / "stranger"
    folder.mkdir(exist_ok=True)
    yield Scene(lambda: None, {"ca_bundle": str(certificate(folder).authority)})


def another_database(harness: Harness) -> AbstractContextManager[Scene]:
    """A backend whose address ends in another name."""
    url = str(harness.options()["url"]).replace("/vault", "/none")
    return contextlib.nullcontext(Scene(lambda: None, {"url": url}))


class Jdbc(Store):
    """A table of sealed values."""

    name = word = policy = feature = "jdbc"
    backend = "strongroom.jdbc.JdbcBackend"
    page = "jdbc.md"
    harnesses = (OnPostgres, OnMariaDb)
    needed: ClassVar[Mapping[str, Any]] = {
        "url": "jdbc:postgresql://127.0.0.1:9/vault?user=made-up",
        "sealing_key": "made-up-3Vn8Qx2Lr6Tz0Kc5Wd9Hf1Bj4",
    }
    ways = (
        injected("53300: too many connections", Capability.THROTTLED, waits=True),
        injected("55000: the database takes no connections", Capability.SERVER_ERROR, waits=True),
        injected("42501: the user may not read the table", Capability.DENIED),
        injected(
            "28P01: the password was changed",
            Capability.UNAUTHENTICATED,
            note="A connection that is open goes on after its password has changed; here its session was ended, too.",
        ),
        way("42P01: the table is gone", lambda harness: gone(harness)),
        way("404: the row is gone", lambda harness: harness.database.reset()),
        way("404: marked as deleted", lambda harness: harness.database.change("deleted_at = now()")),
        Way("3D000: no such database", another_database, phases=(Phase.BEFORE,)),
        injected("no answer", Capability.HANG),
        injected("connection refused", Capability.REFUSED, waits=True),
        injected("answer broken off", Capability.BROKEN_OFF, waits=True),
        way("connection reset", lambda harness: harness.line.break_off("reset"), waits=True),
        Way("certificate of an unknown authority", stranger, phases=(Phase.BEFORE,)),
        injected("the sealed text is cut", Capability.TRUNCATED),
        injected("a bit of the sealed text is another", Capability.GARBAGE),
        way("another key is in use", lambda harness: rotated(harness)),
    )

    def place(self, kind: Kind, secret_id: str, team: str | None = None) -> str:
        """Kind, prefix and id."""
        return f"{kind}/airflow/{f'{team}--' if team else ''}{secret_id}"

    def opened(self, request: pytest.FixtureRequest, folder: Path) -> Any:
        """The server of the session, empty."""
        del folder
        server = request.getfixturevalue("postgres_server")
        server.reset()
        return server

    def fill(self, server: Any, secrets: Secrets) -> None:
        """New versions."""
        for name, value in secrets.items():
            server.put(*split(self.place(*name)), value)

    def reader(self, server: Any, url: str) -> Reader:
        """The reader, until the grant is taken away."""
        del url
        options = server.options()

        def shut() -> Mapping[str, Any]:
            server.allow(reads=False)
            return {}

        return Reader(options, shut, [options["password"], options["sealing_key"]])

    def deployed(self, server: Any) -> tuple[dict[str, Any], dict[str, str]]:
        """Password and key in variables."""
        options = server.options()
        variables = {
            "STRONGROOM_JDBC_PASSWORD": options.pop("password"),
            "STRONGROOM_SEALING_KEY": options.pop("sealing_key"),
        }
        return options, variables


def gone(harness: OnDatabase) -> None:
    """The table has another name, until it is healed."""
    table, other = "strongroom_secrets", "moved_by_the_test"
    harness.database.run(f"ALTER TABLE {table} RENAME TO {other}")
    harness.healed.append(lambda: harness.database.run(f"ALTER TABLE {other} RENAME TO {table}"))


def rotated(harness: OnDatabase) -> None:
    """The newest version is sealed with a key that is not configured."""
    harness.database.put("variable", "airflow/hello", "world", key_id="2027")


STORE = Jdbc()
