"""Reads the same secrets in every process in which Airflow runs a user's code. A test, not an example."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow.configuration import conf
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, BaseOperator
from strongroom_paths_trigger import CONNECTION, VARIABLE, ReadingTrigger, note, read  # type: ignore[import-not-found]

# Read by every process that parses this file: the DAG processor's child, and the task before it starts.
read("top-level")


def print_all(password: str, variable: str) -> None:
    """Prints the values from the templates: the log must not show them."""
    print("password", password, "variable", variable)
    note("templates", password, variable)
    note("config", conf.get("sentry", "sentry_dsn"))
    read("task")


def after_the_task(_context: Any) -> None:
    """Runs in the task's process."""
    read("task-callback")


def after_the_run(_context: Any) -> None:
    """Runs in a child of the DAG processor."""
    read("dag-callback")


class Deferred(BaseOperator):  # type: ignore[misc]  # Airflow's types are unknown where mypy runs
    """Waits for the trigger."""

    def execute(self, context: Any) -> None:
        """Hands over to the triggerer."""
        self.defer(trigger=ReadingTrigger(), method_name="resume")

    def resume(self, context: Any, event: Any) -> None:
        """Runs in a new process."""
        read("after-deferral")


with DAG(
    "strongroom_paths",
    schedule="@once",
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    on_success_callback=after_the_run,
):
    templates = {
        "password": f"{{{{ conn.{CONNECTION}.password }}}}",
        "variable": f"{{{{ var.value.{VARIABLE} }}}}",
    }
    Deferred(task_id="deferred")
    PythonOperator(task_id="task", python_callable=print_all, op_kwargs=templates, on_success_callback=after_the_task)
