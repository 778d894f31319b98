"""A store that fails behind an agent: the lookup ends as it would without one."""

from __future__ import annotations

import pytest

from tests.failures.conftest import Book, Case, cases
from tests.failures.row import measured
from tests.failures.test_failures import label
from tests.failures.way import Phase

#: Tried in each run, on one store; `make soak` tries the others.
FEW = {
    "429": Phase.BEFORE,
    "429, Retry-After 60 s": Phase.STALE,
    "503 of a proxy": Phase.STALE,
    "no answer": Phase.STALE,
    "connection refused": Phase.BEFORE,
    "certificate of an unknown authority": Phase.STALE,
    "403 of a proxy": Phase.STALE,
    "404 of a proxy": Phase.BEFORE,
    "answer cut short": Phase.STALE,
    "answer of another kind": Phase.BEFORE,
}


def each() -> list[object]:
    """Every row; most of them only in `make soak`."""
    few = [case for case in cases() if case[0].store == "aws_secrets_manager" and FEW.get(case[1].what) is case[2]]
    assert len(few) == len(FEW), "a failure that is named here does not exist"
    return [pytest.param(case, id=label(case), marks=() if case in few else pytest.mark.soak) for case in cases()]


@pytest.mark.parametrize("case", each())
def test_the_outcome_is_the_same(book: Book, case: Case) -> None:
    direct, through = book.row(case), measured(book.harnesses, *case, through_agent=True)
    assert (through.served, through.level, through.text) == (direct.served, direct.level, direct.text)
    assert through.took == direct.took
    assert through.counted == 0, "this process has not asked the store"
