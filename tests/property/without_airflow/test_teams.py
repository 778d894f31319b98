"""No lookup of one team ever gets a secret of another, whatever the prefixes, separators, ids and names of teams."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from strongroom._base import SecretsBackend
from strongroom.memory import MemoryBackend

#: Few letters, so that names coincide; the separators of teams and of prefixes are among them.
LETTERS = "ab-/_.:"
WORDS = st.text(LETTERS, max_size=6)
TEAMS = st.text(LETTERS, min_size=1, max_size=6)
IDS = st.text(LETTERS, min_size=1, max_size=8)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
KINDS = ("connection", "variable", "config")
PREFIXES = {"connection": "connections_prefix", "variable": "variables_prefix", "config": "config_prefix"}


@pytest.fixture(autouse=True, scope="module")
def _teams_are_on() -> Iterator[None]:
    before = os.environ.get("AIRFLOW__CORE__MULTI_TEAM")
    os.environ["AIRFLOW__CORE__MULTI_TEAM"] = "True"
    yield
    del os.environ["AIRFLOW__CORE__MULTI_TEAM"]
    if before is not None:
        os.environ["AIRFLOW__CORE__MULTI_TEAM"] = before


def name_of(prefix: str, separator: str, secret_id: str, team: str | None = None) -> str:
    """A name as the official class makes it; trailing separators are removed from the prefix."""
    prefix = prefix.rstrip(separator)
    scoped = f"{team}--{secret_id}" if team and prefix else secret_id
    return f"{prefix}{separator}{scoped}" if prefix else scoped


def look_up(backend: SecretsBackend, kind: str, secret_id: str, team: str | None) -> Any:
    """The result of the getter for a kind; configuration has no teams."""
    if kind == "connection":
        return backend.get_conn_value(secret_id, team)
    return backend.get_variable(secret_id, team) if kind == "variable" else backend.get_config(secret_id)


@given(
    prefix=WORDS,
    separator=st.text(LETTERS, max_size=3),
    team=st.none() | TEAMS,
    secret_id=IDS,
    kind=st.sampled_from(KINDS),
)
def test_names_are_made_as_the_official_class_does(
    prefix: str, separator: str, team: str | None, secret_id: str, kind: str
) -> None:
    """The secret of every requested name is found, the team's first, and no other."""
    team = None if kind == "config" else team
    own, shared = name_of(prefix, separator, secret_id, team), name_of(prefix, separator, secret_id)
    options: dict[str, Any] = {PREFIXES[kind]: prefix, "sep": separator, "cache_ttl": 0}
    # `-db` of the team `ops` would have the same name as `db` of the team `ops-`.
    is_refused = "--" in secret_id or (kind != "config" and secret_id.startswith("-"))
    expected = None if is_refused else own
    both: dict[str, Any] = {shared: shared, own: own}
    assert look_up(MemoryBackend(secrets=both, **options), kind, secret_id, team) == expected
    fallback = None if is_refused else shared
    assert look_up(MemoryBackend(secrets={shared: shared}, **options), kind, secret_id, team) == fallback
    assert look_up(MemoryBackend(secrets={}, **options), kind, secret_id, team) is None


@given(
    prefix=WORDS,
    separator=st.text(LETTERS, max_size=3),
    team=st.none() | st.just("") | TEAMS,
    others=st.lists(TEAMS, min_size=1, max_size=4),
    ids=st.lists(IDS, min_size=1, max_size=4),
    asked=st.none() | IDS,
    kind=st.sampled_from(KINDS),
)
def test_no_secret_of_another_team_is_returned(
    prefix: str, separator: str, team: str | None, others: list[str], ids: list[str], asked: str | None, kind: str
) -> None:
    """Every other team has a secret of every id; none of them may be returned.

    Without a prefix there are no names of teams. A team whose own name contains the separator of teams can be written
    in two ways, which Airflow itself refuses to create.
    """
    assume(prefix.rstrip(separator))
    assume(not any("--" in name or name.endswith("-") or name.startswith("-") for name in (*others, team or "")))
    # The last letter of a name and the first of an id can form a separator.
    theirs = {
        name_of(prefix, separator, secret_id, other): f"secret of {other}"
        for other in others
        if other != team
        for secret_id in [*ids, asked or ids[0]]
        if not secret_id.startswith("-")
    }
    backend = MemoryBackend(secrets=theirs, **{PREFIXES[kind]: prefix}, sep=separator, cache_ttl=0)
    for secret_id in [*ids, asked or ids[0], *(name.rpartition("/")[2] for name in theirs)]:
        assert look_up(backend, kind, secret_id, team) is None, secret_id


@given(team=ANY_TEXT, secret_id=ANY_TEXT, value=ANY_TEXT)
def test_any_text_is_a_name(team: str, secret_id: str, value: str) -> None:
    """Nothing is trimmed, case-folded or normalised."""
    assume("--" not in secret_id)
    shared, own = name_of("p", "/", secret_id), name_of("p", "/", secret_id, team)
    assert MemoryBackend(secrets={shared: value}, variables_prefix="p").get_variable(secret_id) == value
    assert MemoryBackend(secrets={own: value}, variables_prefix="p").get_variable(secret_id, team) == value
