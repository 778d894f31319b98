"""The compared lookups of Key Vault: names, values, teams, faults, credentials."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.parity.outcomes import CONNECTION_CLASSES
from tests.parity.real_hosts import cases
from tests.parity.real_hosts.cases import DEFAULT_OF, POLICIES, PREFIX_OF, Lookup, kind_of
from tests.parity.values import CONNECTIONS, LARGE, OTHERS, THROUGH
from tests.servers.azure import LOGIN, RESOURCE, TENANT, Reply, vault_error

#: ``...`` leaves the option out.
PREFIXES: dict[str, Any] = {
    "default": ...,
    "underscore": "my_pre",
    "separator at the end": "p-",
    "separator alone": "-",
    "empty": "",
    "null": None,
    "slash": "a/b",
    "dot": "a.b",
    "space": " a",
    "long": "p" * 130,
}
SEPARATORS: dict[str, Any] = {"default": ..., "none": "", "two": "--", "underscore": "_", "slash": "/", "dot": "."}
IDS = ["c1", "C1", "a_b_c", "a__b", "a--b", "a_-b", "-a", "a-", "x" * 100]
IMPOSSIBLE = [
    "Some.key",
    "a/b",
    "../keys/k",
    "a%2fb",
    "a?b",
    "a#b",
    "a\n",
    "é",
    "\u0661",
    "a b",
    "\t",
    "x" * 110,
    "x" * 300,
]
PAGE = {"Content-Type": "text/html"}
CHALLENGE = f'Bearer authorization="https://{LOGIN}/{TENANT}", resource="{RESOURCE}"'
CLAIMS = (
    f'Bearer realm="", authorization_uri="https://{LOGIN}/common/oauth2/authorize", error="insufficient_claims", '
    'claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNzI2MDc3NTk1In19fQ=="'
)


@dataclass(frozen=True)
class Fault:
    """Answers in place of a secret, the last one repeatedly, and the outcome of a lookup that meets them."""

    replies: tuple[Reply, ...]
    #: An outcome in ``policies.py``; empty if the policies are not tried.
    fate: str = ""
    #: Whether the official class retries for seconds.
    slow: bool = False
    #: The entry in ``DIFFERENCES``, alone and on a team's name.
    differs: str = ""
    differs_for_team: str = ""


def unauthorized(challenge: str) -> Reply:
    """A rejected token, and the challenge of the vault."""
    return 401, {"WWW-Authenticate": challenge}, vault_error(401, "Unauthorized")[2]


def bundle(value: Any, **more: Any) -> Reply:
    """A secret with any value, or with more members."""
    identity = "https://reader.vault.azure.net/secrets/a/0123456789abcdef0123456789abcdef"
    return 200, {}, {"id": identity, "value": value, **more}


WITHOUT: Reply = (200, {}, {"id": bundle(None)[2]["id"]})
FAULTS: dict[str, Fault] = {
    "400": Fault((vault_error(400, "BadParameter"),), "broken"),
    "no role": Fault((vault_error(403, "Forbidden", "ForbiddenByRbac"),), "denied"),
    "no policy": Fault((vault_error(403, "Forbidden", "AccessDenied"),), "denied"),
    "firewall": Fault((vault_error(403, "Forbidden", "ForbiddenByFirewall"),), "denied"),
    "disabled": Fault((vault_error(403, "Forbidden", "SecretDisabled"),), "denied"),
    "absent": Fault((vault_error(404, "SecretNotFound"),), "absent"),
    "404 of another kind": Fault((vault_error(404, "Surprise"),), "", differs_for_team="404 on a team's name"),
    "404 of a proxy": Fault(((404, PAGE, b"<html>"),), "", differs_for_team="404 on a team's name"),
    "being deleted": Fault((vault_error(409, "Conflict", "ObjectIsBeingDeleted"),), "broken"),
    "deleted": Fault((vault_error(409, "Conflict", "ObjectIsDeletedButRecoverable"),), "broken"),
    "refused": Fault((unauthorized(CHALLENGE),), "unauthenticated"),
    "refused without a challenge": Fault((vault_error(401, "Unauthorized"),), "unauthenticated"),
    "claims": Fault((unauthorized(CLAIMS),), "unauthenticated"),
    "claims behind a resource": Fault((unauthorized(f"{CHALLENGE}, {CLAIMS[7:]}"),), "unauthenticated"),
    "a challenge of another kind": Fault((unauthorized("Basic realm=x"),), "unauthenticated"),
    "408": Fault((vault_error(408, "Timeout"),), "broken", slow=True),
    "418": Fault((vault_error(418, "Teapot"),), "broken"),
    "429": Fault((vault_error(429, "Throttled"),), "broken", slow=True),
    "500": Fault((vault_error(500, "InternalServerError"),), "broken", slow=True),
    "501": Fault((vault_error(501, "NotImplemented"),), "broken"),
    "503": Fault((vault_error(503, "ServiceUnavailable"),), "broken", slow=True),
    "503 of a proxy": Fault(((503, PAGE, b"<html>"),), "broken", slow=True),
    "504": Fault((vault_error(504, "GatewayTimeout"),), "broken", slow=True),
    "redirect": Fault(((302, {"Location": "/secrets/other"}, b""),), "broken"),
    "no JSON": Fault(((200, {}, b"<html>"),), "broken"),
    "half a JSON": Fault(((200, {}, b'{"value": "x'),), "broken"),
    "empty": Fault(((200, {}, b""),), ""),
    "a list": Fault(((200, {}, [1]),), ""),
    "a text": Fault(((200, {}, "x"),), ""),
    "null": Fault(((200, {}, b"null"),), ""),
    "no content": Fault(((204, {}, b""),), "broken"),
    "no value": Fault((WITHOUT,), "", differs_for_team="no value on a team's name"),
}
VALUES: dict[str, Any] = {
    "number": 5,
    "negative": -1,
    "float": 1.5,
    "big": 10**30,
    "true": True,
    "false": False,
    "null": None,
    "list": ["a", 1],
    "object": {"host": "h", "port": 1},
    "empty list": [],
    "empty object": {},
}
#: Bodies that our JSON writers would not write.
BODIES = {
    "not UTF-8": b'{"value": "\xff\xfe"}',
    "latin": '{"value": "é"}'.encode("latin-1"),
    "lone surrogate": b'{"value": "\\ud83d"}',
    "byte order mark": b'\xef\xbb\xbf{"value": "x"}',
    "escapes": b'{"value": "\\u00e9\\ud83d\\ude00\\u0000"}',
    "raw control": b'{"value": "a\tb"}',
    "twice": b'{"value": "a", "value": "b"}',
    "NaN beside it": b'{"value": "a", "tags": NaN}',
    "another type beside it": b'{"value": "a", "attributes": {"exp": "soon", "enabled": "yes"}, "tags": 5}',
    "unknown members": b'{"value": "a", "new": {"b": [1]}}',
    "only a value": b'{"value": "a"}',
    "space around": b' \n{"value": "a"} \n',
    "text behind": b'{"value": "a"} x',
    "utf-16": '{"value": "a"}'.encode("utf-16"),
}


@dataclass(frozen=True)
class Case(Lookup):
    """A lookup of a secret that is text, or that a fault replaces."""

    secrets: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)


def physical(kwargs: Mapping[str, Any], kind: str, name: str, team: str | None = None) -> str:
    """The name in the store, according to the documentation."""
    sep = kwargs.get("sep", "-")
    prefix = kwargs.get(PREFIX_OF[kind], DEFAULT_OF[kind])
    prefix = prefix.rstrip(sep) if prefix else prefix
    own = f"{team.replace('_', sep)}--{name.replace('_', sep)}" if team else name
    return f"{prefix}{sep}{own}".replace("_", sep) if prefix else own.replace("_", sep)


def names() -> Iterator[Case]:
    """Every prefix with every separator."""
    return cases.names(Case, physical, PREFIXES, SEPARATORS, "c_d~")


def ids() -> Iterator[Case]:
    """Ids of every form: absent, present, present for the team, with teams on and off."""
    for number, kind, multi_team in itertools.product(range(len(IDS)), PREFIX_OF, (False, True)):
        name = IDS[number] + "~"
        for team in (None, "T") if kind == "var" else (None,):
            there = {physical({}, kind, name, team): "postgres://there"}
            is_refused = multi_team and name.startswith("-") and kind in ("conn", "var")
            yield Case(
                f"id {kind} {name[:9]} {team} {multi_team}",
                {},
                {},
                kind,
                name,
                team,
                there,
                multi_team=multi_team,
                differs="an id that begins as the separator does" if is_refused else "",
            )
    for name, kind in itertools.product(IMPOSSIBLE, PREFIX_OF):
        yield Case(f"impossible {kind} {name[:9]!r} {len(name)}", {}, {}, kind, name)
    yield from cases.absent(Case, physical, (None, "T", "team_a", ""))
    for team in ("a.b", "t" * 127):
        there = {physical({}, "var", "c~"): "shared"}
        yield Case(f"no name of a team {team[:9]}", {}, {}, "var", "c~", team, there)


def values() -> Iterator[Case]:
    """Connections as text and all the way to an object; other values as variables and config values."""
    tried: list[tuple[str, str, str | bytes]]
    tried = [(label, lookup, value) for label, value in THROUGH.items() for lookup in ("conn", *CONNECTION_CLASSES)]
    tried += [(label, "core", value) for label, value in CONNECTIONS.items() if label not in THROUGH]
    tried += [(label, lookup, value) for label, value in OTHERS.items() for lookup in ("var", "config")]
    tried += [(label, "var", value) for label, value in LARGE.items()]
    tried += [("largest", "var", "x" * 25600), ("a mebibyte", "var", "é" * 2**19), ("five", "var", "x" * 5 * 2**20)]
    return cases.values(Case, physical, tried)


def odd_values() -> Iterator[Case]:
    """Values that are not text, and bodies of every form."""
    for (label, value), lookup in itertools.product(VALUES.items(), ("var", "conn", "config", *CONNECTION_CLASSES)):
        fault = {physical({}, kind_of(lookup), "c~"): Fault((bundle(value),))}
        yield Case(f"odd {lookup} {label}", {}, {}, lookup, "c~", faults=fault)
    for label, body in BODIES.items():
        fault = {physical({}, "var", "c~"): Fault(((200, {}, body),))}
        differs = "lone surrogate" if label == "lone surrogate" else ""
        yield Case(f"body {label}", {}, {}, "var", "c~", faults=fault, differs=differs)


def faults() -> Iterator[Case]:
    """Each fault for a name without a team, for a team's name with a shared secret, and for the shared name."""
    own, shared = physical({}, "var", "c~", "T"), physical({}, "var", "c~")
    there = {shared: "shared"}
    for label, fault in FAULTS.items():
        policies = POLICIES if fault.fate else ("official",)
        more: dict[str, Any] = {"policies": policies, "slow": fault.slow, "alike": False}
        yield Case(f"{label} alone", {}, {}, "var", "c~", None, {}, {shared: fault}, differs=fault.differs, **more)
        differs = fault.differs_for_team
        yield Case(f"{label} team", {}, {}, "var", "c~", "T", there, {own: fault}, differs=differs, **more)
        yield Case(f"{label} shared", {}, {}, "var", "c~", "T", {}, {shared: fault}, differs=fault.differs, **more)


def moments() -> Iterator[Case]:
    """Faults that pass."""
    shared = physical({}, "var", "c~")
    for label, reply in {
        "429": vault_error(429, "Throttled"),
        "503": vault_error(503, "ServiceUnavailable"),
        "401": unauthorized(CHALLENGE),
        "claims": unauthorized(CLAIMS),
    }.items():
        fault = Fault((reply, bundle("x")))
        own = {"max_attempts": 3}
        yield Case(f"once {label}", {}, own, "var", "c~", None, {}, {shared: fault}, slow=True, alike=False)


CASES = [case for make in (names, ids, values, odd_values, faults, moments) for case in make()]
