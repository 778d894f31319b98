"""Databases: what only this store has, on PostgreSQL and MariaDB: logins, hosts, counts of statements, the table."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.exceptions import (
    AccessDeniedError,
    ConfigurationError,
    LookupTimeoutError,
    MalformedSecretError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from strongroom.jdbc import JdbcBackend
from tests.conformance.canaries import canary, must_be_nowhere
from tests.python import scripts
from tests.servers import databases
from tests.servers.databases import PASSWORD, READER, STRANGER, TABLE, Database, MariaDb, Postgres
from tests.servers.lines import Line, line
from tests.servers.process import free_port
from tests.servers.sealed import seal

#: A lookup whose connection is new, and one whose connection is open.
COLD, WARM = ["connect", "query"], ["query"]
SERVERS = ("postgres_server", "mariadb_server")
_numbers = itertools.count(100)


@pytest.fixture(params=SERVERS)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Each server, empty."""
    server: Database = request.getfixturevalue(request.param)
    server.reset()
    server.kill()
    server.said()
    yield server
    server.heal()


@pytest.fixture
def postgres(postgres_server: Postgres) -> Iterator[Postgres]:
    """One of them, empty."""
    postgres_server.reset()
    yield postgres_server
    postgres_server.heal()


@pytest.fixture
def broken(database: Database) -> Iterator[Line]:
    """A line to it."""
    with line(database.port) as opened:
        yield opened


def backend(database: Database, **options: Any) -> JdbcBackend:
    """A backend of its own: no earlier one has the same configuration."""
    own = {**database.options(), "max_attempts": 1, "cache_max_entries": next(_numbers), "on_error": "raise"}
    return JdbcBackend(**{**own, **options})


def fill(database: Database, *keys: str) -> list[str]:
    """Variables whose value is their key; returns the keys."""
    database.write(*(seal("variable", f"airflow/{key}", key) for key in keys))
    return list(keys)


def failure(error: type[Exception], reader: JdbcBackend, key: str = "a") -> str:
    """The words of a lookup that fails."""
    with pytest.raises(error) as caught:
        reader.get_variable(key)
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


def test_a_cold_lookup_is_a_connection_and_a_statement_and_a_warm_one_nothing(database: Database) -> None:
    fill(database, "a")
    number = next(_numbers)
    read = [backend(database, cache_max_entries=number).get_variable("a") for _ in range(1000)]
    assert read == ["a"] * 1000
    assert database.said() == COLD
    assert [backend(database, cache_max_entries=number).get_variable("gone") for _ in range(10)] == [None] * 10
    assert database.said() == WARM


def test_fifty_names_are_one_statement_and_so_are_those_of_a_team(database: Database) -> None:
    keys = fill(database, *(f"k{number}" for number in range(50)))
    reader = backend(database, prefetch={"variables": keys})
    assert [reader.get_variable(key) for key in keys] == keys
    assert database.said() == COLD
    assert reader.get_variable("k1", "ops") == "k1"
    assert database.said() in ([], WARM)


def test_a_session_that_was_ended_is_opened_again(database: Database) -> None:
    fill(database, "a", "b")
    reader = backend(database, cache_ttl=0)
    assert reader.get_variable("a") == "a"
    database.kill()
    time.sleep(0.1)
    assert [reader.get_variable(key) for key in "ab"] == ["a", "b"]
    assert database.said() == [*COLD, *COLD, *WARM]


def test_a_dead_host_is_passed_over_and_the_one_that_answered_is_tried_first(database: Database) -> None:
    fill(database, "a")
    with line(database.port) as first, line(database.port) as second:
        hosts = f"127.0.0.1:{first.port},127.0.0.1:{second.port}"
        url = database.url().replace(f"127.0.0.1:{database.port}", hosts)
        reader = backend(database, url=url, cache_ttl=0, connect_timeout="2s")
        assert reader.get_variable("a") == "a"
        assert (first.opened, second.opened) == (1, 0)
        first.break_off("down")
        assert [reader.get_variable("a") for _ in range(3)] == ["a"] * 3
        assert (first.opened, second.opened) == (1, 1)
        first.heal()
        second.break_off("hang")
        second.hang_up()
        assert reader.get_variable("a") == "a"
        assert first.opened == 2


def test_no_host_answers(database: Database) -> None:
    url = database.url().replace(f"127.0.0.1:{database.port}", f"127.0.0.1:{free_port()},127.0.0.1:{free_port()}")
    assert "no connection" in failure(UnreachableError, backend(database, url=url))


@pytest.mark.parametrize(
    ("mode", "trusts", "works"),
    [
        ("disable", True, False),
        ("prefer", False, True),
        ("require", False, True),
        ("require", True, True),
        ("verify-ca", False, False),
        ("verify-ca", True, True),
        ("verify-full", False, False),
        ("verify-full", True, True),
        ("VERIFY_IDENTITY", True, True),
    ],
)
def test_how_a_connection_is_encrypted(database: Database, mode: str, trusts: bool, works: bool) -> None:
    fill(database, "a")
    options = {"sslmode": mode, "ca_bundle": str(database.tls.authority) if trusts else None}
    if mode == "disable" and isinstance(database, Postgres):
        works = True  # this server lets the reader in without TLS
    reader = backend(database, **options)
    if works:
        assert reader.get_variable("a") == "a"
    else:
        error = UnauthenticatedError if mode == "disable" else UnreachableError
        assert ("certificate is not trusted" in failure(error, reader)) == (mode != "disable")


def test_a_certificate_of_another_host_is_refused_unless_only_its_authority_counts() -> None:
    with databases.postgres("other.invalid") as server:
        fill(server, "a")
        assert "certificate" in failure(UnreachableError, backend(server))
        assert backend(server, sslmode="verify-ca").get_variable("a") == "a"


def test_a_client_certificate_is_a_login(database: Database) -> None:
    fill(database, "a")
    own = {"sslcert": str(database.client.certificate), "sslkey": str(database.client.key)}
    options = {"username": "certified", "password": None}
    assert backend(database, **options, **own).get_variable("a") == "a"
    failure(UnauthenticatedError, backend(database, **options))
    broken = {"sslcert": str(database.client.certificate), "sslkey": str(database.tls.authority)}
    assert "client certificate file" in failure(ConfigurationError, backend(database, **options, **broken))


def test_a_login_is_bound_to_the_encrypted_connection(postgres: Postgres) -> None:
    fill(postgres, "a")
    bound = backend(postgres, channel_binding="require")
    assert bound.get_variable("a") == "a"
    plain = backend(postgres, channel_binding="require", sslmode="disable")
    assert "channel_binding" in failure(ConfigurationError, plain)


def test_what_is_wrong_with_a_login_is_named(database: Database) -> None:
    fill(database, "a")
    assert "does not accept the login" in failure(UnauthenticatedError, backend(database, password="wrong"))
    assert "does not accept the login" in failure(UnauthenticatedError, backend(database, username="nobody"))
    failure(AccessDeniedError, backend(database, username=STRANGER))
    unknown = backend(database, url=database.url().replace("/vault", "/none"))
    with pytest.raises((ConfigurationError, AccessDeniedError)):
        unknown.get_variable("a")
    # MariaDB does not tell a user without rights whether a table exists.
    missing = ConfigurationError if isinstance(database, Postgres) else AccessDeniedError
    assert "the table `other`" in failure(missing, backend(database, table="other"))
    database.crowd()
    assert "too many connections" in failure(ThrottledError, backend(database))


def test_a_statement_that_takes_too_long_is_ended_by_the_server(postgres: Postgres) -> None:
    fill(postgres, "a")
    postgres.run("BEGIN", f"LOCK TABLE {TABLE}")
    try:
        text = failure(LookupTimeoutError, backend(postgres, statement_timeout="200ms", timeout="10s"))
    finally:
        postgres.run("COMMIT")
    assert "57014" in text
    assert "statement_timeout" in text


def test_a_held_statement_ends_with_the_lookup_and_the_next_one_has_a_new_connection(
    database: Database, broken: Line
) -> None:
    fill(database, "a")
    url = database.url(broken.port)
    reader = backend(database, url=url, cache_ttl=0, timeout="4s")
    assert reader.get_variable("a") == "a"
    broken.break_off("hang")
    start = time.monotonic()
    failure(LookupTimeoutError, reader)
    assert time.monotonic() - start < 6
    broken.fault = None  # what was held stays held
    assert reader.get_variable("a") == "a"
    assert broken.opened == 2


@pytest.mark.parametrize("fault", ["slow", "cut", "reset", "down"])
def test_a_line_that_breaks_and_comes_back(database: Database, broken: Line, fault: Any) -> None:
    fill(database, "a")
    reader = backend(database, url=database.url(broken.port), cache_ttl=0, max_attempts=2)
    assert reader.get_variable("a") == "a"
    broken.break_off(fault)
    if fault == "slow":
        assert reader.get_variable("a") == "a"
    else:
        failure(UnreachableError, reader)
    broken.heal()
    assert reader.get_variable("a") == "a"


def test_the_newest_version_counts_unless_it_is_deleted(database: Database) -> None:
    for value in ("one", "two"):
        database.put("variable", "airflow/a", value)
    assert backend(database).get_variable("a") == "two"
    database.run(f"UPDATE {TABLE} SET deleted_at = now() WHERE version = 2")
    assert backend(database).get_variable("a") is None
    database.put("variable", "airflow/a", "three")
    assert backend(database).get_variable("a") == "three"


def test_a_record_under_another_name_or_key_is_an_error_and_no_value(database: Database) -> None:
    stolen = seal("variable", "airflow/a", "x")
    database.write(
        {**stolen, "name": "airflow/b"}, {**stolen, "version": 2}, seal("variable", "airflow/c", "x", key="k" * 32)
    )
    for key in "abc":
        assert "airflow/" in failure(MalformedSecretError, backend(database), key)
    database.reset()
    database.write(seal("variable", "airflow/a", "x", key_id="2027"))
    assert "`2027`, which is not configured" in failure(ConfigurationError, backend(database))


def test_names_that_a_collation_could_take_for_one_are_several(database: Database) -> None:
    keys = fill(database, "a", "A", "ä", "a\u0308", "b", "ß", "ss")
    reader = backend(database)
    assert [reader.get_variable(key) for key in keys] == keys
    assert [reader.get_variable(key) for key in ("B", "a ", " a")] == [None] * 3


def test_nothing_of_a_value_is_readable_in_the_files_of_the_database(database: Database) -> None:
    secrets = {f"value {number}": canary() for number in range(20)}
    database.write(*(seal("variable", f"airflow/{name}", secret) for name, secret in secrets.items()))
    assert [backend(database).get_variable(name) for name in secrets] == list(secrets.values())
    database.run("CHECKPOINT" if isinstance(database, Postgres) else "FLUSH TABLES")
    files = list(database.files())
    assert any(b"airflow/value 7" in content for _, content in files), "names are readable"
    must_be_nowhere(secrets, [*files, ("the log", database.log.read_bytes())])
    print(f"{database.dialect}: {len(files)} files, {sum(len(content) for _, content in files)} bytes")


def test_ten_thousand_names_are_listed_in_pages(database: Database) -> None:
    keys = [f"n{number:05}" for number in range(10_000)]
    for start in range(0, len(keys), 2000):
        database.write(*(seal("variable", f"airflow/{key}", "x") for key in keys[start : start + 2000]))
    database.write(seal("variable", "other/n", "x"), seal("connection", "airflow/c", "x"))
    database.said()
    reader = backend(database, prefetch={"variables": ["n*"]}, cache_max_entries=20_000)
    assert reader.get_variable("n04711") == "x"
    pages = database.said()
    # Eleven pages of names, the last of them empty, and a statement for each thousand values.
    assert pages.count("connect") == 1
    assert 20 <= pages.count("query") <= 23


def test_children_open_connections_of_their_own(database: Database) -> None:
    fill(database, "a", "b")
    options = {**database.options(), "cache_ttl": 0}
    scripts.run(
        """
        import json
        from strongroom.jdbc import JdbcBackend
        reader = JdbcBackend(**json.loads(sys.argv[1]))
        fork_under_load([reads(reader, key, key) for key in "ab"], 20)
        assert threads_soon(1) == 1
        """,
        json.dumps(options),
    )
    assert database.said().count("connect") >= 21


def test_a_read_only_host_may_be_asked_for(mariadb_server: MariaDb) -> None:
    mariadb_server.reset()
    fill(mariadb_server, "a")
    primary = {"target_session_attrs": "primary", "connect_timeout": "1s"}
    standby = {"target_session_attrs": "standby"}
    assert backend(mariadb_server, **primary).get_variable("a") == "a"
    assert "target_session_attrs" in failure(UnreachableError, backend(mariadb_server, **standby))
    mariadb_server.run("SET GLOBAL read_only = 1")
    try:
        assert backend(mariadb_server, **standby).get_variable("a") == "a"
        assert backend(mariadb_server, target_session_attrs="prefer-standby").get_variable("a") == "a"
        failure(UnreachableError, backend(mariadb_server, **primary))
    finally:
        mariadb_server.run("SET GLOBAL read_only = 0")


def test_an_address_may_be_that_of_any_client(database: Database) -> None:
    fill(database, "a")
    place = f"127.0.0.1:{database.port}/vault"
    words = {
        "postgresql": ("postgres", "postgresql+psycopg2", "jdbc:postgresql"),
        "mariadb": ("mysql", "mysql+pymysql", "jdbc:mysql"),
    }
    for scheme in words[database.dialect]:
        url = f"{scheme}://{READER}:{PASSWORD}@{place}?sslmode=require"
        assert backend(database, url=url, username=None, password=None, sslmode=None).get_variable("a") == "a"
        url = f"{scheme}://{place}?user={READER}&password={PASSWORD}&sslMode=REQUIRED"
        assert backend(database, url=url, username=None, password=None, sslmode=None).get_variable("a") == "a"


def test_the_store_has_made_nothing(database: Database) -> None:
    backend(database).get_variable("a")
    tables = database.run(
        "SELECT table_name FROM information_schema.tables WHERE table_schema IN ('vault', 'public') ORDER BY 1"
    )
    assert tables == [TABLE]
