"""Ids that are not text, for Google and Azure: see `test_odd_ids.py`."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from tests.parity.outcomes import Outcome
from tests.parity.test_odd_ids import SURROGATES, same


class Named:
    """An object whose text is a name."""

    def __str__(self) -> str:
        return "named"


class Text(str):
    """A subclass of ``str``."""


#: With bytes and objects, which `str` can turn into a name as well.
ODD: list[Any] = [None, 5, -1, 2.5, True, False, *SURROGATES, b"hello", Named(), Text("hello")]
THERE = ("None", "5", "-1", "True", "False", "named", "hello", "b-hello-", "2-5")
WAYS: dict[str, dict[str, Any]] = {
    "below a prefix": {},
    "bare": {"variables_prefix": "", "connections_prefix": "", "config_prefix": ""},
}
TEAMS: list[tuple[str | None, bool]] = [(None, False), (None, True), ("t", True)]


def check(run: Callable[[str, Any, str | None, bool], tuple[Outcome, Outcome]]) -> None:
    """Each id for each getter, alone and for a team, with teams on and off; every difference is named."""
    wrong = []
    for name, lookup, (team, multi_team) in itertools.product(ODD, ("var", "conn", "config"), TEAMS):
        official, ours = run(lookup, name, team, multi_team)
        # An agreed difference: see "dash in front" in `differences.py`.
        is_refused = multi_team and lookup != "config" and str(name).startswith("-") and ours.ending == "none"
        if not same(official, ours) and not is_refused:
            what = f"{lookup} {name!r} {team} {multi_team}: {official} {official.error!r}"
            wrong.append(f"{what}\n  {ours} {ours.error!r}")
    assert wrong == [], "\n".join(wrong)
