"""Prints a variable and the host of a connection. The DAG does not know where they come from."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, BaseHook, Variable
from words import sentence  # type: ignore[import-not-found]


def speak(greeting: str, host: str) -> None:
    """Fails unless the templates and the API agree."""
    if (Variable.get("greeting"), BaseHook.get_connection("warehouse").host) != (greeting, host):
        raise ValueError("the templates and the API disagree")
    print(sentence(greeting, host))


with DAG("strongroom_astro", schedule=None, start_date=datetime(2024, 1, 1, tzinfo=timezone.utc)):
    words = {"greeting": "{{ var.value.greeting }}", "host": "{{ conn.warehouse.host }}"}
    PythonOperator(task_id="speak", python_callable=speak, op_kwargs=words)
