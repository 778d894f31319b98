"""What it costs and saves that Airflow's server makes the lookups: a real DAG processor, and tasks of a real Airflow.

Run with the Python of an Airflow 3.3 that has the Amazon provider, from the repository:

    PYTHONPATH=python:. python benches/on_the_server.py

Prints two tables. The store is the test server for AWS on this machine, behind a proxy that counts.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.airflow.components import SERVERS, WORKERS, components
from tests.airflow.session import Airflow, backend_environment
from tests.airflow.standalone import ended_runs, running_environment
from tests.servers.aws import REGION, Credentials, MiniStack, allow, ministack
from tests.servers.counting import counting_proxy
from tests.servers.process import free_port, running, wait_until

OFFICIAL = "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
OURS = "strongroom.aws.SecretsManagerBackend"
SERVER = {"AIRFLOW__WORKERS__SECRETS_BACKEND": "strongroom.server.ServerBackend"}
WHOLE = {"AIRFLOW__SECRETS__USE_CACHE": "True"}

#: An agent that ends soon after the processor that started it.
AGENT = {"agent": "auto", "agent_idle": "5s"}


@dataclass(frozen=True)
class Parsing:
    """How the parsing is configured: the class of ``[secrets]``, more of its options, and what is set beside it."""

    backend: str
    options: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)


PARSING = {
    "official class": Parsing(OFFICIAL),
    "official class, `use_cache`": Parsing(OFFICIAL, beside=WHOLE),
    "Strongroom in each process": Parsing(OURS),
    "Strongroom in each process, `use_cache`": Parsing(OURS, beside=WHOLE),
    "Strongroom on the server": Parsing(OURS, beside=SERVER),
    "Strongroom with the agent": Parsing(OURS, AGENT),
    "Strongroom with the agent, `cache_ttl` of 5 minutes": Parsing(OURS, {**AGENT, "cache_ttl": "5m"}),
}
FILES, SECONDS, INTERVAL = 20, 45, 1

#: Four lookups of three names, one of which no other file asks for.
FILE = """
import os
from airflow.sdk import DAG, BaseHook, Variable

Variable.get("shared"), Variable.get("own_{number}"), Variable.get("own_{number}"), BaseHook.get_connection("db")
with open(os.environ["PARSED"], "a") as parsed:
    parsed.write("x")
with DAG("dag_{number}", schedule=None):
    pass
"""

#: A task for each place, in a process of its own. The names are those of variables and connections.
TASKS = """
import json, os, time
from airflow.sdk import BaseHook, Variable, dag, task

def measured(place, backend, kwargs):
    os.environ["AIRFLOW__WORKERS__SECRETS_BACKEND"] = backend
    os.environ["AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS"] = kwargs
    if backend.endswith("ServerBackend"):
        del os.environ["AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS"]
    found = {"place": place}
    for kind, get, key in (("variable", Variable.get, "shared"), ("connection", BaseHook.get_connection, "db")):
        times = []
        for _ in range(301):
            start = time.perf_counter()
            get(key)
            times.append((time.perf_counter() - start) * 1000)
        first, rest = times[0], sorted(times[1:])
        found[kind] = [first, rest[150], rest[297]]
    with open(os.path.join(os.environ["MEASURED"], place + ".json"), "w") as file:
        json.dump(found, file)

@dag(schedule="@once", start_date=__import__("datetime").datetime(2024, 1, 1), catchup=False)
def measure():
    before = None
    for place, (backend, kwargs) in json.loads(os.environ["PLACES"]).items():
        step = task(task_id=place.replace(" ", "_"))(measured)(place, backend, kwargs)
        before = before >> step if before is not None else step

measure()
"""


def store(backend: str, url: str, user: Credentials, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What configures a process that asks the store, with the defaults of the class but for ``more``."""
    options = {"region_name": REGION, "endpoint_url": url, **(more or {})}
    return {**backend_environment(backend, options), **user.environment()}


def filled(server: MiniStack) -> Credentials:
    """Who may read the secrets of both tables."""
    own = {f"airflow/variables/own_{number}": "value" for number in range(FILES)}
    uri = "postgres://user:not-a-secret@warehouse.example.com:5432/analytics?sslmode=require"
    server.put_secrets({**own, "airflow/variables/shared": "value", "airflow/connections/db": uri})
    return server.user(allow("secretsmanager:GetSecretValue", "airflow/*"))


def parse(folder: Path, server: MiniStack, user: Credentials, parsing: Parsing) -> str:
    """A DAG processor for a minute: calls, lookups, and calls for each lookup."""
    airflow, parsed = Airflow(folder / "home"), folder / "parsed"
    for path in (airflow.home / "dags", airflow.home / "tmp"):
        path.mkdir(parents=True)
    parsed.touch()
    airflow.migrate()
    for number in range(FILES):
        (airflow.home / "dags" / f"file_{number}.py").write_text(FILE.format(number=number))
    with counting_proxy(server.url) as counter:
        environment = {
            **running_environment(airflow.home, free_port()),
            **store(parsing.backend, counter.url, user, parsing.options),
            **parsing.beside,
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": str(INTERVAL),
            "PARSED": str(parsed),
        }
        command = [str(Path(sys.executable).with_name("airflow")), "dag-processor"]
        with running(command, environment, folder / "log", lambda: parsed.stat().st_size >= FILES, timeout=300):
            before, calls = parsed.stat().st_size, len(counter.names())
            time.sleep(SECONDS)
            lookups, calls = 4 * (parsed.stat().st_size - before), len(counter.names()) - calls
    return f"{calls} | {lookups} | {calls / lookups:.3f}"


def measure(folder: Path, server: MiniStack, user: Credentials) -> list[str]:
    """Tasks that look up the same names again and again, by place."""
    airflow, found = Airflow(folder / "home"), folder / "found"
    found.mkdir()
    dag = folder / "measure.py"
    dag.write_text(TASKS)
    options = {"region_name": REGION, "endpoint_url": server.url}
    places = {
        "on the server": [SERVER["AIRFLOW__WORKERS__SECRETS_BACKEND"], ""],
        "in the process": [OURS, json.dumps(options)],
        "in the process, cache_ttl of 0": [OURS, json.dumps({**options, "cache_ttl": 0, "cache_negative_ttl": 0})],
        "official class": [OFFICIAL, json.dumps(options)],
    }
    common = {"MEASURED": str(found), "PLACES": json.dumps(places), **user.environment()}
    environments: dict[str, Mapping[str, str]] = {
        name: {**common, **store(OURS, server.url, user), **SERVER} for name in SERVERS
    }
    environments[WORKERS] = common
    with components(airflow, folder, environments, [dag]):
        wait_until(lambda: bool(ended_runs(airflow)), "the end of the run", timeout=400)
    rows = []
    for place in places:
        of_place = json.loads((found / f"{place}.json").read_text())
        times = [f"{time:.2f}" for kind in ("variable", "connection") for time in of_place[kind]]
        rows.append(f"| {place} | {' | '.join(times)} |")
    return rows


def main() -> None:
    """Both tables; with a word on the command line only the one of that name."""
    wanted = sys.argv[1:] or ["parsing", "tasks"]
    with tempfile.TemporaryDirectory() as name, ministack(Path(name)) as server:
        user, folder = filled(server), Path(name)
        if "tasks" in wanted:
            print("| place | first variable, ms | p50 | p99 | first connection, ms | p50 | p99 |")
            print("| --- | --- | --- | --- | --- | --- | --- |")
            (folder / "tasks").mkdir()
            print("\n".join(measure(folder / "tasks", server, user)), flush=True)
        if "parsing" in wanted:
            print(f"\n{FILES} files, 4 lookups each, {SECONDS} s, parsed every {INTERVAL} s at most, `cache_ttl` 60 s")
            print("\n| configuration | calls | lookups | calls per lookup |")
            print("| --- | --- | --- | --- |")
            for number, (title, parsing) in enumerate(PARSING.items()):
                (folder / str(number)).mkdir()
                print(f"| {title} | {parse(folder / str(number), server, user, parsing)} |", flush=True)


if __name__ == "__main__":
    main()
