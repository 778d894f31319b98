"""What a session of tests with harnesses shares: their servers."""

from __future__ import annotations

import contextlib
import itertools

import pytest

from tests.conformance.harness import Harness
from tests.stores import described

#: Numbers that make the configuration of each test unique.
GENERATIONS = itertools.count(10_000)


def harnesses() -> list[type[Harness]]:
    """The harnesses of every store."""
    return [harness for store in described().values() for harness in store.harnesses]


class Harnesses(contextlib.ExitStack):
    """The harnesses with running servers; each is opened once."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        super().__init__()
        self.folders = folders
        self.opened: dict[type[Harness], Harness] = {}

    def get(self, kind: type[Harness]) -> Harness:
        """The harness of a class, empty."""
        if kind not in self.opened:
            harness = kind(self.folders.mktemp(kind.label()))
            self.enter_context(harness.running())
            self.opened[kind] = harness
        found = self.opened[kind]
        found.generation = next(GENERATIONS)
        found.reset()
        return found
