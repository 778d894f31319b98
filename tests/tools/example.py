"""The example DAG as `make run` runs it: its Airflow home, its environment, and its result."""

from __future__ import annotations

import json
import shutil

from tests.airflow.classes import LOCAL
from tests.airflow.session import backend_environment, home_environment
from tests.tools.venvs import CACHE, REPOSITORY

DAG = "strongroom_example"
SECRETS = REPOSITORY / "dags" / "example_secrets"
FILES = {f"{kind}_file_path": str(SECRETS / f"{kind}.yaml") for kind in ("connections", "variables", "configs")}
HOME = CACHE / "run" / "airflow"
FOUND = CACHE / "run" / "found.json"


def prepare() -> dict[str, str]:
    """A fresh Airflow home; returns the environment that selects it and the backend."""
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    FOUND.unlink(missing_ok=True)
    return {
        **home_environment(HOME),
        **backend_environment(LOCAL, FILES),
        "AIRFLOW__SENTRY__SENTRY_DSN_SECRET": "strongroom_example_dsn",
        "STRONGROOM_EXAMPLE_REPORT": str(FOUND),
    }


def report() -> str:
    """What the DAG's task found, and where, in a few lines."""
    lines = [f"{DAG} on Airflow read through [secrets] backend:"]
    for what, found in json.loads(FOUND.read_text()).items():
        source = found.pop("source")
        values = ", ".join(f"{name} {value}" for name, value in found.items())
        lines.append(f"  {what}: {values}\n      from {source}, {FILES[f'{what.split()[0]}s_file_path']}")
    return "\n".join(lines).replace(f"{REPOSITORY}/", "")
