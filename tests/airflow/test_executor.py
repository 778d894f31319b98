"""Production: a scheduler forks a worker, the worker forks the task, and the task reads its secrets."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.canaries import Canaries, must_be_nowhere
from tests.airflow.conftest import CONFIG, connection_uri, secrets_manager
from tests.airflow.session import Airflow
from tests.airflow.standalone import ended_runs, standalone, still_writing
from tests.airflow.versions import can
from tests.servers.aws import Credentials, MiniStack
from tests.servers.process import wait_until

DAG = "strongroom_paths"
RUNS = 5

#: The places in which the DAG reads a password and a variable.
PLACES = {"top-level", "templates", "task", "task-callback", "dag-callback", "trigger", "after-deferral"}


@pytest.fixture(scope="session")
def paths_user(aws_server: MiniStack, aws_user: Credentials, canaries: Canaries) -> Credentials:
    """A user who may read the secrets of the DAG, which this stores."""
    uri, token = connection_uri(canaries), canaries.token
    aws_server.put_secrets({"airflow/connections/paths_db": uri, "airflow/variables/paths_token": token})
    return aws_user


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """The folder in which the DAG records what each process read."""
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


@pytest.fixture
def environment(aws_server: MiniStack, paths_user: Credentials, notes: Path) -> dict[str, str]:
    """The environment by which the running Airflow finds the store."""
    return {
        **secrets_manager(aws_server, paths_user),
        "AIRFLOW__SENTRY__SENTRY_DSN_SECRET": CONFIG,
        "STRONGROOM_PATHS": str(notes),
    }


def read_notes(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The records, by place."""
    found: dict[str, list[dict[str, Any]]] = {}
    for file in folder.glob("*.json"):
        note = json.loads(file.read_text())
        found.setdefault(note["place"], []).append(note)
    return found


def digests(*values: str) -> list[str]:
    """Values as the DAG records them."""
    return [hashlib.sha256(value.encode()).hexdigest() for value in values]


def every_process_read_the_secrets(folder: Path, canaries: Canaries) -> None:
    """Every place has a record, with the right values and no others."""
    found = read_notes(folder)
    expected = {**dict.fromkeys(PLACES, digests(canaries.password, canaries.token)), "config": digests(canaries.dsn)}
    assert {place: list(map(list, {tuple(note["digests"]) for note in notes})) for place, notes in found.items()} == {
        place: [values] for place, values in expected.items()
    }
    # Forked by the DAG processor, by both workers' supervisors, by the triggerer: several different parents.
    assert len({note["parent"] for notes in found.values() for note in notes}) > 3


def nothing_is_left(airflow: Airflow, log: Path, canaries: Canaries, user: Credentials) -> None:
    """No process, and no secret in database, XCom, logs or temporary files."""
    assert still_writing(log) == []
    if not can("no secrets left afterwards"):
        return  # 3.0 writes rendered templates into its database, 3.1 the log of a trigger, unmasked
    assert "password *** variable ***" in "".join(path.read_text() for path in airflow.home.glob("logs/**/*.log"))
    # With LocalExecutor the scheduler repeats the output of a task on its console unmasked, whatever the backend.
    console = [line for line in log.read_text().splitlines() if "[task.stdout]" not in line]
    must_be_nowhere(airflow, {**canaries.cores(), "AWS key": user.secret_key}, "\n".join(console))


@pytest.mark.needs("a trigger with secrets")
def test_every_process_of_a_running_airflow_reads_its_secrets(
    tmp_path: Path, environment: dict[str, str], notes: Path, canaries: Canaries, paths_user: Credentials
) -> None:
    airflow, log = Airflow(tmp_path / "home"), tmp_path / "standalone.log"
    with standalone(airflow, log, environment):
        wait_until(lambda: bool(ended_runs(airflow)), "the end of a run", timeout=240)
        assert ended_runs(airflow) == ["success"], log
        wait_until(lambda: "dag-callback" in read_notes(notes), "the callback of the run", timeout=60)
    every_process_read_the_secrets(notes, canaries)
    nothing_is_left(airflow, log, canaries, paths_user)


@pytest.mark.soak
@pytest.mark.needs("a trigger with secrets")
def test_every_process_reads_its_secrets_in_many_runs(
    tmp_path: Path, environment: dict[str, str], notes: Path, canaries: Canaries, paths_user: Credentials
) -> None:
    airflow, log = Airflow(tmp_path / "home"), tmp_path / "standalone.log"
    with standalone(airflow, log, environment) as commands:
        wait_until(lambda: bool(ended_runs(airflow)), "the end of a run", timeout=240)
        for result in airflow.run([["dags", "trigger", DAG]] * RUNS, commands):
            result.must()
        wait_until(lambda: len(ended_runs(airflow)) > RUNS, f"{RUNS} more runs", timeout=600)
        assert set(ended_runs(airflow)) == {"success"}
        wait_until(lambda: len(read_notes(notes)["dag-callback"]) > RUNS, "the callbacks of the runs", timeout=120)
    every_process_read_the_secrets(notes, canaries)
    nothing_is_left(airflow, log, canaries, paths_user)
