"""One Airflow home for all tests here, and every lookup done once: a command takes seconds to start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.airflow.canaries import Canaries
from tests.airflow.classes import LOCAL, OFFICIAL, SECRETS_MANAGER
from tests.airflow.session import Airflow, Result, backend_environment
from tests.airflow.versions import can
from tests.servers.aws import REGION, Credentials, MiniStack, allow

CONNECTION = "strongroom_example_db"
VARIABLE = "strongroom_example_greeting"
CONFIG = "strongroom_example_dsn"

COMMANDS = {
    "connection": ["connections", "get", CONNECTION, "--output", "json"],
    "json connection": ["connections", "get", "json_db", "--output", "json"],
    "absent connection": ["connections", "get", "absent"],
    "variable": ["variables", "get", VARIABLE],
    "absent variable": ["variables", "get", "absent"],
    "config": ["config", "get-value", "sentry", "sentry_dsn"],
    "dag": ["dags", "test", "strongroom_example"],
}


def pytest_configure(config: pytest.Config) -> None:
    """Declares the mark of this folder."""
    config.addinivalue_line("markers", "needs(what): only on an Airflow that has it, see tests/airflow/versions.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what this Airflow lacks and, with the official classes, what only ours can do."""
    left_out = [item for item in items if not _possible(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _possible(item: pytest.Item) -> bool:
    needed = [what for mark in item.iter_markers("needs") for what in mark.args]
    return all(can(what) for what in needed) and not (OFFICIAL and item.get_closest_marker("ours"))


@pytest.fixture(scope="session")
def canaries() -> Canaries:
    """Values that only a secret store should hold."""
    return Canaries()


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """A home with a migrated database."""
    session = Airflow(tmp_path_factory.mktemp("airflow"))
    session.migrate()
    return session


def look_up(airflow: Airflow, environment: Mapping[str, str], *names: str) -> dict[str, Result]:
    """Runs the named commands; the DAG writes what it found next to the home."""
    report = airflow.home.with_name("found.json")
    report.unlink(missing_ok=True)
    environment = {
        **environment,
        "AIRFLOW__SENTRY__SENTRY_DSN_SECRET": CONFIG,
        "STRONGROOM_EXAMPLE_REPORT": str(report),
    }
    results = airflow.run([COMMANDS[name] for name in names], environment)
    return dict(zip(names, results, strict=True))


def connection_fields(canaries: Canaries) -> dict[str, Any]:
    """The example connection with the field names of Airflow's own JSON format."""
    return {
        "conn_type": "postgres",
        "host": "warehouse.example.com",
        "login": "example-user",
        "password": canaries.password,
        "schema": "analytics",
        "port": 5432,
        "extra": {"token": canaries.token},
    }


def connection_uri(canaries: Canaries) -> str:
    """The example connection as a URI."""
    password, token = quote(canaries.password, safe=""), quote(canaries.token, safe="")
    return f"postgres://example-user:{password}@warehouse.example.com:5432/analytics?token={token}"


# AWS Secrets Manager


@pytest.fixture(scope="session")
def aws_user(aws_server: MiniStack, canaries: Canaries) -> Credentials:
    """Fills the store; the returned user may read ``airflow/*`` and nothing else."""
    aliases = {"user": "u", "pass": canaries.password, "remote_host": "h", "database": "d", "engine": "mysql"}
    aws_server.put_secrets(
        {
            f"airflow/connections/{CONNECTION}": connection_uri(canaries),
            "airflow/connections/json_db": json.dumps({**aliases, "port": 3306, "extra": {"token": canaries.token}}),
            f"airflow/variables/{VARIABLE}": canaries.greeting,
            f"airflow/config/{CONFIG}": canaries.dsn,
            "elsewhere/connections/forbidden": "postgres://h",
        }
    )
    return aws_server.user(allow("secretsmanager:GetSecretValue", "airflow/*"))


def secrets_manager(server: MiniStack, credentials: Credentials, **kwargs: Any) -> dict[str, str]:
    """The environment of an Airflow that reads from the server."""
    kwargs = {"region_name": REGION, "endpoint_url": server.url, **kwargs}
    return {**backend_environment(SECRETS_MANAGER, kwargs), **credentials.environment()}


@pytest.fixture(scope="session")
def from_aws(airflow: Airflow, aws_server: MiniStack, aws_user: Credentials) -> dict[str, Result]:
    """Every command, with the user's own key."""
    return look_up(airflow, secrets_manager(aws_server, aws_user), *COMMANDS)


# Local files


@pytest.fixture(scope="session")
def secret_files(tmp_path_factory: pytest.TempPathFactory, canaries: Canaries) -> dict[str, Path]:
    """The same secrets as files: one of each format, and the settings of an Astro project."""
    folder = tmp_path_factory.mktemp("files")
    connection = connection_fields(canaries)
    astro = {("" if name == "conn_type" else "conn_") + name: value for name, value in connection.items()}
    contents = {
        # JSON is YAML, so this is a YAML file too.
        "connections.yaml": json.dumps({CONNECTION: connection, "json_db": [connection]}),
        "variables.json": json.dumps({VARIABLE: canaries.greeting}),
        "configs.env": f"{CONFIG}={canaries.dsn}\n",
        "airflow_settings.yaml": json.dumps(
            {
                "airflow": {
                    "connections": [{"conn_id": CONNECTION, **astro}],
                    "pools": [],
                    "variables": [{"variable_name": VARIABLE, "variable_value": canaries.greeting}],
                }
            }
        ),
    }
    for name, content in contents.items():
        (folder / name).write_text(content)
    return {name.partition(".")[0]: folder / name for name in contents}


@pytest.fixture(scope="session")
def from_files(airflow: Airflow, secret_files: dict[str, Path]) -> dict[str, Result]:
    """Every command, with Airflow's own file formats."""
    kwargs = {f"{kind}_file_path": str(secret_files[kind]) for kind in ("connections", "variables", "configs")}
    return look_up(airflow, backend_environment(LOCAL, kwargs), *COMMANDS)


@pytest.fixture(scope="session")
def from_astro(airflow: Airflow, secret_files: dict[str, Path]) -> dict[str, Result]:
    """The commands that matter, with an Astro project's settings file."""
    kwargs = {
        "settings_file_path": str(secret_files["airflow_settings"]),
        "configs_file_path": str(secret_files["configs"]),
    }
    return look_up(airflow, backend_environment(LOCAL, kwargs), "connection", "absent variable", "dag")
