"""Along a chain, too, no lookup of one team ever gets a secret of another, from whichever member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from strongroom.chain import ChainBackend
from strongroom.exceptions import StrongroomError
from tests.property.without_airflow.test_teams import IDS, KINDS, PREFIXES, TEAMS, WORDS, look_up, name_of
from tests.property.without_airflow.test_teams import _teams_are_on as teams_are_on

__all__ = ["teams_are_on"]

SEPARATORS = st.text("ab-/_.:", max_size=3)
SOME_TEAMS = st.none() | st.lists(st.none() | TEAMS, max_size=3)
#: A member: how it makes its names, and which lookups concern it.
MEMBERS = st.fixed_dictionaries(
    {
        "prefix": WORDS,
        "sep": SEPARATORS,
        "teams": SOME_TEAMS,
        "kinds": st.none() | st.lists(st.sampled_from(KINDS), max_size=3),
        "on_error": st.sampled_from(["official", "next", "miss"]),
    }
)


def is_plain(team: str) -> bool:
    """A team that is written in one way only; Airflow refuses to create any other."""
    return not ("--" in team or team.startswith("-") or team.endswith("-"))


def chain_of(
    members: list[dict[str, Any]], secrets: Sequence[Mapping[str, Any]], kind: str, **options: Any
) -> ChainBackend:
    """A chain of members in memory with these secrets; the options are those of each."""
    routed = [
        {
            "name": f"m{number}",
            "store": "memory",
            "secrets": held,
            PREFIXES[kind]: member["prefix"],
            **options,
            **{key: value for key, value in member.items() if key != "prefix" and value is not None},
        }
        for number, (member, held) in enumerate(zip(members, secrets, strict=True))
    ]
    return ChainBackend(stores=routed, cache_ttl=0)


@given(
    members=st.lists(MEMBERS, min_size=1, max_size=3),
    team=st.none() | st.just("") | TEAMS,
    others=st.lists(TEAMS, min_size=1, max_size=3),
    ids=st.lists(IDS, min_size=1, max_size=3),
    kind=st.sampled_from(KINDS),
)
def test_no_member_returns_the_secret_of_another_team(
    members: list[dict[str, Any]], team: str | None, others: list[str], ids: list[str], kind: str
) -> None:
    """Every other team has a secret of every id in every member; none of them may be returned."""
    assume(all(member["prefix"].rstrip(member["sep"]) for member in members))
    assume(all(map(is_plain, (*others, team or ""))))
    theirs = [
        {
            name_of(member["prefix"], member["sep"], secret_id, other): f"secret of {other}"
            for other in others
            if other != team
            for secret_id in ids
            if not secret_id.startswith("-")
        }
        for member in members
    ]
    backend = chain_of(members, theirs, kind)
    asked = {name.rpartition("/")[2] for held in theirs for name in held}
    for secret_id in [*ids, *asked]:
        assert look_up(backend, kind, secret_id, team) is None, secret_id


@given(members=st.lists(MEMBERS, min_size=1, max_size=3), team=st.none() | TEAMS, secret_id=IDS)
def test_the_first_member_that_the_team_may_ask_answers(
    members: list[dict[str, Any]], team: str | None, secret_id: str
) -> None:
    """Every member has the shared secret; one that is not for the team, or not for variables, never answers."""
    assume(not secret_id.startswith("-") and "--" not in secret_id)
    held = [
        {name_of(member["prefix"], member["sep"], secret_id): f"m{number}"} for number, member in enumerate(members)
    ]
    may = [
        f"m{number}"
        for number, member in enumerate(members)
        if (member["teams"] is None or team in member["teams"])
        and (member["kinds"] is None or "variable" in member["kinds"])
    ]
    assert look_up(chain_of(members, held, "variable"), "variable", secret_id, team) == (may[0] if may else None)


@given(
    members=st.lists(MEMBERS, min_size=1, max_size=3),
    team=st.none() | TEAMS,
    other=TEAMS,
    ids=st.lists(IDS, min_size=1, max_size=3),
    kind=st.sampled_from(KINDS),
    is_named=st.booleans(),
)
def test_no_reference_leads_to_the_secret_of_another_team(
    members: list[dict[str, Any]], team: str | None, other: str, ids: list[str], kind: str, is_named: bool
) -> None:
    """What a team may read refers to everything that another team has, in every member, and all names are allowed."""
    assume(all(member["prefix"].rstrip(member["sep"]) for member in members))
    assume(other != team and all(map(is_plain, (other, team or ""))) and kind != "config")
    ids = [secret_id for secret_id in ids if "--" not in secret_id and not secret_id.startswith("-")]
    held: list[dict[str, Any]] = [{} for _ in members]
    asked: list[str] = []
    for number, member in enumerate(members):
        for secret_id in ids:
            theirs = name_of(member["prefix"], member["sep"], secret_id, other)
            held[number][theirs] = f"secret of {other}"
            reference = f"secret_coordinate::{f'm{number}:' if is_named else ''}{theirs}"
            for holder, its_secrets in zip(members, held, strict=True):
                own = name_of(holder["prefix"], holder["sep"], f"r{len(asked)}", team)
                its_secrets.setdefault(own, reference)
            asked.append(f"r{len(asked)}")
    backend = chain_of(members, held, kind, references=[[f"m{number}", "*"] for number in range(len(members))])
    for secret_id in asked:
        try:
            found = look_up(backend, kind, secret_id, team)
        except StrongroomError:
            continue
        assert "secret of" not in str(found), secret_id
