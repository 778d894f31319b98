"""Time and memory, compared with the official class and Airflow's own parser."""

from __future__ import annotations

from measure import AWS_CACHE, OFFICIAL, OURS, RUST_CACHE, Row, medians

#: With both maskers, as in every process of Airflow.
AFTER_AIRFLOW = "import airflow.configuration, airflow.settings\nimport airflow.sdk._shared.secrets_masker\n"

PLACE = "in a process of Airflow with both maskers"

FIRST_VALUE = """
before, memory = cpu(), resident()
{setup}
assert backend().get_variable("hello") == "world"
report(cpu_ms=cpu() - before, mib=resident() - memory)
"""

#: On the server's core no process sleeps; on another one each answer wakes an idle core, which can double the
#: cost on a virtual machine. Without pinning, the scheduler chooses sometimes one, sometimes the other.
UNCACHED = """
{setup}
os.sched_setaffinity(0, {{{core}(os.sched_getaffinity(0))}})
reader = backend({options})
reader.get_variable("hello")
count, before = 2000, cpu()
for _ in range(count):
    reader.get_variable("hello")
report(cpu_us=(cpu() - before) / count * 1000)
"""

THREADS = """
{setup}
reader = backend({options})
reader.get_variable("hello")
def work(key):
    for _ in range(800):
        reader.get_variable(key)
# A key for each: callers of one key would share a read.
workers = [threading.Thread(target=work, args=("hello_%d" % number,)) for number in range(8)]
start = time.perf_counter()
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
report(per_second=8 * 800 / (time.perf_counter() - start))
"""

WARM = """
{setup}
reader = backend()
reader.get_variable("hello")
report(us=best_of(lambda: reader.get_variable("hello"), 20000))
"""

WARM_RUST = RUST_CACHE + 'report(us=float(program("warm")))'

CONSTRUCT = """
{setup}
report(us=best_of(backend, 2000))
"""

#: Airflow does not mask a password under five characters, and encrypts nothing without a key: neither is parsing.
URI = "postgresql://user:pass@host:5432/db?sslmode=require"

PARSE_OURS = f"""
from strongroom.connection import parse
report(core=best_of(lambda: parse({URI!r}, dialect="airflow_3_3"), 20000),
     sdk=best_of(lambda: parse({URI!r}, dialect="task_sdk_1_3"), 20000))
"""

PARSE_AIRFLOW = f"""
os.environ["AIRFLOW__CORE__FERNET_KEY"] = ""
from airflow.models.connection import Connection as Core
from airflow.sdk.definitions.connection import Connection as Sdk
report(core=best_of(lambda: Core(conn_id="c", uri={URI!r}), 2000),
     sdk=best_of(lambda: Sdk.from_uri(conn_id="c", uri={URI!r}), 2000))
"""


def start_rows(stub: str) -> list[Row]:
    """A new process up to its first value."""
    rows = []
    for name, prefix in (("", ""), (f", {PLACE}", AFTER_AIRFLOW)):
        codes = [prefix + FIRST_VALUE.format(setup=setup) for setup in (OFFICIAL, OURS)]
        peer, ours = medians(codes, stub)
        what = f"import, client and first value{name}"
        rows.append(Row(what, "CPU ms", "official class", peer["cpu_ms"], ours["cpu_ms"]))
        rows.append(Row(what, "MiB added", "official class", peer["mib"], ours["mib"]))
    return rows


def lookup_rows(stub: str) -> list[Row]:
    """One lookup, repeated."""

    def both(code: str, **words: str) -> list[dict[str, float]]:
        sides = ((OFFICIAL, ""), (OURS, "cache_ttl=0"))
        return medians([code.format(setup=setup, options=options, **words) for setup, options in sides], stub)

    rows = []
    for place, core in (("the server's core", "min"), ("another core", "max")):
        peer, ours = both(UNCACHED, core=core)
        rows.append(Row(f"uncached lookup, on {place}", "CPU us", "official class", peer["cpu_us"], ours["cpu_us"]))
    peer, ours = both(THREADS)
    figures = peer["per_second"], ours["per_second"]
    rows.append(Row("uncached lookups, 8 threads", "per second", "official class", *figures, higher_is_better=True))
    python, rust, ours = medians([WARM.format(setup=AWS_CACHE), WARM_RUST, WARM.format(setup=OURS)], stub)
    rows.append(Row("warm lookup through Python", "CPU us", "aws-secretsmanager-caching", python["us"], ours["us"]))
    rows.append(Row("warm lookup through Python", "us", "AWS's cache for Rust, from Rust", rust["us"], ours["us"]))
    peer, ours = both(CONSTRUCT)
    rows.append(Row("construct a backend again", "CPU us", "official class, no client yet", peer["us"], ours["us"]))
    return rows


def parse_rows(stub: str) -> list[Row]:
    """A connection URI."""
    peer, ours = medians([PARSE_AIRFLOW, PARSE_OURS], stub)
    return [
        Row("parse a connection URI", "CPU us", "Airflow core", peer["core"], ours["core"]),
        Row("parse a connection URI", "CPU us", "Task SDK", peer["sdk"], ours["sdk"]),
    ]
