"""Reads one connection, one variable and one configuration option, and reports which backend each came from.

The DAG does not name a secrets backend: Airflow asks the one that ``[secrets] backend`` names. ``example_secrets/``
contains made-up values for the local-file backend; ``example_stores/`` the settings for each other store, and the
commands that create these three secrets there:

* connection ``strongroom_example_db``
* variable ``strongroom_example_greeting``
* config ``strongroom_example_dsn``, wired to an option by ``AIRFLOW__SENTRY__SENTRY_DSN_SECRET=strongroom_example_dsn``

Works on Airflow 2.9 and later. ``make run`` runs it. In an Astro project copy this folder's contents into ``dags/`` and
the lines of ``example_secrets/astro.env`` into ``.env``; ``docs/astro.md`` describes how the wheel is installed there.
Airflow masks the values that a backend returned, so a task log may show ``***`` where a value is printed.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

try:  # Airflow 3
    from airflow.sdk import BaseHook, Variable, dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task
    from airflow.hooks.base import BaseHook
    from airflow.models import Variable

CONNECTION = "strongroom_example_db"
VARIABLE = "strongroom_example_greeting"
#: A file that gets the report as JSON; unset, the report is in the task log only.
REPORT = "STRONGROOM_EXAMPLE_REPORT"


def answering_backend(method: str, name: str) -> str:
    """The class of the first backend in Airflow's search path that has ``name``."""
    from airflow.configuration import ensure_secrets_loaded

    for backend in ensure_secrets_loaded():
        if getattr(backend, method)(name) is not None:
            return f"{type(backend).__module__}.{type(backend).__qualname__}"
    return "nowhere"


@task
def read(host: str, greeting: str) -> None:
    """Looks up through the API what the templates have already looked up, and prints both."""
    from airflow.configuration import conf

    connection = BaseHook.get_connection(CONNECTION)
    variable = Variable.get(VARIABLE)
    option = conf.get("sentry", "sentry_dsn", fallback="") or ""
    if (connection.host, variable) != (host, greeting):
        raise ValueError("the templates and the API disagree")
    report: dict[str, dict[str, Any]] = {
        f"connection {CONNECTION}": {
            "host": connection.host,
            "source": answering_backend("get_connection", CONNECTION),
        },
        f"variable {VARIABLE}": {
            "value": variable,
            "source": answering_backend("get_variable", VARIABLE),
        },
        "config [sentry] sentry_dsn": {
            "length": len(option),
            "source": answering_backend("get_config", os.environ["AIRFLOW__SENTRY__SENTRY_DSN_SECRET"]),
        },
    }
    for what, found in report.items():
        print(what, *(f"{key}={value}" for key, value in found.items()))
    if REPORT in os.environ:
        Path(os.environ[REPORT]).write_text(json.dumps(report, indent=2))


@dag(schedule=None, start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), catchup=False, tags=["strongroom"])
def strongroom_example() -> None:
    """One task; its arguments are templates."""
    read(host=f"{{{{ conn.{CONNECTION}.host }}}}", greeting=f"{{{{ var.value.{VARIABLE} }}}}")


strongroom_example()
