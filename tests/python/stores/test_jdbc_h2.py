"""H2 through its server for PostgreSQL: what is read there, and what that server cannot do."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.exceptions import AccessDeniedError, ConfigurationError
from strongroom.jdbc import JdbcBackend
from tests.command_line.shell import Shell
from tests.servers.h2 import PASSWORD, USER, h2, missing
from tests.servers.sealed import KEY, seal

VALUES = {"a": "p\u00e4\u00df\n", "A": "other", "odd/'\"\\ %\t": "x", "large": "\u00e9" * 32_768}
_numbers = itertools.count(100)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The server, filled."""
    if reason := missing():
        pytest.skip(reason)
    records = [seal("variable", f"airflow/{key}", value) for key, value in VALUES.items()]
    records += [seal("variable", "airflow/a", "newest", version=2), seal("connection", "airflow/c", "x://y")]
    records += [seal("config", f"airflow/n{number:04}", "x") for number in range(1200)]
    with h2(tmp_path_factory.mktemp("h2"), *records) as opened:
        yield opened


def options(port: int) -> dict[str, Any]:
    """Those of a reader."""
    place = {"url": f"jdbc:postgresql://127.0.0.1:{port}/vault", "dialect": "h2"}
    return {**place, "username": USER, "password": PASSWORD, "sealing_key": KEY, "on_error": "raise", "max_attempts": 1}


def backend(port: int, **more: Any) -> JdbcBackend:
    """A backend of its own."""
    return JdbcBackend(**{**options(port), "cache_max_entries": next(_numbers), **more})


def test_values_of_each_kind_come_back(port: int) -> None:
    reader = backend(port)
    expected = {**VALUES, "a": "newest", "gone": None}
    assert {key: reader.get_variable(key) for key in expected} == expected
    assert (reader.get_conn_value("c"), reader.get_config("n0007")) == ("x://y", "x")
    together = backend(port, prefetch={"variables": [*VALUES, "gone"]})
    assert [together.get_variable(key) for key in ("A", "large")] == [VALUES["A"], VALUES["large"]]


def test_names_are_listed_in_pages_and_described(port: int, tmp_path: Any) -> None:
    shell = Shell(tmp_path, secrets=[KEY, PASSWORD])
    shell.backend("strongroom.jdbc.JdbcBackend", **options(port))
    listed = shell.run("list", "config", "--json")
    assert len(listed.json["secrets"]) == 1200
    described = shell.run("describe", "variable", "a", "--json")
    assert described.json["version"] == "2"
    found = shell.run("doctor").out
    assert "H2" in found
    assert "no encryption" in found


def test_what_is_wrong_is_named_although_the_server_says_nothing(port: int) -> None:
    for wrong in ({"password": "bad"}, {"url": f"jdbc:postgresql://127.0.0.1:{port}/none"}):
        with pytest.raises(ConfigurationError, match=r"H2 ended the connection.*wrong password, an unknown database"):
            backend(port, **wrong).get_variable("a")
    with pytest.raises(AccessDeniedError):
        backend(port, username="reader", password="reader-password").get_variable("a")
    with pytest.raises(ConfigurationError, match="no encryption"):
        backend(port, sslmode="require")
