"""A whole Airflow: API server, scheduler with two forked workers, DAG processor and triggerer, as one `airflow standalone`."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.airflow.session import Airflow, home_environment
from tests.servers.process import answers, free_port, running

INCLUDE = Path(__file__).with_name("include")
DAGS = Path(__file__).with_name("dags")


def _environment(home: Path, port: int) -> dict[str, str]:
    """Every component on ports of its own, temporary files in the home, and nothing from outside."""
    url = f"http://127.0.0.1:{port}"
    return {
        **home_environment(home),
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "NO_PROXY": "127.0.0.1,localhost",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(INCLUDE), os.environ.get("PYTHONPATH")])),
    }


@contextlib.contextmanager
def standalone(home: Path, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Runs it with its log in the home; gives the environment that commands beside it need. Ends all of it."""
    (home / "tmp").mkdir(parents=True)
    port = free_port()
    environment = {**_environment(home, port), **environment}
    command = [str(Path(sys.executable).with_name("airflow")), "standalone"]
    health = f"http://127.0.0.1:{port}/api/v2/monitor/health"
    with running(command, environment, home / "standalone.log", lambda: answers(health), timeout=300):
        yield environment


def run_states(airflow: Airflow) -> list[str]:
    """How the runs of all DAGs stand, straight from the database: a command takes seconds."""
    address = f"file:{airflow.home / 'airflow.db'}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=30)) as database:
        return [str(state) for (state,) in database.execute("select state from dag_run")]


def still_open(folder: Path) -> list[str]:
    """The processes that hold a file below a folder open, by their names; all of Airflow's hold their log."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(str(link.readlink()).startswith(f"{folder}/") for link in (process / "fd").iterdir()):
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return found
