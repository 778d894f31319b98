"""The suite itself: no store without a harness, no capability without a case."""

from __future__ import annotations

import pytest

import strongroom
from tests.conformance.capability import EVERY_STORE, TEMPORARY, Capability
from tests.conformance.cases import CASES, FAULTS
from tests.conformance.harness import ODD_NAMES, Harness
from tests.conformance.session import harnesses

ALL = pytest.mark.parametrize("harness_class", harnesses(), ids=lambda harness: harness.label())


def test_every_store_has_a_harness() -> None:
    """A new store is included by its description in ``tests/stores``."""
    assert {harness.store for harness in harnesses()} == {store["name"] for store in strongroom.stores()}


def test_labels_are_unique() -> None:
    """The names of harnesses in test ids are different."""
    labels = [harness.label() for harness in harnesses()]
    assert len(set(labels)) == len(labels)


@ALL
def test_every_declared_capability_has_a_case(harness_class: type[Harness]) -> None:
    """A new capability needs a case that defines it."""
    # The modules register their cases when they are collected, so all must be imported even if one was named alone.
    from tests.conformance import test_faults, test_names, test_sharing, test_traces, test_values

    assert all((test_faults, test_names, test_sharing, test_traces, test_values))
    assert {capability.name for capability in harness_class.capabilities - CASES.keys()} == set()


@pytest.mark.parametrize("store", [store["name"] for store in strongroom.stores()])
def test_what_every_store_can_do_is_declared(store: str) -> None:
    """On at least one server."""
    declared = {shown for harness in harnesses() if harness.store == store for shown in harness.capabilities}
    assert {capability.name for capability in EVERY_STORE - declared} == set()


@ALL
def test_impossible_names_are_known(harness_class: type[Harness]) -> None:
    """A misspelt label would leave out nothing."""
    assert set(harness_class.impossible_names) <= set(ODD_NAMES)


def test_every_capability_is_declared_somewhere() -> None:
    """A case that runs nowhere proves nothing."""
    declared = {capability for harness in harnesses() for capability in harness.capabilities}
    assert {capability.name for capability in set(Capability) - declared} == set()


def test_faults_are_separate_capabilities() -> None:
    """The tables agree."""
    assert not EVERY_STORE & FAULTS.keys()
    assert set(FAULTS) >= TEMPORARY
