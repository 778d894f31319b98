"""What the DAG ``strongroom_paths`` reads, where it records it, and the trigger that reads it too."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from airflow.sdk import Variable
from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async  # type: ignore[import-not-found]

try:
    from airflow.sdk import BaseHook
except ImportError:  # Airflow 3.0
    from airflow.hooks.base import BaseHook

CONNECTION = "paths_db"
VARIABLE = "paths_token"


def note(place: str, *values: str) -> None:
    """Records which process read what; the values as digests, since they must not appear anywhere."""
    digests = [hashlib.sha256(value.encode()).hexdigest() for value in values]
    file = Path(os.environ["STRONGROOM_PATHS"], f"{place}-{os.getpid()}-{time.time_ns()}.json")
    part = file.with_suffix(".part")  # readers see a complete file or none
    has_credentials = "AWS_SECRET_ACCESS_KEY" in os.environ
    contents = {"place": place, "parent": os.getppid(), "digests": digests, "has_credentials": has_credentials}
    part.write_text(json.dumps(contents))
    part.rename(file)


def read(place: str) -> None:
    """Reads through the API of tasks and records it."""
    note(place, BaseHook.get_connection(CONNECTION).password or "", Variable.get(VARIABLE))


class ReadingTrigger(BaseTrigger):  # type: ignore[misc]  # Airflow's types are unknown where mypy runs
    """Reads both on the triggerer's event loop."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How the triggerer finds this class again."""
        return f"{__name__}.{type(self).__qualname__}", {}

    async def run(self) -> AsyncIterator[Any]:
        """The connection by the asynchronous call, if there is one, the variable in a thread."""
        get = getattr(BaseHook, "aget_connection", None) or sync_to_async(BaseHook.get_connection)
        connection = await get(CONNECTION)
        variable = await sync_to_async(Variable.get)(VARIABLE)
        note("trigger", connection.password or "", variable)
        self.log.info("trigger read %s and %s", connection.password, variable)
        # Airflow assumes that a task has failed if it is queued again before the scheduler has seen it defer.
        await asyncio.sleep(5)
        yield TriggerEvent("read")
