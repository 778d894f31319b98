"""The table of docs/several-stores.md: a first store that fails, under each `on_error`, with the second still there."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from strongroom.chain import ChainBackend
from strongroom.exceptions import StrongroomError
from tests.conformance.capability import Capability
from tests.conformance.gate import Answer, Gate, gate
from tests.failures.way import aws_error
from tests.python.backends import READ, messages
from tests.servers.aws import REGION, MiniStack

PAGE = Path(__file__).parents[3] / "docs" / "several-stores.md"
POLICIES = ("official", "next", "raise", "miss", "deny", "stop")
#: The first column of the table, and what the first store then does.
FAULTS: dict[str, Answer | Capability] = {
    "throttles": aws_error(400, "ThrottlingException"),
    "does not answer": Capability.HANG,
    "refuses the connection": Capability.REFUSED,
    "denies": aws_error(400, "AccessDeniedException"),
    "does not know the identity": aws_error(400, "UnrecognizedClientException"),
    "answers with garbage": Capability.GARBAGE,
    "says what its official class answers with None": aws_error(400, "InvalidRequestException"),
}
#: The words in the other cells.
SECOND, RAISES, STOPS = "second store", "error", "stop"
TTL = 0.2
TIMEOUT = 1.0


def rows() -> dict[str, tuple[str, ...]]:
    """The rows of the page: the outcomes in the order of the policies, by fault."""
    (table,) = re.findall(r"\n\| the first store \|.*?\n\n", PAGE.read_text(), re.DOTALL)
    head, _, *lines = (tuple(cell.strip(" `") for cell in line.split("|")[1:-1]) for line in table.strip().splitlines())
    assert head[1:] == POLICIES
    return {line[0]: line[1:] for line in lines}


ROWS = rows()


@dataclass
class Chain:
    """A store behind a gate, then one in memory."""

    door: Gate
    near: dict[str, Any]

    def backend(self, on_error: str, **options: Any) -> ChainBackend:
        """A chain of both; the second has what the first has."""
        far = {"name": "far", "store": "memory", "secrets": {"airflow/variables/db": "far"}}
        stores = [{**self.near, "on_error": on_error}, {**far, **options.pop("far", {})}]
        return ChainBackend(stores=stores, timeout=TIMEOUT, max_attempts=1, cache_ttl=TTL, **options)


@pytest.fixture(scope="module")
def reader(aws_server: MiniStack) -> dict[str, Any]:
    """Who reads the first store, which has the secret, too."""
    aws_server.reset()
    aws_server.put_secrets({"airflow/variables/db": "near"})
    return aws_server.user(READ).options()


@pytest.fixture
def chain(aws_server: MiniStack, reader: dict[str, Any]) -> Iterator[Chain]:
    """Each test has a gate of its own, and with it a configuration and a cache of its own."""
    with gate(aws_server.url) as door:
        place = {"region_name": REGION, "endpoint_url": door.url, **reader}
        yield Chain(door, {"name": "near", "store": "aws_secrets_manager", **place})


def outcome(backend: ChainBackend, caplog: pytest.LogCaptureFixture) -> str:
    """How a lookup ends, in the words of the page."""
    try:
        found = backend.get_variable("db")
    except StrongroomError:
        # Where there is no Airflow there is no exception that ends its search.
        return STOPS if "Airflow is told to stop its search." in caplog.text else RAISES
    return SECOND if found == "far" else str(found)


def test_the_page_has_a_row_for_each_fault() -> None:
    assert list(ROWS) == list(FAULTS)


@pytest.mark.parametrize("on_error", POLICIES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_first_store_that_fails(chain: Chain, fault: str, on_error: str, caplog: pytest.LogCaptureFixture) -> None:
    """The outcome on the page, one request to the first store, one warning that names it, within the time."""
    backend = chain.backend(on_error)
    chain.door.inject(FAULTS[fault])
    began = time.monotonic()
    expected = dict(zip(POLICIES, ROWS[fault], strict=True))[on_error]
    assert outcome(backend, caplog) == expected
    assert time.monotonic() - began < TIMEOUT + 1
    assert chain.door.requests == (0 if FAULTS[fault] is Capability.REFUSED else 1)
    (warning,) = [text for text in messages(caplog) if "no exception that ends" not in text]
    assert warning.startswith('Variable "db" (asked for `airflow/variables/db`): member `near`: ')
    assert ("The next store is asked." in warning) == (expected == SECOND)


@pytest.mark.parametrize("on_error", POLICIES)
@pytest.mark.parametrize("fault", FAULTS)
def test_what_the_first_store_had_before_it_failed(
    chain: Chain, fault: str, on_error: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An old value is served while the store gives no answer, under every policy; an answer counts at once."""
    backend = chain.backend(on_error)
    assert outcome(backend, caplog) == "near"
    time.sleep(TTL * 1.2)
    chain.door.inject(FAULTS[fault])
    gives_none = fault in ("throttles", "does not answer", "refuses the connection")
    expected = "near" if gives_none else dict(zip(POLICIES, ROWS[fault], strict=True))[on_error]
    assert outcome(backend, caplog) == expected


@pytest.mark.parametrize("on_error", ["next", "miss"])
@pytest.mark.parametrize("fault", FAULTS)
def test_an_absence_after_an_error_is_asked_again(
    chain: Chain, fault: str, on_error: str, caplog: pytest.LogCaptureFixture
) -> None:
    """None, but only for now: the first store answers as soon as it can."""
    backend = chain.backend(on_error, far={"secrets": {}})
    chain.door.inject(FAULTS[fault])
    assert outcome(backend, caplog) == "None"
    chain.door.heal()
    time.sleep(1.1 if fault == "throttles" else 0)
    assert outcome(backend, caplog) == "near"


@pytest.mark.parametrize("on_error", POLICIES)
def test_a_last_store_that_fails_ends_the_search(chain: Chain, on_error: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is left to ask: an error that leads on is None, with a warning."""
    first = {"name": "first", "store": "memory", "secrets": {}}
    backend = ChainBackend(stores=[first, {**chain.near, "on_error": on_error}], timeout=TIMEOUT, max_attempts=1)
    chain.door.inject(FAULTS["denies"])
    expected = dict(zip(POLICIES, ROWS["denies"], strict=True))[on_error]
    assert outcome(backend, caplog) == ("None" if expected == SECOND else expected)
