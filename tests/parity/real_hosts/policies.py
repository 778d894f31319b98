"""The outcome of a lookup for each value of ``on_error``, according to docs/configuration.md: an independent model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied

from tests.parity.comparison import fill
from tests.parity.outcomes import Outcome

#: The possible outcomes of one name.
VALUE, ABSENT, DENIED, UNAUTHENTICATED, INVALID, BROKEN = [
    "value",
    "absent",
    "denied",
    "unauthenticated",
    "invalid",
    "broken",
]


def expected(policy: str, fates: Sequence[str], *, denial_leads_on: bool, invalid_is_none: bool) -> str:
    """The outcome of a lookup by those of its names, in order: ``value``, ``none``, ``raises`` or ``stops``."""
    passed = ""
    for number, fate in enumerate(fates):
        if fate == VALUE:
            return "value"
        if fate == ABSENT:
            continue
        may_be_absence = denial_leads_on and fate in (DENIED, INVALID)
        if may_be_absence and policy in ("official", "miss") and number + 1 < len(fates):
            passed = fate
            continue
        return _of_error(policy, fate, denial_is_none=denial_leads_on, invalid_is_none=invalid_is_none)
    return "none" if not passed or policy in ("official", "miss") else "raises"


def _of_error(policy: str, fate: str, *, denial_is_none: bool, invalid_is_none: bool) -> str:
    if policy == "miss":
        return "none"
    if policy == "stop" or (policy == "deny" and fate in (DENIED, UNAUTHENTICATED)):
        return "stops"
    is_none = (fate == DENIED and denial_is_none) or (fate == INVALID and invalid_is_none)
    return "none" if is_none and policy in ("official", "deny") else "raises"


def ending_of(found: Outcome) -> str:
    """The outcome; ``stops`` if Airflow ends its search."""
    return "stops" if isinstance(found.error, AirflowSecretsBackendAccessDenied) else found.ending


def slow_last(cases: Sequence[Any]) -> list[int]:
    """The numbers of the cases: those that are slow in the official class come last, and have been started by then."""
    return sorted(range(len(cases)), key=lambda number: bool(cases[number].slow))


def with_names(mapping: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    """The same with the words in its names replaced."""
    return {fill(name, words): value for name, value in mapping.items()}


def assert_alike(case: Any, official: Outcome, ours: Outcome, message: str, differences: Mapping[str, Any]) -> None:
    """Parity, or the agreed difference."""
    if case.differs:
        assert (official.ending, ours.ending) == differences[case.differs], message
        return
    assert (ours.ending, ours.value) == (official.ending, official.value), message
    if case.alike:
        assert ours.asked == official.asked, message
