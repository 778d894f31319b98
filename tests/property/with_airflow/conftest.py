"""An Airflow home for this process."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

# Before any import of Airflow, which creates its home and its keys on import.
HOME = tempfile.TemporaryDirectory(prefix="strongroom-property-")
os.environ["AIRFLOW_HOME"] = HOME.name
for steering in [name for name in os.environ if name.startswith("AIRFLOW__")]:
    del os.environ[steering]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ignores the warnings of Airflow and its providers."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore"))
