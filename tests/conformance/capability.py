"""What a store may be asked to show."""

from __future__ import annotations

from enum import Enum


class Capability(Enum):
    """A thing that a harness says its store can do. Each has at least one case in this suite."""

    FOUND = "a value of each kind comes back"
    ABSENT = "what is not there is None"
    EMPTY = "an empty value is a value"
    UNICODE = "a value may be any text"
    LARGE = "a value of 64 KiB comes back whole"
    ODD_NAMES = "names with characters that mean something elsewhere"
    TEAMS = "a team's own value comes before the shared one"
    CHANGES = "a value can change while a backend lives"
    COUNTED = "requests to the store can be counted"
    CONCURRENT = "64 threads get the same answer"
    INTERRUPTED = "signal handlers may raise at any moment"
    TRACES = "no secret shows anywhere"
    LISTED = "names are listed below the prefixes, and no value"
    DESCRIBED = "a secret is described without its value"

    DENIED = "the identity may not read"
    UNAUTHENTICATED = "the credentials are not accepted"
    THROTTLED = "the store asks for fewer calls"
    SERVER_ERROR = "the store says that it failed"
    BAD_GATEWAY = "something in between answers with a page"
    HANG = "no answer comes"
    REFUSED = "nobody listens"
    BROKEN_OFF = "the connection ends within an answer"
    TRUNCATED = "an answer is complete and its content is not"
    GARBAGE = "an answer has content of another kind"


#: What any store at all can be asked to show.
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

#: Asking again may help, so the store is asked as often as ``max_attempts`` says.
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
