"""A chain configured by environment variables alone: the connection, the variable and the option of one DAG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.airflow import expect
from tests.airflow.canaries import Canaries
from tests.airflow.conftest import CONNECTION, VARIABLE, connection_fields, connection_uri, look_up
from tests.airflow.session import Airflow, backend_environment
from tests.servers.delinea import PASSWORD, USER, SecretServer
from tests.servers.doppler import Doppler
from tests.servers.double import Guarded
from tests.stores import described

CHAIN = "strongroom.chain.ChainBackend"

pytestmark = pytest.mark.ours


def test_the_three_lookups_of_a_dag_are_answered_by_three_members(
    airflow: Airflow, secret_files: dict[str, Path], canaries: Canaries
) -> None:
    stores: list[dict[str, Any]] = [
        {"name": kind, "store": "local", f"{kind}_file_path": str(secret_files[kind])}
        for kind in ("configs", "variables", "connections")
    ]
    check(airflow, stores, canaries)


def test_classes_of_airflow_itself_are_members(
    airflow: Airflow, secret_files: dict[str, Path], canaries: Canaries
) -> None:
    """Airflow imports its configuration, which makes the chain, which imports classes of Airflow."""
    place = {kind: str(path) for kind, path in secret_files.items()}
    stores: list[dict[str, Any]] = [
        {"class": "airflow.secrets.environment_variables.EnvironmentVariablesBackend"},
        {"name": "configs", "store": "local", "configs_file_path": place["configs"]},
        {
            "class": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
            "kwargs": {"variables_file_path": place["variables"]},
            "kinds": ["variables"],
        },
        {"name": "connections", "store": "local", "connections_file_path": place["connections"]},
    ]
    check(airflow, stores, canaries)


def test_a_service_with_a_login_and_one_with_a_token_are_members(
    airflow: Airflow,
    secret_files: dict[str, Path],
    canaries: Canaries,
    guarded_servers: Callable[[type[Guarded]], Guarded],
) -> None:
    delinea, doppler = guarded_servers(SecretServer), guarded_servers(Doppler)
    for server in (delinea, doppler):
        server.reset()
    described()["delinea"].fill(delinea, {("connection", CONNECTION): connection_uri(canaries)})
    described()["doppler"].fill(doppler, {("variable", VARIABLE): canaries.greeting})
    stores: list[dict[str, Any]] = [
        {"store": "delinea", "address": delinea.url, "username": USER, "password": PASSWORD},
        {"store": "doppler", "endpoint_url": doppler.url, "token": Doppler.token},
        {"store": "local", "configs_file_path": str(secret_files["configs"])},
    ]
    check(airflow, stores, canaries)


def check(airflow: Airflow, stores: list[dict[str, Any]], canaries: Canaries) -> None:
    """Looks up one of each kind."""
    results = look_up(airflow, backend_environment(CHAIN, {"stores": stores}), "connection", "absent variable", "dag")
    expect.connection(results["connection"], connection_fields(canaries))
    expect.nothing(results["absent variable"], "Variable absent does not exist")
    expect.the_dag(results["dag"], canaries, CHAIN)
