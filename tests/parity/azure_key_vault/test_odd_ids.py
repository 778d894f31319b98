"""Ids that are not text: the same outcome as in Azure's class. See `tests/parity/test_odd_ids.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.parity import azure_comparison
from tests.parity.odd_ids import THERE, WAYS, check
from tests.parity.outcomes import Outcome
from tests.servers.azure import azure


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Iterator[azure_comparison.Comparison]:
    """One double of Azure for the module."""
    with azure(tmp_path_factory.mktemp("azure")) as cloud:
        yield azure_comparison.Comparison(cloud)


@pytest.mark.parametrize("way", WAYS)
def test_odd_ids(comparison: azure_comparison.Comparison, way: str, tmp_path: Path) -> None:
    """Key Vault's names have dashes for other characters of an id."""
    secrets = {f"airflow-{kind}-{name}": "there" for kind in ("variables", "connections", "config") for name in THERE}
    secrets |= dict.fromkeys(THERE, "bare")

    def run(lookup: str, name: Any, team: str | None, multi_team: bool) -> tuple[Outcome, Outcome]:
        case = azure_comparison.Case("odd", WAYS[way], lookup, name, team, secrets, multi_team)
        return comparison.run(case, tmp_path)

    check(run)
