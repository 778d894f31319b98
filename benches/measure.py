"""Runs pieces of Python in new processes against the stub server, and returns what they report."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ROUNDS = 7

PRELUDE = """
import json, os, resource, sys, threading, time
from urllib.request import urlopen

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024

def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1000

def best_of(work, count, repeats=5):
    "The least CPU time of one call, in microseconds."
    times = []
    for _ in range(repeats):
        start = time.process_time()
        for _ in range(count):
            work()
        times.append((time.process_time() - start) / count * 1e6)
    return min(times)

def calls():
    "The requests that the stub server has answered since this was last called."
    return int(urlopen(os.environ["STUB"] + "/calls").read())

def throttle():
    "Until the next `calls()` the stub server refuses everything."
    urlopen(os.environ["STUB"] + "/throttle").read()

def report(**figures):
    print(json.dumps(figures))
"""

OURS = """
from strongroom.aws import SecretsManagerBackend
def backend(**options):
    return SecretsManagerBackend(region_name="eu-central-1", endpoint_url=os.environ["STUB"], **options)
"""

OFFICIAL = """
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
def backend(**options):
    return SecretsManagerBackend(region_name="eu-central-1", endpoint_url=os.environ["STUB"], **options)
"""

#: The cache that AWS publishes, wrapped as a backend.
AWS_CACHE = """
import botocore.session
from aws_secretsmanager_caching import SecretCache, SecretCacheConfig
class backend:
    def __init__(self, **options):
        client = botocore.session.get_session().create_client(
            "secretsmanager", region_name="eu-central-1", endpoint_url=os.environ["STUB"])
        self.cache = SecretCache(config=SecretCacheConfig(**options), client=client)
        self.get_variable = self.cache.get_secret_string
"""


#: The one for Rust is a separate program, which measures a whole row by itself.
RUST_CACHE = """
import subprocess
def program(word, **options):
    command = [os.environ["RUST_CACHE"], word, os.environ["STUB"]]
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout
"""


@dataclass(frozen=True)
class Row:
    """One line of a table; ``peer`` and ``ours`` are medians in ``unit``."""

    what: str
    unit: str
    peer_name: str
    peer: float
    ours: float
    higher_is_better: bool = False

    def line(self) -> str:
        """The row in Markdown."""
        ratio = self.ours / self.peer if self.higher_is_better else self.peer / self.ours
        peer, ours = figure(self.peer), figure(self.ours)
        return f"| {self.what} | {self.unit} | {self.peer_name} | {peer} | {ours} | {ratio:.1f} x |"


def figure(value: float) -> str:
    """Three significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@contextlib.contextmanager
def stub_server(program: str) -> Iterator[str]:
    """Runs the server that answers at once, on the first core, so that a measured process can share or avoid it."""
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        os.sched_setaffinity(server.pid, {min(os.sched_getaffinity(0))})
        port = server.stdout.readline().strip() if server.stdout else ""
        yield f"http://127.0.0.1:{port}"
        server.terminate()


def environment(stub: str) -> dict[str, str]:
    """The environment of every measured process: nothing of the caller's AWS or Airflow."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AIRFLOW"))}
    return kept | {
        "STUB": stub,
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AIRFLOW_HOME": str(REPOSITORY / ".cache" / "bench" / "airflow"),
        "NO_PROXY": "*",
    }


def run(code: str, stub: str, variables: Mapping[str, str] | None = None) -> dict[str, float]:
    """Runs a piece of code in a new process and returns what it reports."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + code],
        env=environment(stub) | dict(variables or {}),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"a benchmark failed:\n{code}\n{done.stderr}")
    reported: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return reported


def medians(codes: Sequence[str], stub: str, rounds: int = ROUNDS) -> list[dict[str, float]]:
    """The medians of what each code reports; the codes take turns, so that a busy moment affects all of them."""
    reported: list[list[dict[str, float]]] = [[] for _ in codes]
    for _ in range(rounds):
        for number, code in enumerate(codes):
            reported[number].append(run(code, stub))
    return list(map(median_of_each, reported))


def median_of_each(reported: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of every figure over the rounds."""
    return {key: statistics.median(one[key] for one in reported) for key in reported[0]}
