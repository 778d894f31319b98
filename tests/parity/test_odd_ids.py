"""Ids that are not text, and texts with half of a surrogate pair: the same outcome as in the official classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.parity.comparison import PARAMETER_STORE, Case, Comparison, open_comparison
from tests.parity.outcomes import Outcome
from tests.parity.vault_comparison import VaultComparison
from tests.servers.aws import MiniStack

IDS: list[Any] = [None, 5, 0, -1, 2.5, True, False]
SURROGATES = ["\ud83d", "a\udc00b"]
#: Kwargs by their effect on the id.
WAYS: dict[str, dict[str, Any]] = {
    "below a prefix": {},
    "bare": {"variables_prefix": "", "variables_path": ""},
    "matched": {"variables_lookup_pattern": "."},
    "off": {"variables_prefix": None, "variables_path": None},
    "with its own mount": {"mount_point": None},
}
VAULT_WORDS = {"variables_path", "mount_point"}


@pytest.fixture(scope="module")
def parameters(aws_server: MiniStack) -> Iterator[Comparison]:
    """The parameter store, with its users."""
    with open_comparison(aws_server, PARAMETER_STORE) as opened:
        yield opened


def same(official: Outcome, ours: Outcome) -> bool:
    """The same outcome and value."""
    return (official.ending, official.value) == (ours.ending, ours.value)


def check(comparison: Comparison | VaultComparison, kwargs: dict[str, Any], ids: list[Any], folder: Path) -> None:
    """Each id alone and for a team, with teams on and off."""
    wrong = []
    for name in ids:
        for team, multi_team in ((None, False), (None, True), ("t", True)):
            case = Case(f"{name!r}", kwargs, "var", name, team, multi_team=multi_team)
            # Whether there is a request is not compared for invalid names.
            official, ours = comparison.run(dataclasses.replace(case, asks=False), folder)
            if not same(official, ours):
                wrong.append(f"{name!r} {team} {multi_team}: {official} {official.error!r}\n  {ours} {ours.error!r}")
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize("way", ["below a prefix", "bare", "matched", "off"])
def test_secrets_manager(comparison: Comparison, way: str, tmp_path: Path) -> None:
    """There are secrets for the text that Python makes of an id."""
    kwargs = {key: value for key, value in WAYS[way].items() if key not in VAULT_WORDS}
    with comparison.holding({f"airflow/variables/{name}": "there" for name in ("None", "5", "False")}):
        check(comparison, kwargs, [*IDS, *SURROGATES], tmp_path)


@pytest.mark.parametrize("way", ["below a prefix", "matched", "off"])
def test_parameter_store(parameters: Comparison, way: str, tmp_path: Path) -> None:
    """The same for parameters. AWS's answer to half of a surrogate pair is not known: the test server fails."""
    kwargs = {key: value for key, value in WAYS[way].items() if key not in VAULT_WORDS}
    with parameters.holding({f"/airflow/variables/{name}": "there" for name in ("None", "5", "False")}):
        check(parameters, kwargs, IDS, tmp_path)


@pytest.mark.parametrize("way", ["below a prefix", "bare", "with its own mount"])
def test_vault(vault_comparison: VaultComparison, way: str, tmp_path: Path) -> None:
    """Where the id is the whole path, or contains the mount, it must be text."""
    kwargs = {key: value for key, value in WAYS[way].items() if key in VAULT_WORDS}
    paths = [f"secret/data/{folder}{name}" for folder in ("variables/", "") for name in ("None", "5", "False")]
    with vault_comparison.holding({path: {"value": "there"} for path in paths}):
        check(vault_comparison, kwargs, [*IDS, *SURROGATES], tmp_path)
