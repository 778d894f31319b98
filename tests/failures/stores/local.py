"""Local files: what can go wrong is in the files and in their permissions."""

from tests.conformance.capability import Capability
from tests.conformance.harness import KINDS
from tests.conformance.stores.local import LocalFiles
from tests.failures.way import injected, way


def remove(harness: LocalFiles) -> None:
    """Takes the files away."""
    for kind in KINDS:
        harness.path(kind).unlink()


HARNESS = LocalFiles
WAYS = [
    injected("403: the file may not be read", Capability.DENIED),
    way(
        "404: the name is gone from the file",
        lambda harness: harness.reset(),
        note="No value of a file is ever served past its `cache_ttl`: a file answers at once, and its answer counts.",
    ),
    way("404: the file is gone", remove),
    injected("the file is cut short", Capability.TRUNCATED),
    injected("the file holds something else", Capability.GARBAGE),
]
