"""Memory: its secrets are part of the configuration, so there is nothing that could fail."""

import contextlib

from tests.conformance.harness import Harness
from tests.conformance.stores.memory import Memory
from tests.failures.way import Phase, Scene, Way


def nothing(_harness: Harness) -> contextlib.AbstractContextManager[Scene]:
    """It holds no secrets."""
    return contextlib.nullcontext(Scene(lambda: None, {"secrets": {}}))


HARNESS = Memory
WAYS = [
    Way(
        "not there",
        nothing,
        phases=(Phase.BEFORE,),
        note="Nothing else can happen to it: a value that was configured stays as long as the process.",
    ),
]
