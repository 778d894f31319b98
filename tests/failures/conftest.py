"""Every row is measured once in a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.harness import Harness
from tests.conformance.session import Harnesses
from tests.failures.page import failing
from tests.failures.row import Row, measured
from tests.failures.way import Phase, Way
from tests.servers.aws import clear_environment

Case = tuple[type[Harness], Way, Phase]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that writes the page."""
    parser.addoption("--write-failures", action="store_true", help="write docs/failures.md instead of comparing")


def cases() -> list[Case]:
    """One row each."""
    return [(kind, way, phase) for kind, ways in failing().items() for way in ways for phase in way.phases]


class Book:
    """Rows that were measured."""

    def __init__(self, harnesses: Harnesses) -> None:
        self.harnesses = harnesses
        self.rows: dict[Case, Row] = {}

    def row(self, case: Case) -> Row:
        """The row of a case."""
        if case not in self.rows:
            self.rows[case] = measured(self.harnesses, *case)
        return self.rows[case]


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """The servers run for the whole session."""
    with Harnesses(tmp_path_factory) as harnesses:
        yield Book(harnesses)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the caller's environment from configuring a store."""
    clear_environment(monkeypatch)
