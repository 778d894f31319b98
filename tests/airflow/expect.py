"""What a lookup must have printed, for every store."""

from __future__ import annotations

from typing import Any

from tests.airflow.canaries import Canaries
from tests.airflow.session import Result


def connection(result: Result, expected: dict[str, Any]) -> None:
    """Every field, as `airflow connections get --output json` prints it."""
    (row,) = result.must().json()
    wanted = {**expected, "port": str(expected["port"]), "extra_dejson": expected["extra"]}
    del wanted["extra"]
    assert {name: row[name] for name in wanted} == wanted


def nothing(result: Result, sentence: str) -> None:
    """A miss: exit code 1 and one sentence, no traceback."""
    printed = result.must(1).out + result.err
    assert sentence in printed
    assert "Traceback" not in printed


def the_dag(result: Result, canaries: Canaries, backend: str) -> None:
    """The example DAG succeeded, and all its values came from the backend."""
    output = result.must().out
    assert f"host=warehouse.example.com source={backend}" in output
    assert f"length={len(canaries.dsn)} source={backend}" in output
    assert output.count(f"source={backend}") == 3
