"""Logs that are kept elsewhere: notes the connection that Airflow hands to the handler, and uploads nothing."""

from __future__ import annotations

import os
from copy import deepcopy
from typing import Any

from airflow.config_templates.airflow_local_settings import DEFAULT_LOGGING_CONFIG

from strongroom import connection

LOGGING_CONFIG = deepcopy(DEFAULT_LOGGING_CONFIG)
DEFAULT_REMOTE_CONN_ID = "paths_logs"


class Elsewhere:
    """Airflow's `RemoteLogIO`, by its methods."""

    processors = ()

    def upload(self, path: Any, ti: Any = None) -> None:
        """Is called by supervisors: a task's has the connection in its environment, not every triggerer has."""
        from strongroom_paths_trigger import note  # type: ignore[import-not-found]

        if uri := os.environ.get("AIRFLOW_CONN_PATHS_LOGS"):
            note("remote-logging", connection.parse(uri)["password"])

    def read(self, path: Any, ti: Any) -> tuple[list[str], None]:
        """Nothing is there."""
        return [], None


REMOTE_TASK_LOG = Elsewhere()
