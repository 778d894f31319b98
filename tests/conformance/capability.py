"""The capabilities of a store."""

from __future__ import annotations

from enum import Enum


class Capability(Enum):
    """A capability that a harness declares for its store. Each has at least one case in this suite."""

    FOUND = "a value of each kind comes back"
    ABSENT = "an absent secret is None"
    EMPTY = "an empty value is a value"
    UNICODE = "a value may be any text"
    LARGE = "a value of 64 KiB comes back whole"
    ODD_NAMES = "names with characters that mean something elsewhere"
    TEAMS = "a team's own value takes precedence over the shared one"
    CHANGES = "a value can change during the life of a backend"
    COUNTED = "requests to the store can be counted"
    CONCURRENT = "64 threads get the same answer"
    INTERRUPTED = "signal handlers may raise at any moment"
    TRACES = "no secret shows anywhere"
    LISTED = "names are listed below the prefixes, without values"
    DESCRIBED = "a secret is described without its value"

    DENIED = "the identity may not read"
    UNAUTHENTICATED = "the credentials are not accepted"
    THROTTLED = "the store asks for fewer calls"
    SERVER_ERROR = "the store says that it failed"
    BAD_GATEWAY = "a proxy answers with a page"
    HANG = "there is no answer"
    REFUSED = "nothing listens"
    BROKEN_OFF = "the connection ends within an answer"
    TRUNCATED = "an answer is complete and its contents are not"
    GARBAGE = "an answer has content of another kind"


#: What every store can show.
EVERY_STORE = frozenset(
    {
        Capability.FOUND,
        Capability.ABSENT,
        Capability.EMPTY,
        Capability.UNICODE,
        Capability.LARGE,
        Capability.ODD_NAMES,
        Capability.CONCURRENT,
        Capability.INTERRUPTED,
        Capability.TRACES,
    }
)

#: Faults that may pass, so that the store is called as often as ``max_attempts`` allows.
TEMPORARY = frozenset(
    {
        Capability.THROTTLED,
        Capability.SERVER_ERROR,
        Capability.BAD_GATEWAY,
        Capability.HANG,
        Capability.REFUSED,
        Capability.BROKEN_OFF,
    }
)
