"""Which tests are the cases of a capability, and which capabilities are faults with an outcome of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from strongroom import exceptions
from tests.conformance.capability import Capability

Test = TypeVar("Test", bound=Callable[..., object])

#: How a lookup ends under each fault, with ``on_error: raise``.
FAULTS: dict[Capability, type[exceptions.StrongroomError]] = {
    Capability.DENIED: exceptions.AccessDeniedError,
    Capability.UNAUTHENTICATED: exceptions.UnauthenticatedError,
    Capability.THROTTLED: exceptions.ThrottledError,
    Capability.SERVER_ERROR: exceptions.UnreachableError,
    Capability.BAD_GATEWAY: exceptions.UnreachableError,
    Capability.HANG: exceptions.LookupTimeoutError,
    Capability.REFUSED: exceptions.UnreachableError,
    Capability.BROKEN_OFF: exceptions.UnreachableError,
    Capability.TRUNCATED: exceptions.MalformedSecretError,
    Capability.GARBAGE: exceptions.MalformedSecretError,
}

#: The cases of each capability, as the test modules register them.
CASES: dict[Capability, list[str]] = {}


def shows(*capabilities: Capability) -> Callable[[Test], Test]:
    """Marks a test as a case of capabilities: it runs for every harness that declares all of them."""

    def mark(test: Test) -> Test:
        for capability in capabilities:
            CASES.setdefault(capability, []).append(test.__name__)
        marked: Test = pytest.mark.shows(*capabilities)(test)
        return marked

    return mark


def shows_faults(test: Test) -> Test:
    """Marks a test as a case of every fault: it runs for each fault that a harness declares."""
    for fault in FAULTS:
        CASES.setdefault(fault, []).append(test.__name__)
    marked: Test = pytest.mark.shows_faults(test)
    return marked
