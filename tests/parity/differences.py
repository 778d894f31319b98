"""What is different on purpose, by the id of the case: the reason, and what ours does instead.

Every entry has a line in ``docs/differences.md``. An entry that is no longer different fails.
"""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.exceptions import ConfigurationError, StrongroomError
from tests.parity.outcomes import Outcome, assert_parity


@dataclass(frozen=True)
class Difference:
    """What ours does, and why. Without ``asked`` the requests are the same."""

    reason: str
    ending: str
    value: object = None
    error: type[StrongroomError] | None = None
    asked: tuple[str, ...] | None = None


def assert_as_agreed(case_id: str, official: Outcome, ours: Outcome) -> None:
    """Parity, or the difference that was agreed on."""
    difference = DIFFERENCES.get(case_id)
    if difference is None:
        assert_parity(official, ours)
        return
    assert ours != official, f"no longer different: {official}"
    assert (ours.ending, ours.value) == (difference.ending, difference.value), repr(ours.error)
    assert ours.asked == (official.asked if difference.asked is None else difference.asked)
    if difference.error:
        assert isinstance(ours.error, difference.error), repr(ours.error)


def raises(reason: str, error: type[StrongroomError] = ConfigurationError) -> Difference:
    """An error before any request."""
    return Difference(reason, "raises", error=error, asked=())


DIFFERENCES: dict[str, Difference] = {}
