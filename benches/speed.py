"""How long things take and how much memory they need, beside the official class and Airflow's own parser."""

from __future__ import annotations

from measure import AWS_CACHE, OFFICIAL, OURS, RUST_CACHE, Row, medians

AFTER_AIRFLOW = "import airflow.configuration\n"

FIRST_VALUE = """
before, memory = cpu(), resident()
{setup}
assert backend().get_variable("hello") == "world"
tell(cpu_ms=cpu() - before, mib=resident() - memory)
"""

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

WARM_RUST = RUST_CACHE + 'tell(us=float(program("warm")))'

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
    python, rust, ours = medians([WARM.format(setup=AWS_CACHE), WARM_RUST, WARM.format(setup=OURS)], stub)
    rows.append(Row("warm lookup through Python", "us", "aws-secretsmanager-caching", python["us"], ours["us"]))
    rows.append(Row("warm lookup through Python", "us", "AWS's cache for Rust, from Rust", rust["us"], ours["us"]))
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
