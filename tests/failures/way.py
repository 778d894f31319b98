"""Ways in which a store fails, and the set-up that each of them needs."""

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
    """What the process has read when the store fails."""

    BEFORE = "nothing read yet"
    STALE = "an expired value"


@dataclass(frozen=True)
class Scene:
    """A store that works until ``begin``."""

    begin: Callable[[], object]
    #: They replace the options of a backend from the start.
    options: Options = field(default_factory=dict)
    #: How often the store was called; if not set, the harness's own count.
    requests: Callable[[], int] | None = None


@dataclass(frozen=True)
class Way:
    """A failure: ``what`` happens, and notes about its rows."""

    what: str
    scene: Callable[[Harness], AbstractContextManager[Scene]]
    phases: Sequence[Phase] = tuple(Phase)
    #: Whether there is a random wait between the attempts, so that the duration varies.
    waits: bool = False
    #: Sentences for operators, for surprising rows.
    note: str = ""


def way(what: str, begin: Callable[[Any], object], **more: Any) -> Way:
    """A failure that ``begin`` causes in the harness."""

    def scene(harness: Harness) -> AbstractContextManager[Scene]:
        return contextlib.nullcontext(Scene(lambda: begin(harness)))

    return Way(what, scene, **more)


def injected(what: str, fault: Capability, **more: Any) -> Way:
    """A fault of the harness itself."""
    return way(what, lambda harness: harness.inject(fault), **more)


def answered(what: str, answer: Answer, **more: Any) -> Way:
    """A proxy answers in place of the store."""
    return way(what, lambda harness: harness.gate.inject(answer), **more)


def aws_error(status: int, code: str) -> Answer:
    """An error as AWS writes it."""
    kind = ("Content-Type", "application/x-amz-json-1.1")
    return Answer(status, (kind,), json.dumps({"__type": code, "message": "made up"}).encode())


def over_http() -> list[Way]:
    """What can happen to any store behind a gate whose harness names the options for address and trust."""
    return [
        answered("429", page(429, "Too Many Requests"), waits=True),
        answered("429, Retry-After 1 s", page(429, "Too Many Requests", ("Retry-After", "1"))),
        answered(
            "429, Retry-After 60 s",
            page(429, "Too Many Requests", ("Retry-After", "60")),
            note="A store that asks for more time than the lookup has left gets one request: a second attempt could "
            "not succeed, so the error, or the old value, comes at once. For those 60 s "
            "the old value is served without a call.",
        ),
        answered("500 of a proxy", page(500, "Internal Server Error")),
        answered("503 of a proxy", page(503, "Service Unavailable")),
        injected(
            "no answer",
            Capability.HANG,
            note="A first read uses its whole `timeout`, in two attempts of half of it. If there is an "
            "old value, a lookup waits 2 s at most.",
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
            note="There is no row with an old value, since the test cannot remove a name from the resolver. "
            "The kind of error and the outcome are those of a refused connection.",
        ),
        Way(
            "certificate of an unknown authority",
            unknown_authority,
            note="An untrusted certificate means that the store cannot be reached, so an old value is served. "
            "Nothing is sent to that server, and the read is not tried again: a certificate does not change "
            "on its own.",
        ),
        Way("certificate of another host", another_host),
        answered(
            "403 of a proxy",
            page(403, "Forbidden"),
            note="A 403 of a proxy counts as one of the store: the old value is dropped.",
        ),
        answered(
            "404 of a proxy",
            page(404, "Not Found"),
            note="A 404 without the store's own error code does not prove that the secret is absent, so it is an "
            "error and never None. It is still an answer: the old value is dropped.",
        ),
        injected(
            "connection broken off",
            Capability.BROKEN_OFF,
            note="A connection that breaks within an answer may work the next time, so the read is tried again.",
        ),
        injected("answer cut short", Capability.TRUNCATED),
        injected(
            "answer of another kind",
            Capability.GARBAGE,
            note="A complete but invalid answer (here and in the row above) drops the old value: "
            "another server answers in place of the store, or the secret is broken.",
        ),
        answered(
            "answer of more than 16 MiB",
            Answer(200, (("Content-Type", "application/json"),), bytes(16 * 1024 * 1024 + 1)),
            note="No store gives such a large answer. It is not read to its end, and the read is not tried again.",
        ),
    ]


@contextlib.contextmanager
def unknown_host(harness: Harness) -> Iterator[Scene]:
    """A label of 64 letters fails in the resolver itself, so that no network affects how long that takes."""
    yield Scene(lambda: None, {harness.address_option: f"https://{'x' * 64}.invalid"}, lambda: 0)


def unknown_authority(harness: Harness) -> AbstractContextManager[Scene]:
    """A server with an unknown authority has replaced the store."""
    return over_tls(harness, made(harness, "stranger"))


def another_host(harness: Harness) -> AbstractContextManager[Scene]:
    """A server with another name, whose certificate is from the same authority, has replaced the store."""
    return over_tls(harness, made(harness, "other", "other.invalid"), trusts_both=True)


def made(harness: Harness, folder: str, *names: str) -> Certificate:
    """A certificate of a new authority."""
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
