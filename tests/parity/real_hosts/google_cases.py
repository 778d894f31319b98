"""The compared lookups of Secret Manager: names, values, teams, faults, credentials."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.parity.outcomes import CONNECTION_CLASSES, short
from tests.parity.real_hosts import cases
from tests.parity.real_hosts.cases import DEFAULT_OF, POLICIES, PREFIX_OF, Lookup
from tests.parity.values import LARGE, OTHERS, THROUGH
from tests.servers.google_cloud import Fault

#: ``...`` leaves the option out.
PREFIXES: dict[str, Any] = {
    "default": ...,
    "empty": "",
    "null": None,
    "separator at the end": "v-",
    "underscores": "_a_",
    "upper case": "AIRFLOW",
    "dashes of a team": "p--",
}
SEPARATORS = {"default": ..., "empty": "", "underscore": "_", "two": "--"}
IDS = ["c1", "C1", "with_underscore", "with-dash", "a--b", "a---b", "--a", "1", "x" * 200]
IMPOSSIBLE = ["a.b", "a/b", "../x", "a b", "é", "a:1", "a\n", "\t", "a%2Fb", "a?b#c", "名前", "x" * 300, "x" * 236]
BYTES = {
    "no text": b"\xff\xfe",
    "latin": "é".encode("latin-1"),
    "cut in a letter": "é".encode()[:1],
    "surrogate": b"\xed\xa0\x80",
    "overlong": b"\xc0\x80",
    "utf-16": "text".encode("utf-16"),
    "text, then none": b"text\xff",
}
FAULTS = [
    "NOT_FOUND",
    "PERMISSION_DENIED",
    "INVALID_ARGUMENT",
    "FAILED_PRECONDITION",
    "UNAUTHENTICATED",
    "INTERNAL",
    "DEADLINE_EXCEEDED",
    "CANCELLED",
    "UNKNOWN",
    "ALREADY_EXISTS",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "DATA_LOSS",
]
#: Google's client retries for a minute.
PATIENT = ("UNAVAILABLE", "RESOURCE_EXHAUSTED")
DENIALS = ("SERVICE_DISABLED", "CONSUMER_INVALID", "BILLING_DISABLED", "IAM_PERMISSION_DENIED")


@dataclass(frozen=True)
class Case(Lookup):
    """A lookup of a secret with versions."""

    #: Whole answers, by secret.
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    #: The account that reads: one with a role on the project, or on single secrets.
    bound: bool = False


def physical(case_kwargs: Mapping[str, Any], kind: str, name: str, team: str | None = None) -> str:
    """The name in the store, according to the documentation."""
    prefix = case_kwargs.get(PREFIX_OF[kind], DEFAULT_OF[kind])
    own = f"{team}--{name}" if team else name
    return f"{prefix}{case_kwargs.get('sep', '-')}{own}"


def names() -> Iterator[Case]:
    """Every prefix with every separator."""
    return cases.names(Case, physical, PREFIXES, SEPARATORS, "c~")


def ids() -> Iterator[Case]:
    """Ids of every form: absent, present, present for the team, with teams on and off."""
    for name, kind, multi_team in itertools.product(IDS, PREFIX_OF, (False, True)):
        for team in (None, "T") if kind == "var" else (None,):
            there = {physical({}, kind, name + "~", team): "postgres://there"}
            label = f"{kind} {short(name)} {team} {multi_team}"
            yield Case(f"id {label}", {}, {}, kind, name + "~", team, there, multi_team=multi_team)
    for name, kind in itertools.product(IMPOSSIBLE, PREFIX_OF):
        yield Case(f"impossible {kind} {short(name)}", {}, {}, kind, name, alike=False)
    yield from cases.absent(Case, physical, (None, "T"))
    # The team's name is too long for Google, the shared one is not.
    there = {"airflow-variables-" + "y" * 230: "postgres://shared"}
    yield Case("team too long", {}, {}, "var", "y" * 230, "a-team-of-ours", there, alike=False)


def values() -> Iterator[Case]:
    """Connections as text and all the way to an object; other values as variables and config values."""
    tried: list[tuple[str, str, str | bytes]]
    tried = [(label, lookup, value) for label, value in THROUGH.items() for lookup in ("conn", *CONNECTION_CLASSES)]
    others: dict[str, str | bytes] = {**OTHERS, **BYTES}
    tried += [(label, lookup, value) for label, value in others.items() for lookup in ("var", "config")]
    tried += [(label, lookup, value) for label, value in BYTES.items() for lookup in ("conn", *CONNECTION_CLASSES)]
    tried += [(label, "var", value) for label, value in LARGE.items()]
    tried += [("largest", "var", "x" * 65536)]
    return cases.values(Case, physical, tried)


def faults() -> Iterator[Case]:
    """Each status for a name without a team, for a team's name with a shared secret, and for the shared name."""
    own, shared = physical({}, "var", "c~", "T"), physical({}, "var", "c~")
    for status in (*FAULTS, *PATIENT):
        fault, more = Fault(status), {"policies": POLICIES, "slow": status in PATIENT, "alike": status not in PATIENT}
        there = {shared: "shared"}
        yield Case(f"{status} alone", {}, {}, "var", "c~", None, there, {shared: fault}, **more)  # type: ignore[arg-type]
        yield Case(f"{status} team", {}, {}, "var", "c~", "T", there, {own: fault}, **more)  # type: ignore[arg-type]
        yield Case(f"{status} shared", {}, {}, "var", "c~", "T", {}, {shared: fault}, **more)  # type: ignore[arg-type]
    for reason in DENIALS:
        fault = Fault("PERMISSION_DENIED", reason)
        both = {own: fault, shared: fault}
        yield Case(
            f"{reason} both", {}, {}, "conn", "c~", faults={physical({}, "conn", "c~"): fault}, policies=POLICIES
        )
        yield Case(f"{reason} team", {}, {}, "var", "c~", "T", {}, both, policies=POLICIES)
    mixed = {own: Fault("PERMISSION_DENIED"), shared: Fault("INTERNAL")}
    yield Case("denied, then broken", {}, {}, "var", "c~", "T", {}, mixed, policies=POLICIES)
    mixed = {own: Fault("PERMISSION_DENIED"), shared: Fault("INVALID_ARGUMENT")}
    yield Case("denied, then invalid", {}, {}, "var", "c~", "T", {}, mixed, policies=POLICIES)


def moments() -> Iterator[Case]:
    """Faults that pass, and some that do not end."""
    shared = physical({}, "var", "c~")
    for status in PATIENT:
        passing = {shared: Fault(status, times=1)}
        yield Case(f"{status} once", {}, {"max_attempts": 3}, "var", "c~", None, {shared: "x"}, passing, alike=False)
    silent = {shared: Fault("DEADLINE_EXCEEDED", silence=90)}
    yield Case("silence", {}, {"timeout": 2}, "var", "c~", None, {shared: "x"}, silent, slow=True, alike=False)


def states() -> Iterator[Case]:
    """Versions that cannot be read, and answers with odd members."""
    for lookup, state in itertools.product(("conn", "var", "config"), ("DISABLED", "DESTROYED")):
        name = physical({}, lookup, "c~")
        yield Case(
            f"{state} {lookup}", {}, {}, lookup, "c~", None, {name: "x"}, states={name: state}, policies=POLICIES
        )
    own, shared = physical({}, "var", "c~", "T"), physical({}, "var", "c~")
    there = {own: "x", shared: "y"}
    yield Case("disabled of the team", {}, {}, "var", "c~", "T", there, states={own: "DISABLED"}, policies=POLICIES)
    answers: dict[str, dict[str, Any]] = {
        "no checksum": {"payload": {"data": "eA=="}},
        "empty payload": {"payload": {}},
        "no name": {"payload": {"data": "", "dataCrc32c": "0"}},
        # Larger than Google stores, and than gRPC accepts by default.
        "a mebibyte": {"payload": {"data": base64.b64encode("é".encode() * 2**19).decode()}},
        "five mebibytes": {"payload": {"data": base64.b64encode(b"x" * 5 * 2**20).decode()}},
    }
    for label, answer in answers.items():
        yield Case(f"answer: {label}", {}, {}, "var", "c~", answers={shared: answer})
    yield Case("answer: nothing", {}, {}, "var", "c~", answers={shared: {"name": "n"}}, differs="no payload")
    damaged = {"payload": {"data": "eA==", "dataCrc32c": "1"}}
    yield Case("answer: damaged", {}, {}, "var", "c~", answers={shared: damaged}, differs="checksum")


def bound() -> Iterator[Case]:
    """An account with roles on single secrets: every other name is denied, whether or not it exists."""
    for kind, there in itertools.product(("conn", "var"), ((), (None,), ("T",), (None, "T"))):
        found = {physical({}, kind, "c~", team): f"postgres://{team}" for team in there}
        for team in (None, "T"):
            label = f"bound {kind} {team}, there: {there}"
            yield Case(label, {}, {}, kind, "c~", team, found, bound=True, policies=POLICIES)


CASES = [case for make in (names, ids, values, faults, moments, states, bound) for case in make()]
