"""Ids that are not text: the same outcome as in the class. See `tests/parity/test_odd_ids.py`."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes.client.rest import ApiException

from tests.parity.kubernetes_comparison import KINDS, LABEL, Case, Pod, one
from tests.parity.odd_ids import check
from tests.parity.outcomes import Outcome

BAD_REQUEST = 400
THERE = ("None", "5", "True", "False", "named", "hello", "2.5")
WAYS: dict[str, dict[str, Any]] = {"teams": {}, "no teams": {"team_label": None}}


@pytest.mark.parametrize("way", WAYS)
def test_odd_ids(pod: Pod, way: str) -> None:
    """Secrets with the texts that Python makes of them."""
    objects = tuple(one(f"s-{number}-{kind}", LABEL[kind], name) for kind in KINDS for number, name in enumerate(THERE))

    def run(lookup: str, name: Any, team: str | None, multi_team: bool) -> tuple[Outcome, Outcome]:
        official, ours = pod.run(Case("odd", WAYS[way], lookup, name, team, multi_team=multi_team, objects=objects))
        # The agreed difference: what no label can have is refused by the server, and not asked for by ours.
        is_no_label = isinstance(official.error, ApiException) and official.error.status == BAD_REQUEST
        return (ours, ours) if is_no_label and (ours.ending, ours.asked) == ("none", ()) else (official, ours)

    check(run)
