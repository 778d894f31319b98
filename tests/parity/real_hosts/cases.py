"""What the lookups of both clouds have in common, and how each is run and compared."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from strongroom.exceptions import StrongroomError
from tests.parity.comparison import environment_of, fill
from tests.parity.outcomes import CONNECTION_CLASSES, Outcome
from tests.parity.real_hosts.policies import assert_alike, ending_of, expected, with_names

PREFIX_OF = {"conn": "connections_prefix", "var": "variables_prefix", "config": "config_prefix"}
DEFAULT_OF = {"conn": "airflow-connections", "var": "airflow-variables", "config": "airflow-config"}
POLICIES = ("official", "raise", "miss", "deny", "stop")


@dataclass(frozen=True)
class Lookup:
    """One lookup by the official class, and one by ours for each policy. ``~`` in a name is the number of the case."""

    id: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    #: The extra options of ours.
    own: Mapping[str, Any] = field(default_factory=dict)
    #: ``conn``, ``var`` and ``config`` for the getters, ``core`` and ``sdk`` for a connection of that class.
    lookup: str = "var"
    name: str = "hello~"
    team: str | None = None
    secrets: Mapping[str, str | bytes] = field(default_factory=dict)
    faults: Mapping[str, Any] = field(default_factory=dict)
    multi_team: bool = False
    policies: tuple[str, ...] = ("official",)
    #: The entry in ``DIFFERENCES``.
    differs: str = ""
    #: Whether the official class takes long.
    slow: bool = False
    #: Whether both must send the same requests.
    alike: bool = True

    @property
    def kind(self) -> str:
        """The kind of secret, whatever the lookup."""
        return kind_of(self.lookup)


AnyLookup = TypeVar("AnyLookup", bound=Lookup)
#: The name in a store, by kwargs, kind, id and team.
Physical = Callable[[Mapping[str, Any], str, str, "str | None"], str]


class Comparison(Protocol[AnyLookup]):
    """Both classes on one service."""

    numbered: dict[str, AnyLookup]

    def official(self, case: AnyLookup) -> Outcome:
        """The outcome of the official class."""

    def ours(self, case: AnyLookup, policy: str) -> Outcome:
        """The outcome of ours."""


def kind_of(lookup: str) -> str:
    """The kind of secret behind a lookup."""
    return "conn" if lookup in CONNECTION_CLASSES else lookup


def names(
    make: type[AnyLookup], physical: Physical, prefixes: Mapping[str, Any], separators: Mapping[str, Any], name: str
) -> Iterator[AnyLookup]:
    """Every prefix with every separator, for every kind, with a team and without; the last requested name exists."""
    for (label, prefix), (apart, sep), kind in itertools.product(prefixes.items(), separators.items(), PREFIX_OF):
        kwargs = {} if prefix is ... else {PREFIX_OF[kind]: prefix}
        kwargs |= {} if sep is ... else {"sep": sep}
        for team in (None,) if kind != "conn" else (None, "T"):
            there = {} if prefix is None else {physical(kwargs, kind, name, None): "postgres://shared"}
            yield make(f"{kind} {label} {apart} {team}", kwargs, {}, kind, name, team, there)


def absent(make: type[AnyLookup], physical: Physical, teams: Sequence[str | None]) -> Iterator[AnyLookup]:
    """Secrets that are absent, or another team's."""
    for kind, team in itertools.product(("conn", "var"), teams):
        yield make(f"absent {kind} {team}", {}, {}, kind, "c~", team, policies=POLICIES)
        there = {physical({}, kind, "c~", "U"): "of another team"}
        yield make(f"of another team {kind} {team}", {}, {}, kind, "c~", team, there)


def values(
    make: type[AnyLookup], physical: Physical, tried: Sequence[tuple[str, str, str | bytes]]
) -> Iterator[AnyLookup]:
    """Values by label and lookup."""
    for label, lookup, value in tried:
        there = {physical({}, kind_of(lookup), "c~", None): value}
        yield make(f"value {lookup} {label}", {}, {}, lookup, "c~", secrets=there)


def numbered(case: AnyLookup, number: int) -> AnyLookup:
    """The case with names that no other case uses."""
    words = {"~": f"slow{number}" if case.slow else f"q{number}"}
    kept = {each.name: getattr(case, each.name) for each in dataclasses.fields(case)}
    named: dict[str, Any] = {
        key: with_names(value, words)
        for key, value in kept.items()
        if isinstance(value, Mapping) and key not in ("kwargs", "own")
    }
    return dataclasses.replace(case, name=fill(case.name, words), **named)


def physical_names(case: Lookup, physical: Physical) -> list[str]:
    """Each name of a case, in the order of the requests."""
    teams = [case.team, None] if case.team else [None]
    return [physical(case.kwargs, case.kind, case.name, team) for team in teams]


def assert_enough(cases: Sequence[Lookup]) -> None:
    """No case appears twice."""
    assert len({case.id for case in cases}) == len(cases)
    assert len(cases) >= 300


def assert_each_policy(
    comparison: Comparison[AnyLookup],
    case: AnyLookup,
    fates: Sequence[str],
    differences: Mapping[str, Any],
    *,
    denial_leads_on: bool,
    invalid_is_none: bool,
) -> None:
    """The same text, the same connection, None in both, or an error in both; with other policies as documented."""
    with environment_of({"AIRFLOW__CORE__MULTI_TEAM": str(case.multi_team)}):
        official = comparison.official(case)
        for policy in case.policies:
            ours = comparison.ours(case, policy)
            message = (
                f"{case}\npolicy:   {policy}\nofficial: {official} {official.error!r}\nours:     {ours} {ours.error!r}"
            )
            if policy == "official":
                assert_alike(case, official, ours, message, differences)
            else:
                ending = expected(policy, fates, denial_leads_on=denial_leads_on, invalid_is_none=invalid_is_none)
                assert ending_of(ours) == ending, message
            assert ours.error is None or isinstance(ours.error, (StrongroomError, ValueError, TypeError)), message
