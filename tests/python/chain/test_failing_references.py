"""A secret that a value refers to, in a store that fails: the rows of docs/several-stores.md hold for it, too."""

from __future__ import annotations

import time
from typing import Any

import pytest

from strongroom.chain import ChainBackend
from tests.conformance.capability import Capability
from tests.python.backends import messages
from tests.python.chain.test_failing_members import (
    FAULTS,
    POLICIES,
    ROWS,
    SECOND,
    TIMEOUT,
    TTL,
    Chain,
    chain,
    outcome,
    reader,
)

__all__ = ["chain", "reader"]

REFERENCE = "secret_coordinate::near:airflow/variables/db"


def backend(chain: Chain, on_error: str) -> ChainBackend:
    """The first member refers to the store behind the gate, which is asked for nothing else; the last has the value."""
    secrets = {"airflow/variables/db": REFERENCE}
    allowed = [{"member": "near", "name": "airflow/"}]
    holder: dict[str, Any] = {"name": "holder", "store": "memory", "secrets": secrets, "references": allowed}
    far = {"name": "far", "store": "memory", "secrets": {"airflow/variables/db": "far"}}
    stores = [{**holder, "on_error": on_error}, {**chain.near, "kinds": ["connections"]}, far]
    return ChainBackend(stores=stores, timeout=TIMEOUT, max_attempts=1, cache_ttl=TTL)


@pytest.mark.parametrize("on_error", POLICIES)
@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_referred_to_fails(chain: Chain, fault: str, on_error: str, caplog: pytest.LogCaptureFixture) -> None:
    """As if the holder itself had failed; the warning names the reference and not what is around it."""
    chain.door.inject(FAULTS[fault])
    began = time.monotonic()
    assert outcome(backend(chain, on_error), caplog) == dict(zip(POLICIES, ROWS[fault], strict=True))[on_error]
    assert time.monotonic() - began < TIMEOUT + 1
    assert chain.door.requests == (0 if FAULTS[fault] is Capability.REFUSED else 1)
    warnings = [text for text in messages(caplog) if "member `holder`" in text]
    assert len(warnings) == 1
    assert f"the reference `{REFERENCE}`" in warnings[0]


@pytest.mark.parametrize("on_error", POLICIES)
@pytest.mark.parametrize("fault", FAULTS)
def test_what_it_had_before_it_failed(
    chain: Chain, fault: str, on_error: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An old value is served while the store gives no answer; an answer counts at once."""
    asked = backend(chain, on_error)
    assert outcome(asked, caplog) == "near"
    time.sleep(TTL * 1.2)
    chain.door.inject(FAULTS[fault])
    gives_none = fault in ("throttles", "does not answer", "refuses the connection")
    expected = "near" if gives_none else dict(zip(POLICIES, ROWS[fault], strict=True))[on_error]
    assert outcome(asked, caplog) == expected


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_failure_it_is_asked_again(chain: Chain, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """What the last store answered in its place is not kept as the answer of the holder."""
    asked = backend(chain, "next")
    chain.door.inject(FAULTS[fault])
    assert outcome(asked, caplog) == SECOND
    chain.door.heal()
    time.sleep(1.1 if fault == "throttles" else 0)
    assert outcome(asked, caplog) == "near"
