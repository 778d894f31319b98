"""Prints secrets in every form, from the main thread, a thread and an event loop. A test, not an example."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime, timezone

from airflow.configuration import conf
from strongroom_forms import FORMS  # type: ignore[import-not-found]

try:
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG, BaseHook, Variable
except ImportError:
    from airflow.hooks.base import BaseHook
    from airflow.models import DAG, Variable
    from airflow.operators.python import PythonOperator


def read(place: str) -> dict[str, str]:
    """Every kind of secret, each with a different value in each place, which was not read before."""
    uri = BaseHook.get_connection(f"masked_uri_{place}")
    json = BaseHook.get_connection(f"masked_json_{place}")
    found = {
        "password": uri.password,
        "token": uri.extra_dejson["token"],
        "login and password": f"{uri.login}:{uri.password}",
        "password of JSON": json.password,
        "key": json.extra_dejson["private_key"],
        "webhook": BaseHook.get_connection(f"masked_hook_{place}").schema,
        "variable": Variable.get(f"masked_token_{place}"),
        "variable of JSON": Variable.get(f"masked_secret_{place}"),
    }
    print(f"{place}|uri|{uri.get_uri()}|{json.get_uri()}|{json.extra}", flush=True)
    return found


def print_all(place: str, secrets: dict[str, str]) -> None:
    """A line for each secret and form."""
    for name, secret in secrets.items():
        for form, show in FORMS.items():
            print(f"{place}|{name}|{form}|{show(secret)}", flush=True)
    print(f"{place}|benign|require|eu-central-1", flush=True)


async def on_the_loop() -> None:
    """Reads as an asynchronous task does."""
    print_all("loop", read("loop"))


def in_every_place() -> None:
    """In all three places, the main thread first."""
    print_all("main", {**read("main"), "config": conf.get("sentry", "sentry_dsn")})
    thread = threading.Thread(target=lambda: print_all("thread", read("thread")))
    thread.start()
    thread.join()
    asyncio.run(on_the_loop())


with DAG("strongroom_masking", schedule="@once", start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), catchup=False):
    PythonOperator(task_id="print", python_callable=in_every_place)
