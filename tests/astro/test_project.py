"""The example project is valid, and runs its DAG with secrets from files and from Secrets Manager."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.airflow.canaries import Canaries, must_be_nowhere
from tests.airflow.classes import LOCAL, SECRETS_MANAGER
from tests.airflow.session import Airflow
from tests.astro import layout
from tests.servers.aws import MiniStack, allow

COMMANDS = [
    ["connections", "get", "warehouse", "--output", "json"],
    ["variables", "get", "greeting"],
    ["config", "get-value", "sentry", "sentry_dsn"],
    ["dags", "test", "strongroom_astro"],
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example."""
    return layout.copy(tmp_path_factory.mktemp("astro") / "project")


@pytest.fixture(scope="module")
def airflow(project: Path) -> Airflow:
    """Its Airflow, with a database."""
    airflow = layout.airflow(project)
    airflow.migrate()
    return airflow


def look_up(airflow: Airflow, environment: dict[str, str]) -> tuple[dict[str, str], str, str, str]:
    """The connection, the variable, the option, and what the DAG printed."""
    connection, variable, option, dag = (result.must() for result in airflow.run(COMMANDS, environment))
    (row,) = connection.json()
    return row, variable.out.splitlines()[-1], option.out.splitlines()[-1], dag.out


@pytest.mark.ours
def test_the_project_is_valid(project: Path) -> None:
    for name in ("packages.txt", "requirements.txt", ".astro/config.yaml", "dags", "include"):
        assert (project / name).exists(), name
    local, deployed = layout.env_file(project), layout.image_environment(project)
    assert (local["AIRFLOW__SECRETS__BACKEND"], deployed["AIRFLOW__SECRETS__BACKEND"]) == (LOCAL, SECRETS_MANAGER)
    json.loads(deployed["AIRFLOW__SECRETS__BACKEND_KWARGS"])

    # The containers see the files, but no image contains them. At the top, Astro would copy them into the database.
    kwargs = json.loads(local["AIRFLOW__SECRETS__BACKEND_KWARGS"])
    files = [path for name, path in kwargs.items() if name.endswith("_file_path")]
    ignored = (project / ".dockerignore").read_text().splitlines()
    assert all(path.startswith("include/") and (project / path).is_file() and path in ignored for path in files)
    assert not (project / "airflow_settings.yaml").exists()

    # The wheel comes from a file, so no package of this name must be looked up.
    requirements = (project / "requirements.txt").read_text().splitlines()
    assert not [line for line in requirements if line.startswith("strongroom")]
    instructions = layout.dockerfile(project)
    copied = instructions.index("COPY wheels/ /tmp/wheels/")
    assert "RUN pip install --no-cache-dir /tmp/wheels/strongroom-*.whl" in instructions[copied:]


@pytest.mark.ours
def test_secrets_from_its_files(project: Path, airflow: Airflow) -> None:
    environment = layout.standalone(project, layout.env_file(project))
    connection, variable, option, printed = look_up(airflow, environment)
    assert (connection["host"], connection["password"]) == ("warehouse.example.com", "not-a-real-password")
    assert variable == "hello from the settings file"
    assert option == "https://not-a-real-key@sentry.example.com/1"
    assert "hello from the settings file, warehouse.example.com speaking" in printed


@pytest.mark.ours
def test_secrets_from_secrets_manager(project: Path, airflow: Airflow, aws_server: MiniStack) -> None:
    canaries = Canaries()
    aws_server.put_secrets(
        {
            "airflow/connections/warehouse": json.dumps({"engine": "postgres", "host": "h", "pass": canaries.password}),
            "airflow/variables/greeting": canaries.greeting,
            "airflow/config/sentry_dsn": canaries.dsn,
        }
    )
    user = aws_server.user(allow("secretsmanager:GetSecretValue", "airflow/*"))
    here = {"AIRFLOW__SECRETS__BACKEND_KWARG__ENDPOINT_URL": aws_server.url, **user.environment()}
    environment = layout.standalone(project, {**layout.image_environment(project), **here})
    connection, variable, option, printed = look_up(airflow, environment)
    assert (connection["host"], connection["password"]) == ("h", canaries.password)
    assert (variable, option) == (canaries.greeting, canaries.dsn)
    assert f"{canaries.greeting}, h speaking" in printed
    must_be_nowhere(airflow, {**canaries.cores(), "AWS key": user.secret_key})
