"""How much of `airflow connections get` is Airflow's own time.

In Airflow 3.3 the command calls `Connection.get_connection_from_secrets`, and so the backend of `[secrets]` first, then
the environment, then the database (`airflow/cli/commands/connection_command.py`, `connections_get`). The same command
is run with a connection in the environment and no backend, and with ours in front.
"""

from __future__ import annotations

import json

from measure import median_of_each, run

ROUNDS = 5
URI = "postgresql://user:pass@host:5432/db?sslmode=require"

COMMAND = """
import contextlib
sys.argv = ["airflow", "connections", "get", "hello", "-o", "json"]
{prepare}
from airflow.__main__ import main
with contextlib.suppress(SystemExit):
    main()
print()
report(all=cpu(), ours={spent})
"""

#: Adds up the time in our package: its import, and each of its methods with everything that it calls, except the
#: constructor of Airflow's own `Connection`, which every backend calls in the end.
WATCHED = """
import functools
before = cpu()
from strongroom.aws import SecretsManagerBackend as Watched
spent, inner = {"ours": cpu() - before, "airflow": 0}, []
def watch(method, whose):
    @functools.wraps(method)
    def watched(*arguments, **options):
        start = time.process_time()
        inner.append(0)
        try:
            return method(*arguments, **options)
        finally:
            whole = (time.process_time() - start) * 1000
            spent[whose] += whole - inner.pop()
            if inner:
                inner[-1] += whole
    return watched
for name in ("__init__", "get_config", "get_connection", "get_variable"):
    setattr(Watched, name, watch(getattr(Watched, name), "ours"))
set_class = Watched._set_connection_class
def watch_class(self, connection_class):
    connection_class.__init__ = watch(connection_class.__init__, "airflow")
    set_class(self, connection_class)
Watched._set_connection_class = watch_class
"""


def paragraph(stub: str) -> str:
    """Measures both in turns, and describes the result."""
    backend = {
        "AIRFLOW__SECRETS__BACKEND": "strongroom.aws.SecretsManagerBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"region_name": "eu-central-1", "endpoint_url": stub}),
    }
    sides = (
        (COMMAND.format(prepare="", spent="0"), {"AIRFLOW_CONN_HELLO": URI}),
        (COMMAND.format(prepare="", spent="0"), backend),
        (COMMAND.format(prepare=WATCHED, spent="spent['ours']"), backend),
    )
    figures = [[run(code, stub, variables) for code, variables in sides] for _ in range(ROUNDS)]
    alone, ours, watched = (median_of_each(side) for side in zip(*figures, strict=True))
    return text(alone["all"], ours["all"], watched["ours"], watched["all"])


def text(alone: float, ours: float, spent: float, watched: float) -> str:
    """The paragraph."""
    return f"""`airflow connections get` takes {alone:,.0f} ms of CPU for a connection in the environment, \
without any backend, and {ours:,.0f} ms
when it is read from the server through Strongroom (medians of {ROUNDS} runs, in turns). Import, construction and lookup
in Strongroom, with all that they call but the constructor of Airflow's `Connection`, were {spent:.1f} ms of
{watched:,.0f} ms in a run that was watched: {1 - spent / watched:.1%} of the command is Airflow's own. The command asks
the backend of `[secrets]` first, then the environment, then the database."""
