"""A chain of one store is that store: a lookup by the plain class and along such a chain ends in the same way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from strongroom.chain import ChainBackend
from tests.parity.outcomes import Outcome

#: The waits after it are random, so how many requests the time of a lookup has room for varies.
THROTTLED = "429"


def chain_of_one(plain: Any, kwargs: Mapping[str, Any]) -> ChainBackend:
    """A chain whose only member is the store of the class ``plain``, with these kwargs."""
    return ChainBackend(stores=[{"store": plain._store, **kwargs}])


def ours_in_both_forms(
    plain: Any,
    kwargs: Mapping[str, Any],
    look_up: Callable[[Any], object],
    half: Callable[[Callable[[], object]], Outcome],
) -> Outcome:
    """The outcome of the plain class, once that of a chain of it has turned out equal."""
    alone = half(lambda: look_up(plain(**kwargs)))
    chained = half(lambda: look_up(chain_of_one(plain, kwargs)))
    if any(key.endswith("timeout") for key in kwargs):
        assert_the_same(without_retries(alone), without_retries(chained))
    else:
        assert_the_same(alone, chained)
    return alone


def without_retries(outcome: Outcome) -> Outcome:
    """Each name once: within a timeout of a second a busy machine may need another try."""
    return dataclasses.replace(outcome, asked=tuple(dict.fromkeys(outcome.asked)))


def assert_the_same(alone: Outcome, chained: Outcome) -> None:
    """The same value, requests and code, and an error of the same class."""
    if alone.code == THROTTLED:
        alone, chained = without_retries(alone), without_retries(chained)
    both = f"\nalone:    {alone}\nin chain: {chained}"
    assert chained == alone, both
    assert (chained.code, type(chained.error)) == (alone.code, type(alone.error)), both
