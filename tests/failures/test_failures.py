"""The page matches what happens."""

from __future__ import annotations

import pytest

import strongroom
from tests.conformance.harness import Harness
from tests.failures.conftest import Book, Case, cases
from tests.failures.page import INTRODUCTION, PAGE, failing, section, sections, title, with_section
from tests.failures.row import TOO_LONG
from tests.failures.way import Phase


def label(case: Case) -> str:
    """The name of a case in test ids."""
    kind, way, phase = case
    return f"{kind.store}-{way.what}-{phase.name.lower()}"


def test_every_store_has_rows() -> None:
    """A new store is included by its description in ``tests/stores``."""
    assert {kind.store for kind in failing()} == {store["name"] for store in strongroom.stores()}


@pytest.mark.parametrize("case", cases(), ids=label)
def test_rules_for_every_failure(book: Book, case: Case) -> None:
    """Old values come with a warning and with their age; no lookup takes longer than allowed."""
    row = book.row(case)
    assert row.took != TOO_LONG
    assert (row.served == "the value") == (row.age == "past its ttl") == ("is served" in row.text)
    assert row.served != "the value" or (row.phase is Phase.STALE and row.level == "WARNING")


@pytest.mark.parametrize("kind", failing(), ids=lambda kind: kind.store)
def test_the_page_has_every_row(book: Book, kind: type[Harness], request: pytest.FixtureRequest) -> None:
    """Word for word. After an intended change: ``python -m pytest tests/failures -k STORE --write-failures``."""
    measured = section(title(kind), [book.row(case) for case in cases() if case[0] is kind], failing()[kind])
    if request.config.getoption("--write-failures"):
        PAGE.write_text(with_section(PAGE.read_text(), kind, measured))
    assert sections(PAGE.read_text())[1].get(title(kind)) == measured


def test_the_page_has_the_stores_in_order_and_nothing_else() -> None:
    introduction, known = sections(PAGE.read_text())
    assert (introduction, list(known)) == (INTRODUCTION, [title(kind) for kind in failing()])
