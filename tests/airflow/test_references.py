"""References in connections and variables of a real Airflow, and that its log masker hides what they lead to."""

from __future__ import annotations

import json

import pytest

from tests.airflow.session import Airflow, backend_environment

READ = """
import json, logging
from airflow.hooks.base import BaseHook
from airflow.models import Variable
connection = BaseHook.get_connection("db")
found = [connection.login, connection.password, connection.host, connection.port, connection.extra_dejson]
masker = None
PLACES = (
    "airflow.sdk._shared.secrets_masker",
    "airflow.sdk.execution_time.secrets_masker",
    "airflow.utils.log.secrets_masker",
)
for name in PLACES:
    try:
        masker = __import__(name, fromlist=["redact"])
        break
    except ImportError:
        continue
texts = (connection.login, connection.extra_dejson["region"], Variable.get("place"))
hidden = [masker.redact(f"see {text} there") for text in texts]
print("RESULT " + json.dumps([found, Variable.get("place"), hidden]))
"""

pytestmark = pytest.mark.ours


def test_a_connection_whose_parts_are_elsewhere(airflow: Airflow) -> None:
    uri = (
        "postgres://secret_coordinate%3A%3Auser:secret_coordinate::db/prod#pw@h:5432/d"
        "?region=secret_coordinate%3A%3Aregion"
    )
    secrets = {
        "airflow/connections/db": uri,
        "airflow/variables/place": "secret_coordinate::region",
        "user": "user-4711-of-the-store",
        "db/prod": json.dumps({"pw": "p@/ 4711"}),
        "region": "region-4711-of-the-store",
    }
    options = {"secrets": secrets, "references": [{"name": ".*"}]}
    done = airflow.python(READ, backend_environment("strongroom.memory.MemoryBackend", options))
    line = next(line for line in done.out.splitlines() if line.startswith("RESULT "))
    found, place, hidden = json.loads(line.removeprefix("RESULT "))
    assert found == ["user-4711-of-the-store", "p@/ 4711", "h", 5432, {"region": "region-4711-of-the-store"}]
    assert place == "region-4711-of-the-store"
    assert hidden == ["see *** there"] * 3
