"""Ways in which a store fails, and the scene that each of them needs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.conformance.capability import Capability
from tests.conformance.gate import Answer, gate, page
from tests.conformance.harness import Harness, Options
from tests.servers.tls import Certificate, certificate


class Phase(Enum):
    """What the process knows when the store fails."""

    BEFORE = "nothing read yet"
    STALE = "an expired value"


@dataclass(frozen=True)
class Scene:
    """A store that works until ``begin``."""

    begin: Callable[[], object]
    #: They go over the options of a backend from the start.
    options: Options = field(default_factory=dict)
    #: How often the store was asked; the harness's own count where there is none.
    requests: Callable[[], int] | None = None


@dataclass(frozen=True)
class Way:
    """A failure: ``what`` happens, and what there is to know about its rows."""

    what: str
    scene: Callable[[Harness], AbstractContextManager[Scene]]
    phases: Sequence[Phase] = tuple(Phase)
    #: Whether a random wait stands between the attempts, so that nobody can say how long it takes.
    waits: bool = False
    #: Sentences for operators, where the rows surprise.
    note: str = ""


def way(what: str, begin: Callable[[Any], object], **more: Any) -> Way:
    """A failure that ``begin`` brings about in the harness."""

    def scene(harness: Harness) -> AbstractContextManager[Scene]:
        return contextlib.nullcontext(Scene(lambda: begin(harness)))

    return Way(what, scene, **more)


def injected(what: str, fault: Capability, **more: Any) -> Way:
    """A fault of the harness itself."""
    return way(what, lambda harness: harness.inject(fault), **more)


def answered(what: str, answer: Answer, **more: Any) -> Way:
    """Something in between answers in the place of the store."""
    return way(what, lambda harness: harness.gate.inject(answer), **more)


def aws_error(status: int, code: str) -> Answer:
    """An error as AWS writes it."""
    kind = ("Content-Type", "application/x-amz-json-1.1")
    return Answer(status, (kind,), json.dumps({"__type": code, "message": "made up"}).encode())


def over_http() -> list[Way]:
    """What can happen to any store behind a gate, whose harness names the options for address and trust."""
    return [
        answered("429", page(429, "Too Many Requests"), waits=True),
        answered("429, Retry-After 1 s", page(429, "Too Many Requests", ("Retry-After", "1"))),
        answered(
            "429, Retry-After 60 s",
            page(429, "Too Many Requests", ("Retry-After", "60")),
            note="A store that asks for more time than the lookup has is asked once: a second attempt could not "
            "end well, so the error, or the old value, comes at once. The old value is served without a "
            "call for those 60 s.",
        ),
        answered("500 of a proxy", page(500, "Internal Server Error")),
        answered("503 of a proxy", page(503, "Service Unavailable")),
        injected(
            "no answer",
            Capability.HANG,
            note="A first read uses its whole `timeout`, in two attempts of half of it. With an old value at "
            "hand a lookup waits 2 s at most.",
        ),
        injected(
            "connection refused",
            Capability.REFUSED,
            note="The attempts are counted, though no request reaches the store.",
        ),
        Way(
            "unknown host",
            unknown_host,
            phases=(Phase.BEFORE,),
            note="There is no row with an old value, since the test cannot take a name away from the resolver. "
            "The kind of error is that of a refused connection, and so is what happens.",
        ),
        Way(
            "certificate of an unknown authority",
            unknown_authority,
            note="An untrusted certificate counts as a store that cannot be reached, so an old value is served. "
            "Nothing is sent to the stranger, and nothing is tried again: a certificate does not change by "
            "itself.",
        ),
        Way("certificate of another host", another_host),
        answered(
            "403 of a proxy",
            page(403, "Forbidden"),
            note="A proxy that forbids is believed as if the store had denied: the old value is dropped.",
        ),
        answered(
            "404 of a proxy",
            page(404, "Not Found"),
            note="A 404 without the store's own error code is no proof of absence, so it is an error and never "
            "None. It is an answer all the same: the old value is dropped.",
        ),
        injected(
            "connection broken off",
            Capability.BROKEN_OFF,
            note="A connection that breaks within an answer may pass, so the read is tried again.",
        ),
        injected("answer cut short", Capability.TRUNCATED),
        injected(
            "answer of another kind",
            Capability.GARBAGE,
            note="An answer that is whole and makes no sense (here and in the row above) drops the old value: "
            "something answers in the store's place, or the secret is broken.",
        ),
        answered(
            "answer of more than 16 MiB",
            Answer(200, (("Content-Type", "application/json"),), bytes(16 * 1024 * 1024 + 1)),
            note="No answer of a store is as large. It is not read to its end, and nothing is tried again.",
        ),
    ]


@contextlib.contextmanager
def unknown_host(harness: Harness) -> Iterator[Scene]:
    """A label of 64 letters fails in the resolver itself, so that no network has a say in how long that takes."""
    yield Scene(lambda: None, {harness.address_option: f"https://{'x' * 64}.invalid"}, lambda: 0)


def unknown_authority(harness: Harness) -> AbstractContextManager[Scene]:
    """A stranger has taken the place of the store."""
    return over_tls(harness, made(harness, "stranger"))


def another_host(harness: Harness) -> AbstractContextManager[Scene]:
    """The place is taken by another one whom the same authority vouches for."""
    return over_tls(harness, made(harness, "other", "other.invalid"), trusts_both=True)


def made(harness: Harness, folder: str, *names: str) -> Certificate:
    """A certificate of an authority of its own."""
    place = harness.folder / folder
    place.mkdir(exist_ok=True)
    return certificate(place, *names)


@contextlib.contextmanager
def over_tls(harness: Any, later: Certificate, *, trusts_both: bool = False) -> Iterator[Scene]:
    """The store behind TLS, which shows another certificate once the failure begins."""
    first = made(harness, "first")
    authorities = [first.authority, later.authority] if trusts_both else [first.authority]
    trusted = harness.trusting(*authorities)
    with gate(f"http://{harness.gate.upstream}", first) as secured:
        options = {harness.address_option: secured.url, "ca_bundle": str(trusted)}
        yield Scene(lambda: secured.become(later), options, lambda: secured.requests)
