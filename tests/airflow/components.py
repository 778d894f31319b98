"""A whole Airflow as separate programs, each with an environment of its own: what one of them may read no other may."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.airflow.session import Airflow
from tests.airflow.standalone import running_environment
from tests.servers.process import answers, free_port, running

#: What answers lookups of tasks, parsed files and triggers.
SERVERS = ("api-server", "dag-processor", "triggerer")
#: Runs the tasks: with LocalExecutor they are its children.
WORKERS = "scheduler"


@contextlib.contextmanager
def components(
    airflow: Airflow, logs: Path, environments: Mapping[str, Mapping[str, str]], dags: Sequence[Path]
) -> Iterator[None]:
    """Runs the four programs, ``environments`` by their names; the DAGs come when the API server answers."""
    for folder in ("dags", "tmp"):
        (airflow.home / folder).mkdir(parents=True)
    airflow.migrate()
    port = free_port()
    common = {**running_environment(airflow.home, port), "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32)}
    health = f"http://127.0.0.1:{port}/api/v2/monitor/health"
    with contextlib.ExitStack() as stack:
        for name in (WORKERS, *reversed(SERVERS)):  # the API server last: it is waited for
            command = [str(Path(sys.executable).with_name("airflow")), name]
            is_ready = (lambda: answers(health)) if name == SERVERS[0] else (lambda: True)
            environment = {**common, **environments[name]}
            stack.enter_context(running(command, environment, logs / f"{name}.log", is_ready, timeout=300))
        for dag in dags:
            shutil.copy(dag, airflow.home / "dags")
        yield
