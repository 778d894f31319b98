"""The cost of a lookup where users have it: in a process of Airflow with both log maskers loaded."""

from __future__ import annotations

from measure import OFFICIAL, OURS, Row, medians

#: The maskers of an Airflow 3 process after its start: core's and the Task SDK's.
LOADED = """
import airflow.configuration, airflow.settings
from airflow.sdk.definitions.connection import Connection
from airflow.sdk.execution_time import cache, context, supervisor, task_runner
from airflow._shared.secrets_masker import _secrets_masker as core_masker
from airflow.sdk._shared.secrets_masker import _secrets_masker as sdk_masker
assert core_masker() is not sdk_masker()
"""

#: A task's reads: Airflow's own search, its connection class and its own calls of the maskers.
TASK = """
os.environ["AIRFLOW__SECRETS__BACKEND"] = {backend!r}
kwargs = {{"region_name": "eu-central-1", "endpoint_url": os.environ["STUB"], **{options!r}}}
os.environ["AIRFLOW__SECRETS__BACKEND_KWARGS"] = json.dumps(kwargs)
{loaded}
count, before = {count}, cpu()
for number in range(count):
    connection = context._get_connection("numbered-%d" % number)
    assert connection.password.startswith("password-")
report(cpu_ms=cpu() - before)
"""
CLASSES = (
    ("airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend", {}),
    ("strongroom.aws.SecretsManagerBackend", {"cache_ttl": 0}),
)

#: The contents of a task's connections.
FIELDS = """
def fields(number):
    key = "%08d" % number
    password, token = "password-%s-kX9vQ2mR7tLw" % key, "token-%s-Zp4cY8nB3sHd" % key
    extra = json.dumps({"token": token, "sslmode": "require"})
    uri = "postgres://user%d:%s@host.example.com:5432/db?token=%s&sslmode=require" % (number, password, token)
    return password, extra, uri
def register_by_airflow(masker, number):
    password, extra, _ = fields(number)
    masker.add_mask(password)
    masker.add_mask(extra)
LINE = "[2026-11-28] INFO - extracted 1,234 rows of 56 partitions from warehouse.example.com in 7.8 s, none bad"
"""

#: Both maskers get what Airflow's own code would register, and are ready for the first line.
MASKS = """
{loaded}{fields}
{setup}
count, maskers, before = {count}, (core_masker(), sdk_masker()), cpu()
for number in range(count):
    register(number)
    for masker in maskers:
        register_by_airflow(masker, number)
for masker in maskers:
    masker.redact(LINE)
report(cpu_ms=cpu() - before)
"""
AIRFLOWS_OWN = "register = lambda number: None"
MEMORY = """
from strongroom.memory import MemoryBackend
secrets = {"airflow/connections/c%d" % number: fields(number)[2] for number in range(400)}
reader = MemoryBackend(secrets=secrets)
register = lambda number: reader.get_conn_value("c%d" % number)
"""

#: The process that writes a task's log, and gets its secrets.
SUPERVISOR = """
{loaded}{fields}
{setup}
count, masker, before = {count}, sdk_masker(), cpu()
for number in range(count):
    password, extra, uri = fields(number)
    if ours:
        masker.add_mask([uri, password, "user%d:%s" % (number, password), json.loads(extra)["token"]])
    register_by_airflow(masker, number)
masker.redact(LINE)
report(cpu_ms=cpu() - before)
"""

LOG_LINE = """
{loaded}{fields}
{setup}
for number in range({count}):
    register(number)
    register_by_airflow(sdk_masker(), number)
report(us=best_of(lambda: sdk_masker().redact(LINE), 200))
"""

#: As tasks look up: occasionally, on whatever core the scheduler chooses.
NOW_AND_THEN = """
{loaded}
{setup}
reader = backend({options})
reader.get_variable("hello")
count, before = 40, cpu()
for _ in range(count):
    time.sleep(0.05)
    reader.get_variable("hello")
report(cpu_us=(cpu() - before) / count * 1000)
"""

#: Airflow's own cache, which only the processes of a DAG processor have: a dictionary in a separate process.
USE_CACHE = """
os.environ["AIRFLOW__SECRETS__USE_CACHE"] = "True"
{loaded}
from airflow.sdk.execution_time.cache import SecretCache
SecretCache.init()
SecretCache.save_variable("hello", "world")
assert SecretCache.get_variable("hello") == "world"
started, cost = time.perf_counter(), best_of(lambda: SecretCache.get_variable("hello"), 500)
report(us=cost, wall_us=(time.perf_counter() - started) / 2500 * 1e6)
"""
WARM_LOADED = """
{loaded}
{setup}
reader = backend()
reader.get_variable("hello")
started, cost = time.perf_counter(), best_of(lambda: reader.get_variable("hello"), 20000)
report(us=cost, wall_us=(time.perf_counter() - started) / 100000 * 1e6)
"""


def rows(stub: str) -> list[Row]:
    """The first rows of the page."""
    return [*task_rows(stub), *mask_rows(stub), *now_and_then(stub), *warm_rows(stub)]


def task_rows(stub: str) -> list[Row]:
    """A task's first connections."""
    found = []
    for count, rounds in ((1, 5), (10, 5), (40, 3)):
        codes = [
            TASK.format(backend=backend, options=options, loaded=LOADED, count=count) for backend, options in CLASSES
        ]
        peer, ours = medians(codes, stub, rounds)
        what = f"a task's first connections, uncached: {count}"
        found.append(Row(what, "CPU ms", "official class", peer["cpu_ms"], ours["cpu_ms"]))
    return found


def mask_rows(stub: str) -> list[Row]:
    """The maskers alone: registering, and the cost of a line afterwards."""

    def both(code: str, count: int, rounds: int, **names: str) -> list[dict[str, float]]:
        sides = ((AIRFLOWS_OWN, "ours = False"), (MEMORY, "ours = True"))
        words = {"loaded": LOADED, "fields": FIELDS, "count": count}
        return medians([code.format(setup="\n".join(side), **words) for side in sides], stub, rounds)

    found = []
    for count, rounds in ((1, 5), (10, 5), (40, 3), (400, 1)):
        peer, ours = both(MASKS, count, rounds)
        what = f"masks of {count} connections, registered and ready in both maskers"
        found.append(Row(what, "CPU ms", "Airflow's own masks", peer["cpu_ms"], ours["cpu_ms"]))
    for count in (40, 400):
        peer, ours = both(SUPERVISOR, count, 1)
        what = f"a supervisor that gets {count} connections"
        found.append(Row(what, "CPU ms", "Airflow's own masks", peer["cpu_ms"], ours["cpu_ms"]))
        peer, ours = both(LOG_LINE, count, 1)
        what = f"a line of a log, with {count} connections masked"
        found.append(Row(what, "CPU us", "Airflow's own masks", peer["us"], ours["us"]))
    return found


def now_and_then(stub: str) -> list[Row]:
    """One lookup at a time."""
    sides = ((OFFICIAL, ""), (OURS, "cache_ttl=0"))
    codes = [NOW_AND_THEN.format(loaded=LOADED, setup=setup, options=options) for setup, options in sides]
    peer, ours = medians(codes, stub)
    what = "uncached lookup, one every 50 ms, not pinned"
    return [Row(what, "CPU us", "official class", peer["cpu_us"], ours["cpu_us"])]


def warm_rows(stub: str) -> list[Row]:
    """Airflow's own cache compared with ours."""
    codes = [USE_CACHE.format(loaded=LOADED), WARM_LOADED.format(loaded=LOADED, setup=OURS)]
    peer, ours = medians(codes, stub, 3)
    name = "Airflow's `[secrets] use_cache`"
    return [
        Row("warm lookup of a variable", "CPU us", name, peer["us"], ours["us"]),
        Row("warm lookup of a variable", "us", name, peer["wall_us"], ours["wall_us"]),
    ]
