"""Asks for what the server is refused, and notes what the task gets. A test, not an example."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timezone
from pathlib import Path

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

try:
    from airflow.sdk import BaseHook
except ImportError:  # Airflow 3.0
    from airflow.hooks.base import BaseHook

#: The environment of the API server has a connection of this id: it must not answer for what is refused.
REFUSED = "refused_db"


def ask() -> None:
    """Writes the host, or the names of the exception's classes; and how long it took."""
    began = time.monotonic()
    try:
        got = [BaseHook.get_connection(REFUSED).host]
    except Exception as error:  # noqa: BLE001  # which one it is differs between versions
        got = [cls.__name__ for cls in type(error).__mro__]
    report = {"got": got, "seconds": time.monotonic() - began}
    Path(os.environ["STRONGROOM_PATHS"], "refused.report").write_text(json.dumps(report))


with DAG("strongroom_refused", schedule="@once", start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), catchup=False):
    PythonOperator(task_id="ask", python_callable=ask)
