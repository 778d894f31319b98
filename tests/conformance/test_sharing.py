"""What is cached, what is shared, and how often the store is called."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from strongroom._base import SecretsBackend
from tests.conformance.capability import Capability
from tests.conformance.cases import shows
from tests.conformance.harness import KINDS, Harness, Kind, look_up

THREADS = 64


def from_many_threads(backends: list[SecretsBackend], kind: Kind = "variable") -> list[Any]:
    """The result of each of 64 threads that look up at the same moment."""
    answers: list[Any] = []
    start = threading.Barrier(THREADS)

    def ask(backend: SecretsBackend) -> None:
        start.wait(30)
        answers.append(look_up(backend, kind, "hello"))

    threads = [threading.Thread(target=ask, args=(backends[number % len(backends)],)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


@shows(Capability.CONCURRENT)
@pytest.mark.parametrize("kind", KINDS)
def test_many_threads_get_one_answer(harness: Harness, kind: Kind) -> None:
    harness.put(kind, "hello", "x://world")
    assert from_many_threads([harness.backend(cache_ttl=0)], kind) == ["x://world"] * THREADS


@shows(Capability.CONCURRENT)
def test_many_threads_find_nothing_together(harness: Harness) -> None:
    assert from_many_threads([harness.backend()]) == [None] * THREADS


@shows(Capability.CONCURRENT, Capability.COUNTED)
@pytest.mark.parametrize("value", ["x://world", None])
def test_many_threads_and_backends_make_one_call(harness: Harness, value: str | None) -> None:
    if value is not None:
        harness.put("variable", "hello", value)
    backends = [harness.backend() for _ in range(THREADS)]
    assert from_many_threads(backends) == [value] * THREADS
    assert harness.requests() == 1


@shows(Capability.COUNTED)
def test_what_is_cached_is_not_requested_again(harness: Harness) -> None:
    harness.put("variable", "hello", "world")
    for _ in range(20):
        assert harness.backend().get_variable("hello") == "world"
        assert harness.backend().get_variable("nothing") is None
    assert harness.requests() == 2


@shows(Capability.COUNTED)
def test_without_a_cache_every_lookup_asks(harness: Harness) -> None:
    harness.put("variable", "hello", "world")
    backend = harness.backend(cache_ttl=0)
    for _ in range(3):
        assert backend.get_variable("hello") == "world"
        assert backend.get_variable("nothing") is None
    assert harness.requests() == 6


@shows(Capability.COUNTED)
def test_absent_has_its_own_time_to_live(harness: Harness) -> None:
    harness.put("variable", "hello", "world")
    backend = harness.backend(cache_negative_ttl=0)
    for _ in range(3):
        assert backend.get_variable("hello") == "world"
        assert backend.get_variable("nothing") is None
    assert harness.requests() == 4


@shows(Capability.COUNTED)
def test_the_oldest_of_too_many_is_asked_for_again(harness: Harness) -> None:
    for name in "abc":
        harness.put("variable", name, name)
    backend = harness.backend(cache_max_entries=2)
    assert [backend.get_variable(name) for name in "abca"] == list("abca")
    assert harness.requests() == 4


@shows(Capability.COUNTED)
def test_what_is_switched_off_is_never_requested(harness: Harness) -> None:
    keys = {option["key"] for option in harness.description()["options"]}
    off: dict[str, Any] = {f"{kind}_lookup_pattern": "never" for kind in ("connections", "variables", "config")}
    prefixes = {f"{kind}_prefix": None for kind in ("connections", "variables", "config")}
    for options in (off, {key: value for key, value in prefixes.items() if key in keys}):
        backend = harness.backend(**options)
        assert not options or [look_up(backend, kind, "hello") for kind in KINDS] == [None] * 3
    assert harness.requests() == 0


@shows(Capability.CHANGES)
def test_a_change_shows_when_the_cache_allows(harness: Harness) -> None:
    harness.put("variable", "hello", "old")
    cached, uncached = harness.backend(), harness.backend(cache_ttl=0)
    assert [cached.get_variable("hello"), uncached.get_variable("hello")] == ["old", "old"]
    assert cached.get_variable("later") is None
    harness.put("variable", "hello", "new")
    harness.put("variable", "later", "here")
    # A store on this machine is asked each time by default.
    (default,) = [each["default"] for each in harness.description()["options"] if each["key"] == "cache_ttl"]
    old = default != "0s"
    assert [cached.get_variable("hello"), uncached.get_variable("hello")] == ["old" if old else "new", "new"]
    assert [cached.get_variable("later"), uncached.get_variable("later")] == [None if old else "here", "here"]


@shows(Capability.FOUND)
def test_the_asynchronous_getter_agrees(harness: Harness) -> None:
    harness.put("variable", "hello", "world")

    async def ask() -> list[Any]:
        backend = harness.backend()
        return list(await asyncio.gather(*(backend.aget_variable(name) for name in ("hello", "nothing") * 8)))

    assert asyncio.run(ask()) == ["world", None] * 8
