"""Official classes as members of a chain: what the class answers alone, with the calls that a cache saves."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.providers.akeyless.secrets.akeyless import AkeylessBackend
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
from airflow.sdk.bases.hook import BaseHook
from airflow.sdk.definitions.connection import Connection
from airflow.sdk.execution_time import supervisor

import strongroom.chain
from strongroom.exceptions import StrongroomError
from tests.parity.comparison import Comparison, ask, fill
from tests.parity.outcomes import CONNECTION_CLASSES, connection, outcome
from tests.servers.akeyless import Akeyless, serve

#: A configuration of its own for each test, and with it a cache of its own.
NUMBERS = itertools.count(1000)
AKEYLESS = "airflow.providers.akeyless.secrets.akeyless.AkeylessBackend"
AMAZON = "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
ENVIRONMENT = "airflow.secrets.environment_variables.EnvironmentVariablesBackend"


@pytest.fixture
def akeyless() -> Iterator[Akeyless]:
    """A stub of the service, empty."""
    with serve() as server:
        yield server


class Lookup:
    """In the form of a case."""

    def __init__(self, lookup: str, name: str) -> None:
        """Without a team."""
        self.lookup, self.name, self.team = lookup, name, None


def amazon(comparison: Comparison) -> dict[str, Any]:
    """The official class on the test server."""
    kwargs = {"region_name": "eu-central-1", "endpoint_url": comparison.counter.url, **comparison.reader.options()}
    own = {"cache_max_entries": next(NUMBERS)}
    return {"class": AMAZON, "kwargs": fill(kwargs, comparison.words), **own}


@pytest.mark.parametrize("lookup", ["var", "conn", "config", "core", "sdk"])
@pytest.mark.parametrize("name", ["a", "gone"])
def test_amazons_class_answers_as_it_does_alone(comparison: Comparison, lookup: str, name: str) -> None:
    """The second lookup makes no call."""
    folders = ("connections", "variables", "config")
    with comparison.holding({f"airflow/{folder}/a": "postgres://u:p%40@h:5432/s?x=1" for folder in folders}):
        member, case = amazon(comparison), Lookup(lookup, name)
        official = outcome(lambda: ask(SecretsManagerBackend(**member["kwargs"]), case), comparison.asked)
        backend = strongroom.chain.ChainBackend(stores=[member])
        comparison.counter.clear()
        assert outcome(lambda: ask(backend, case)).value == official.value
        assert comparison.asked() == official.asked[-1:]
        assert outcome(lambda: ask(backend, case)).value == official.value
        assert comparison.asked() == official.asked[-1:]


def test_a_denied_lookup_of_amazons_class_is_an_error(comparison: Comparison) -> None:
    """The text of the exception is left out, since it is not known what it holds."""
    member = amazon(comparison)
    member["kwargs"]["aws_secret_access_key"] = "canary"
    backend = strongroom.chain.ChainBackend(stores=[member])
    with pytest.raises(
        StrongroomError, match=r"`airflow\.providers.*raised botocore\.exceptions\.ClientError"
    ) as raised:
        backend.get_variable("a")
    assert "canary" not in str(raised.value)


def test_airflows_environment_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables and connections, from the environment of the call."""
    monkeypatch.setenv("AIRFLOW_VAR_DB", "near")
    monkeypatch.setenv("AIRFLOW_CONN_DB", "postgres://u:p@h/s")
    backend = strongroom.chain.ChainBackend(stores=[{"class": ENVIRONMENT}])
    assert (backend.get_variable("db"), backend.get_conn_value("db")) == ("near", "postgres://u:p@h/s")
    monkeypatch.delenv("AIRFLOW_VAR_DB")
    assert backend.get_variable("db") == "near"
    assert (backend.get_variable("gone"), backend.get_config("db")) == (None, None)


CONNECTIONS = [
    "postgres://u:p%40%C3%A4%22@h:5432/s?a=1&b=%7B%22c%22%3A+2%7D",
    '{"conn_type": "http", "host": "h", "port": 80, "extra": {"a": [1, "é"], "password": "x"}}',
    '{"conn_uri": "mysql://h"}',
    "sqlite://",
]


@pytest.mark.parametrize("lookup", ["core", "sdk"])
@pytest.mark.parametrize("text", CONNECTIONS)
def test_the_connections_that_akeyless_class_makes(akeyless: Akeyless, lookup: str, text: str) -> None:
    """The same fields, in the class of Airflow that is in use; the second time without a call."""
    akeyless.secrets["/airflow/connections/a"] = text
    case = Lookup(lookup, "a")
    official = ask(AkeylessBackend(**akeyless.kwargs), case)
    backend = strongroom.chain.ChainBackend(stores=[{"class": AKEYLESS, "kwargs": akeyless.kwargs}])
    akeyless.asked.clear()
    for _ in range(2):
        ours = ask(backend, case)
        assert connection(ours) == {**connection(official), "class": CONNECTION_CLASSES[lookup].__module__}
    assert (akeyless.names(), akeyless.logins()) == (("/airflow/connections/a",), 1)


def test_the_variables_and_config_of_akeyless_class(akeyless: Akeyless) -> None:
    """And what is not there is asked for once."""
    akeyless.secrets.update({"/airflow/variables/a": '{"value": "near"}', "/airflow/config/a": "set"})
    backend = strongroom.chain.ChainBackend(stores=[{"class": AKEYLESS, "kwargs": akeyless.kwargs}])
    for _ in range(2):
        assert (backend.get_variable("a"), backend.get_config("a")) == ("near", "set")
        assert backend.get_variable("gone") is None
    assert (len(akeyless.names()), akeyless.logins()) == (3, 1)


class ReadsAConnection:
    """Logs in by a connection of Airflow, as many classes do."""

    def get_variable(self, key: str) -> str:
        """The host of that connection."""
        return f"{key} by {BaseHook.get_connection('login').host}"

    def get_conn_value(self, conn_id: str) -> str:
        """Never asked for its own login."""
        raise AssertionError(conn_id)


def test_a_class_that_reads_a_connection_by_a_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lookup within its call passes over it, and finds the connection in the next store."""
    near = {"class": f"{__name__}.ReadsAConnection"}
    far = {"name": "far", "store": "memory", "secrets": {"airflow/connections/login": "http://the-host"}}
    chain = strongroom.chain.ChainBackend(stores=[near, far])
    chain._set_connection_class(Connection)
    monkeypatch.setattr(supervisor, "ensure_secrets_backend_loaded", lambda: [chain])
    assert chain.get_variable("db") == "db by the-host"
    assert chain.get_variable("db") == "db by the-host"
