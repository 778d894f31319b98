"""A whole Airflow, as `airflow standalone`: API server, scheduler with forked workers, DAG processor, triggerer."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.airflow.session import Airflow, home_environment
from tests.servers.process import answers, free_port, running

INCLUDE = Path(__file__).with_name("include")
DAG_FILE = Path(__file__).parent / "dags" / "strongroom_paths.py"


def running_environment(home: Path, port: int) -> dict[str, str]:
    """Every component on its own port, temporary files in the home, and nothing from outside."""
    url = f"http://127.0.0.1:{port}"
    return {
        **home_environment(home),
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "1",
        "NO_PROXY": "127.0.0.1,localhost",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(INCLUDE), os.environ.get("PYTHONPATH")])),
    }


@contextlib.contextmanager
def standalone(
    airflow: Airflow, log: Path, environment: Mapping[str, str], dag: Path = DAG_FILE
) -> Iterator[dict[str, str]]:
    """Runs it, yields the environment for other commands, and ends all of it.

    The DAG is added once everything is up: it is due at once, and its tasks would not find the API server before.
    """
    for folder in ("dags", "tmp"):
        (airflow.home / folder).mkdir(parents=True)
    airflow.migrate()  # with teams, `standalone` looks for them before it has created a database
    port = free_port()
    environment = {**running_environment(airflow.home, port), **environment}
    command = [str(Path(sys.executable).with_name("airflow")), "standalone"]
    health = f"http://127.0.0.1:{port}/api/v2/monitor/health"
    with running(command, environment, log, lambda: answers(health), timeout=300):
        shutil.copy(dag, airflow.home / "dags")
        yield environment


def ended_runs(airflow: Airflow) -> list[str]:
    """How the runs of all DAGs ended, directly from the database: a command would take seconds."""
    address = f"file:{airflow.home / 'airflow.db'}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=30)) as database:
        return [str(state) for (state,) in database.execute("select state from dag_run where end_date is not null")]


def still_writing(log: Path) -> list[str]:
    """The commands of the processes that have a file open; every process of Airflow has the log open."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if log in [link.readlink() for link in (process / "fd").iterdir()]:
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return found
