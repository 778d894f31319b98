"""Airflow reads from each of the other stores, set up by environment variables alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.airflow import expect
from tests.airflow.canaries import Canaries, must_be_nowhere
from tests.airflow.conftest import CONFIG, CONNECTION, VARIABLE, connection_fields, connection_uri, look_up
from tests.airflow.session import Airflow, Result, backend_environment
from tests.stores import described
from tests.stores.description import Secrets, Store

pytestmark = pytest.mark.ours
Results = dict[str, Result]


@pytest.fixture(scope="session", params=[name for name, store in described().items() if not store.airflow_tests])
def store(request: pytest.FixtureRequest) -> Store:
    """Each store that has no tests of its own here."""
    return described()[request.param]


@pytest.fixture(scope="session")
def found(
    store: Store,
    request: pytest.FixtureRequest,
    airflow: Airflow,
    canaries: Canaries,
    tmp_path_factory: pytest.TempPathFactory,
) -> Results:
    """Every lookup, each in a separate command."""
    server = store.opened(request, tmp_path_factory.mktemp(store.name))
    written: Secrets = {
        ("connection", CONNECTION): connection_uri(canaries),
        ("variable", VARIABLE): canaries.greeting,
        ("config", CONFIG): canaries.dsn,
    }
    store.fill(server, written)
    kwargs, variables = store.deployed(server)
    environment = {**backend_environment(store.backend, kwargs), **variables}
    return look_up(airflow, environment, "connection", "absent connection", "variable", "config", "dag")


@pytest.mark.parametrize("name", described())
def test_its_own_tests_exist(name: str) -> None:
    own = described()[name].airflow_tests
    assert not own or Path(__file__).with_name(own).exists(), f"{name}: there is no {own}"


def test_a_connection(found: Results, canaries: Canaries) -> None:
    expect.connection(found["connection"], connection_fields(canaries))
    expect.nothing(found["absent connection"], "Connection not found.")


def test_a_variable_and_an_option(found: Results, canaries: Canaries) -> None:
    assert found["variable"].must().out.splitlines()[-1] == canaries.greeting
    assert found["config"].must().out.splitlines()[-1] == canaries.dsn


def test_the_example_dag(found: Results, canaries: Canaries, store: Store) -> None:
    expect.the_dag(found["dag"], canaries, store.backend)


def test_no_secret_leaves_a_trace(found: Results, airflow: Airflow, canaries: Canaries) -> None:
    assert found["dag"].code == 0
    must_be_nowhere(airflow, canaries.cores())
