"""A chain configured by environment variables alone: the connection, the variable and the option of one DAG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.airflow import expect
from tests.airflow.canaries import Canaries
from tests.airflow.conftest import CONNECTION, VARIABLE, connection_fields, connection_uri, look_up
from tests.airflow.session import Airflow, backend_environment
from tests.stores import described
from tests.stores.description import Secrets
from tests.stores.guarded import GuardedStore

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


#: Stores on a double, and one on a folder.
MEMBERS = [name for name, store in described().items() if isinstance(store, GuardedStore) or name == "mounted_files"]


@pytest.mark.parametrize("name", MEMBERS)
def test_each_store_on_a_double_or_a_folder_is_a_member(
    request: pytest.FixtureRequest,
    airflow: Airflow,
    secret_files: dict[str, Path],
    canaries: Canaries,
    tmp_path: Path,
    name: str,
) -> None:
    store = described()[name]
    server = store.opened(request, tmp_path)
    written: Secrets = {
        ("connection", CONNECTION): connection_uri(canaries),
        ("variable", VARIABLE): canaries.greeting,
    }
    store.fill(server, written)
    kwargs, variables = store.deployed(server)
    local = {"name": "configs", "store": "local", "configs_file_path": str(secret_files["configs"])}
    check(airflow, [local, {"store": store.word, **kwargs}], canaries, variables)


def check(
    airflow: Airflow, stores: list[dict[str, Any]], canaries: Canaries, variables: Mapping[str, str] | None = None
) -> None:
    """Looks up one of each kind."""
    environment = {**backend_environment(CHAIN, {"stores": stores}), **(variables or {})}
    results = look_up(airflow, environment, "connection", "absent variable", "dag")
    expect.connection(results["connection"], connection_fields(canaries))
    expect.nothing(results["absent variable"], "Variable absent does not exist")
    expect.the_dag(results["dag"], canaries, CHAIN)
