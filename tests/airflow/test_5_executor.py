"""The path of production: a scheduler forks a worker, the worker forks the task, and the task reads its secrets."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.airflow.canaries import Canaries, must_be_nowhere
from tests.airflow.classes import SECRETS_MANAGER
from tests.airflow.conftest import CONFIG, secrets_manager
from tests.airflow.session import Airflow, home_environment
from tests.servers.aws import Credentials, MiniStack
from tests.servers.process import answers, free_port, running, wait_until

DAG = "strongroom_example"
RUNS = 5


def standalone_environment(home: Path, port: int) -> dict[str, str]:
    """Every component on ports of its own, and two workers that are forked."""
    url = f"http://127.0.0.1:{port}"
    return {
        **home_environment(home),
        "HOME": str(home),
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "NO_PROXY": "127.0.0.1,localhost",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def states(session: Airflow, environment: Mapping[str, str]) -> list[str]:
    """How the DAG's runs stand."""
    (listed,) = session.run([["dags", "list-runs", DAG, "--output", "json"]], environment)
    return [str(run["state"]) for run in listed.must().json()]


@pytest.mark.soak
def test_tasks_of_a_running_airflow_read_their_secrets(
    tmp_path: Path, aws_server: MiniStack, aws_user: Credentials, canaries: Canaries
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    session = Airflow(home)
    port = free_port()
    found = tmp_path / "found.json"
    environment = {
        **standalone_environment(home, port),
        **secrets_manager(aws_server, aws_user),
        "AIRFLOW__SENTRY__SENTRY_DSN_SECRET": CONFIG,
        "STRONGROOM_EXAMPLE_REPORT": str(found),
    }
    command = [str(Path(sys.executable).with_name("airflow")), "standalone"]
    health = f"http://127.0.0.1:{port}/api/v2/monitor/health"
    with running(command, environment, tmp_path / "standalone.log", lambda: answers(health), timeout=300):
        wait_until(lambda: not session.run([["dags", "details", DAG]], environment)[0].code, "the DAG", timeout=120)
        for result in session.run([["dags", "trigger", DAG]] * RUNS, environment):
            result.must()
        wait_until(lambda: states(session, environment) == ["success"] * RUNS, f"{RUNS} successful runs", timeout=300)
    assert {row["source"] for row in json.loads(found.read_text()).values()} == {SECRETS_MANAGER}
    must_be_nowhere(session, {**canaries.cores(), "AWS key": aws_user.secret_key})
