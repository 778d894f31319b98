"""The same outcomes through the agent of a host: values, absences, teams, odd names and every fault."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import strongroom
from strongroom.exceptions import StrongroomError
from tests.conformance.agent import STORED, asked_through_agent
from tests.conformance.capability import TEMPORARY, Capability
from tests.conformance.cases import FAULTS, shows, shows_faults
from tests.conformance.harness import KINDS, ODD_NAMES, Harness, Kind, look_up
from tests.conformance.test_faults import quick
from tests.conformance.test_values import LARGE, TEXTS, URI

#: Shorter values may be part of anything.
LONG_ENOUGH = 16


@pytest.fixture(autouse=True)
def _remembers_values(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each value in the store is searched for in all that the agent shows."""
    put = harness.put

    def remember(kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        if len(value) >= LONG_ENOUGH:
            STORED[f"{kind} {secret_id}"] = value
        put(kind, secret_id, value, team)

    monkeypatch.setattr(harness, "put", remember)
    yield
    STORED.clear()


@pytest.fixture(autouse=True)
def _asks_no_store(harness: Harness) -> Iterator[None]:
    """This process has asked the store for nothing: the agent has answered."""
    before = calls(harness)
    yield
    assert calls(harness) == before


def calls(harness: Harness) -> int:
    """Calls of this process to the store."""
    counted: int = strongroom.stats()[harness.store]["calls"]
    return counted


@shows(Capability.FOUND, Capability.ABSENT)
def test_values_and_absences_are_the_same(harness: Harness) -> None:
    for kind in KINDS:
        harness.put(kind, "hello", URI)
    harness.put("variable", "only", "here")
    with asked_through_agent(harness, on_error="raise") as backend:
        assert [look_up(backend, kind, "hello") for kind in KINDS] == [URI] * 3
        assert [look_up(backend, kind, "only") for kind in KINDS] == [None, "here", None]
        absent = {"nothing", "", *ODD_NAMES.values()} - harness.same_as_hello
        assert {name: look_up(backend, "variable", name) for name in absent} == dict.fromkeys(absent)


@shows(Capability.FOUND)
def test_a_secret_that_an_agent_shows_would_be_found(harness: Harness) -> None:
    harness.put("variable", "hello", "core-2f1d9a77c0e4b8")

    def look() -> None:
        with asked_through_agent(harness) as backend:
            value = backend.get_variable("hello")
            # Its log is in its working directory.
            agent = next(path for path in Path(tempfile.gettempdir()).glob("agent*/log"))
            agent.write_text(f"{value}\n")

    with pytest.raises(AssertionError, match=r"variable hello in log"):
        look()


@shows(Capability.UNICODE, Capability.LARGE, Capability.EMPTY)
def test_any_text_comes_back_whole(harness: Harness) -> None:
    texts = {**TEXTS, **LARGE, "empty": ""}
    for number, text in enumerate(texts.values()):
        harness.put("variable", f"text{number}", text)
    with asked_through_agent(harness) as backend:
        assert {label: backend.get_variable(f"text{number}") for number, label in enumerate(texts)} == texts


@shows(Capability.ODD_NAMES)
def test_odd_names_reach_the_store(harness: Harness) -> None:
    names = {label: name for label, name in ODD_NAMES.items() if label not in harness.impossible_names}
    for label, name in names.items():
        harness.put("variable", name, label)
    with asked_through_agent(harness) as backend:
        assert {label: backend.get_variable(name) for label, name in names.items()} == {label: label for label in names}


@shows(Capability.TEAMS)
def test_a_team_has_its_own_value(harness: Harness) -> None:
    harness.put("variable", "hello", "shared")
    harness.put("variable", "hello", "blue", team="blue")
    with asked_through_agent(harness) as backend:
        assert [backend.get_variable("hello", team) for team in ("blue", "red", None)] == ["blue", "shared", "shared"]


@shows_faults
def test_a_fault_is_the_same_exception_and_passes(harness: Harness, fault: Capability) -> None:
    harness.put("variable", "hello", "world")
    changed = harness.inject(fault)
    with asked_through_agent(harness, **{**quick(fault), "on_error": "raise", **changed}) as backend:
        with pytest.raises(StrongroomError) as caught:
            backend.get_variable("hello")
        error = caught.value
        assert (type(error), error.store) == (FAULTS[fault], harness.store)
        assert error.temporary == (fault in TEMPORARY)
        if not changed:
            harness.heal()
            assert backend.get_variable("hello") == "world"
