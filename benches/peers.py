"""What a lookup costs, beside what it costs with the peers, in one run on one machine.

Each row is measured in fresh processes, peer and ours in turn, and given as a ratio too: the absolute figures belong to
the machine, the ratio travels. Run it with `make bench`; it writes `docs/benchmarks.md`.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ROUNDS = 7
PACKAGES = ("apache-airflow", "apache-airflow-providers-amazon", "boto3", "aws-secretsmanager-caching", "strongroom")

PRELUDE = """
import json, os, resource, sys, threading, time

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024

def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1000

def best_of(work, count, repeats=5):
    "The least time of one call, in microseconds."
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(count):
            work()
        times.append((time.perf_counter() - start) / count * 1e6)
    return min(times)

def tell(**figures):
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

FIRST_VALUE = """
before, memory = cpu(), resident()
{setup}
assert backend().get_variable("hello") == "world"
tell(cpu_ms=cpu() - before, mib=resident() - memory)
"""

AFTER_AIRFLOW = "import airflow.configuration\n"

UNCACHED = """
{setup}
reader = backend({options})
reader.get_variable("hello")
count, before = 2000, cpu()
for _ in range(count):
    reader.get_variable("hello")
tell(cpu_us=(cpu() - before) / count * 1000)
"""

THREADS = """
{setup}
reader = backend({options})
reader.get_variable("hello")
def work():
    for _ in range(400):
        reader.get_variable("hello")
workers = [threading.Thread(target=work) for _ in range(8)]
start = time.perf_counter()
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
tell(per_second=8 * 400 / (time.perf_counter() - start))
"""

WARM = """
{setup}
reader = backend()
reader.get_variable("hello")
tell(us=best_of(lambda: reader.get_variable("hello"), 20000))
"""

AWS_CACHE = """
import botocore.session
from aws_secretsmanager_caching import SecretCache
client = botocore.session.get_session().create_client(
    "secretsmanager", region_name="eu-central-1", endpoint_url=os.environ["STUB"])
client.describe_secret = lambda **_: {"VersionIdsToStages": {"v" * 32: ["AWSCURRENT"]}}
cache = SecretCache(client=client)
cache.get_secret_string("hello")
tell(us=best_of(lambda: cache.get_secret_string("hello"), 2000))
"""

CONSTRUCT = """
{setup}
tell(us=best_of(backend, 2000))
"""

URI = "postgresql://user:pass@host:5432/db?sslmode=require"

PARSE_OURS = f"""
from strongroom.connection import parse
tell(core=best_of(lambda: parse({URI!r}, dialect="airflow_3_3"), 20000),
     sdk=best_of(lambda: parse({URI!r}, dialect="task_sdk_1_3"), 20000))
"""

PARSE_AIRFLOW = f"""
from airflow.models.connection import Connection as Core
from airflow.sdk.definitions.connection import Connection as Sdk
tell(core=best_of(lambda: Core(conn_id="c", uri={URI!r}), 2000),
     sdk=best_of(lambda: Sdk.from_uri(conn_id="c", uri={URI!r}), 2000))
"""


@dataclass(frozen=True)
class Row:
    """One line of the table; ``peer`` and ``ours`` are medians in ``unit``."""

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
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@contextlib.contextmanager
def stub_server(program: str) -> Iterator[str]:
    """Runs the server that answers at once."""
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        port = server.stdout.readline().strip() if server.stdout else ""
        yield f"http://127.0.0.1:{port}"
        server.terminate()


def run(code: str, stub: str) -> dict[str, float]:
    """Runs a piece of code in a fresh process and returns what it tells."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AIRFLOW"))}
    environment |= {
        "STUB": stub,
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AIRFLOW_HOME": str(REPOSITORY / ".cache" / "bench"),
        "NO_PROXY": "*",
    }
    command = [sys.executable, "-c", PRELUDE + code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise RuntimeError(f"a benchmark failed:\n{code}\n{done.stderr}")
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def medians(codes: Sequence[str], stub: str, rounds: int = ROUNDS) -> list[dict[str, float]]:
    """The medians of what each code tells; the codes take turns, so that a busy moment hits all of them."""
    told: list[list[dict[str, float]]] = [[] for _ in codes]
    for _ in range(rounds):
        for number, code in enumerate(codes):
            told[number].append(run(code, stub))
    return [{key: statistics.median(one[key] for one in all_of) for key in all_of[0]} for all_of in told]


def start_rows(stub: str) -> list[Row]:
    """A fresh process up to its first value."""
    rows = []
    for name, prefix in (("", ""), (", after `import airflow.configuration`", AFTER_AIRFLOW)):
        codes = [prefix + FIRST_VALUE.format(setup=setup) for setup in (OFFICIAL, OURS)]
        peer, ours = medians(codes, stub)
        what = f"import, client and first value{name}"
        rows.append(Row(what, "CPU ms", "official class", peer["cpu_ms"], ours["cpu_ms"]))
        rows.append(Row(what, "MiB added", "official class", peer["mib"], ours["mib"]))
    return rows


def lookup_rows(stub: str) -> list[Row]:
    """One lookup, again and again."""

    def both(code: str) -> list[dict[str, float]]:
        sides = ((OFFICIAL, ""), (OURS, "cache_ttl=0"))
        return medians([code.format(setup=setup, options=options) for setup, options in sides], stub)

    peer, ours = both(UNCACHED)
    rows = [Row("uncached lookup", "CPU us", "official class", peer["cpu_us"], ours["cpu_us"])]
    peer, ours = both(THREADS)
    figures = peer["per_second"], ours["per_second"]
    rows.append(Row("uncached lookups, 8 threads", "per second", "official class", *figures, higher_is_better=True))
    peer, ours = medians([AWS_CACHE, WARM.format(setup=OURS)], stub)
    rows.append(Row("warm lookup", "us", "aws-secretsmanager-caching", peer["us"], ours["us"]))
    peer, ours = both(CONSTRUCT)
    rows.append(Row("construct a backend again", "us", "official class, no client yet", peer["us"], ours["us"]))
    return rows


def parse_rows(stub: str) -> list[Row]:
    """A connection URI."""
    peer, ours = medians([PARSE_AIRFLOW, PARSE_OURS], stub)
    return [
        Row("parse a connection URI", "us", "Airflow core", peer["core"], ours["core"]),
        Row("parse a connection URI", "us", "Task SDK", peer["sdk"], ours["sdk"]),
    ]


def page(rows: Sequence[Row], wheel: Path) -> str:
    """The documentation page."""
    packages = (
        "apache-airflow",
        "apache-airflow-providers-amazon",
        "boto3",
        "aws-secretsmanager-caching",
        "strongroom",
    )
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    head = f"""# Benchmarks

Made by `make bench` on {time.strftime("%Y-%m-%d")}: {platform.machine()}, {os.cpu_count()} cores, Python \
{platform.python_version()}, {platform.system()} {platform.release()}.
{versions}.

Every row was measured in {ROUNDS} fresh processes of each side, in turns, against the same server on the loopback that
answers at once; the figures are medians. Times belong to the machine, ratios travel. The wheel has
{wheel.stat().st_size / 1e6:.2f} MB.

| what | unit | peer | peer's figure | Strongroom | ratio |
|---|---|---|---|---|---|
"""
    return head + "\n".join(row.line() for row in rows) + "\n"


def main() -> None:
    """Measures everything and writes the page."""
    program, wheel = sys.argv[1], Path(sys.argv[2])
    with stub_server(program) as stub:
        rows = [*start_rows(stub), *lookup_rows(stub), *parse_rows(stub)]
    text = page(rows, wheel)
    (REPOSITORY / "docs" / "benchmarks.md").write_text(text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
