"""Airflow reads from each of the other stores, set up by environment variables alone."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest

from tests.airflow import expect, stores
from tests.airflow.canaries import Canaries, must_be_nowhere
from tests.airflow.conftest import CONFIG, CONNECTION, VARIABLE, connection_fields, connection_uri, look_up
from tests.airflow.session import Airflow, Result

pytestmark = pytest.mark.ours
Results = dict[str, Result]


@pytest.fixture(scope="session", params=sorted(module.name for module in pkgutil.iter_modules(stores.__path__)))
def store(request: pytest.FixtureRequest) -> ModuleType:
    """The module of one store."""
    return importlib.import_module(f"{stores.__name__}.{request.param}")


@pytest.fixture(scope="session")
def found(store: ModuleType, request: pytest.FixtureRequest, airflow: Airflow, canaries: Canaries) -> Results:
    """Every lookup, each in a command of its own."""
    written = stores.Secrets(
        connections={CONNECTION: connection_uri(canaries)},
        variables={VARIABLE: canaries.greeting},
        configs={CONFIG: canaries.dsn},
    )
    environment = store.environment(request.getfixturevalue(store.SERVER), written)
    return look_up(airflow, environment, "connection", "absent connection", "variable", "config", "dag")


def test_a_connection(found: Results, canaries: Canaries) -> None:
    expect.connection(found["connection"], connection_fields(canaries))
    expect.nothing(found["absent connection"], "Connection not found.")


def test_a_variable_and_an_option(found: Results, canaries: Canaries) -> None:
    assert found["variable"].must().out.splitlines()[-1] == canaries.greeting
    assert found["config"].must().out.splitlines()[-1] == canaries.dsn


def test_the_example_dag(found: Results, canaries: Canaries, store: ModuleType) -> None:
    expect.the_dag(found["dag"], canaries, store.BACKEND)


def test_no_secret_left_a_trace(found: Results, airflow: Airflow, canaries: Canaries) -> None:
    assert found["dag"].code == 0
    must_be_nowhere(airflow, canaries.cores())
