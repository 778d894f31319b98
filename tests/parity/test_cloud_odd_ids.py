"""Ids that are no text, of Google and Azure: the same outcome as in the official classes. See `test_odd_ids.py`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.parity import azure_house
from tests.parity.google_secret_manager import test_lookups as google_lookups
from tests.parity.outcomes import Outcome
from tests.parity.test_odd_ids import SURROGATES, same
from tests.servers.azure import azure
from tests.servers.google import GoogleServer, google

both = google_lookups.both


class Named:
    """An object whose text is a name."""

    def __str__(self) -> str:
        return "named"


class Text(str):
    """A text of a class of its own."""


#: With bytes and objects, which `str` can make a name of as well.
ODD: list[Any] = [None, 5, -1, 2.5, True, False, *SURROGATES, b"hello", Named(), Text("hello")]
THERE = ("None", "5", "-1", "True", "False", "named", "hello", "b-hello-", "2-5")
WAYS: dict[str, dict[str, Any]] = {
    "below a prefix": {},
    "bare": {"variables_prefix": "", "connections_prefix": "", "config_prefix": ""},
}
TEAMS: list[tuple[str | None, bool]] = [(None, False), (None, True), ("t", True)]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleServer]:
    """One double of Google for the module."""
    with google(tmp_path_factory.mktemp("google")) as server:
        yield server


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[azure_house.House]:
    """One double of Azure for the module."""
    with azure(tmp_path_factory.mktemp("azure")) as cloud:
        yield azure_house.House(cloud)


def check(run: Callable[[str, Any, str | None, bool], tuple[Outcome, Outcome]]) -> None:
    """Each id for each getter, alone and for a team, with teams on and off; every one that differs is named."""
    wrong = []
    for name, lookup, (team, multi_team) in itertools.product(ODD, ("var", "conn", "config"), TEAMS):
        official, ours = run(lookup, name, team, multi_team)
        # Agreed: see "dash in front" in `differences.py`.
        is_refused = multi_team and lookup != "config" and str(name).startswith("-") and ours.ending == "none"
        if not same(official, ours) and not is_refused:
            told = f"{lookup} {name!r} {team} {multi_team}: {official} {official.error!r}"
            wrong.append(f"{told}\n  {ours} {ours.error!r}")
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize("way", WAYS)
def test_google(both: google_lookups.Both, way: str) -> None:
    """Names with what Python makes of the id are there, below the prefix and bare."""
    secrets = {f"airflow-{kind}-{name}": "there" for kind in ("variables", "connections", "config") for name in THERE}
    secrets |= dict.fromkeys(THERE, "bare") | {f"-{name}": "bare" for name in THERE}

    def run(lookup: str, name: Any, team: str | None, multi_team: bool) -> tuple[Outcome, Outcome]:
        return both.run(google_lookups.Case("odd", WAYS[way], lookup, name, team, {}, multi_team))

    for name, value in secrets.items():
        both.server.put(name, value)
    check(run)


@pytest.mark.parametrize("way", WAYS)
def test_azure(house: azure_house.House, way: str, tmp_path: Path) -> None:
    """The same for Key Vault, whose names have dashes for what else stands in an id."""
    secrets = {f"airflow-{kind}-{name}": "there" for kind in ("variables", "connections", "config") for name in THERE}
    secrets |= dict.fromkeys(THERE, "bare")

    def run(lookup: str, name: Any, team: str | None, multi_team: bool) -> tuple[Outcome, Outcome]:
        case = azure_house.Case("odd", WAYS[way], lookup, name, team, secrets, multi_team)
        return house.run(case, tmp_path)

    check(run)
