"""Ids that are not text: the same outcome as in Google's class. See `tests/parity/test_odd_ids.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.parity.google_secret_manager import test_lookups as google_lookups
from tests.parity.odd_ids import THERE, WAYS, check
from tests.parity.outcomes import Outcome
from tests.servers.google import GoogleServer, google

both = google_lookups.both


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleServer]:
    """One double of Google for the module."""
    with google(tmp_path_factory.mktemp("google")) as server:
        yield server


@pytest.mark.parametrize("way", WAYS)
def test_odd_ids(both: google_lookups.Both, way: str) -> None:
    """There are secrets for the text that Python makes of an id, below the prefix and bare."""
    secrets = {f"airflow-{kind}-{name}": "there" for kind in ("variables", "connections", "config") for name in THERE}
    secrets |= dict.fromkeys(THERE, "bare") | {f"-{name}": "bare" for name in THERE}

    def run(lookup: str, name: Any, team: str | None, multi_team: bool) -> tuple[Outcome, Outcome]:
        return both.run(google_lookups.Case("odd", WAYS[way], lookup, name, team, {}, multi_team))

    for name, value in secrets.items():
        both.server.put(name, value)
    check(run)
