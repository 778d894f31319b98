"""Conjur as far as secrets are read: a double, since there is no server to install.

Paths, parameters and fields are those of the OpenAPI document of Conjur 5.3.2 (``authentication.yml``, ``secrets.yml``,
``resources.yml``) and of CyberArk's ``conjur-api`` 0.2.0. What the document leaves open is as Conjur's own server does
it: 401 and 403 have no body, a variable that a role cannot see is absent, base64 comes in lines, and a batch has all
of its variables or none.
"""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.servers.double import Answer, Guarded, Request

ACCOUNT = "acct"
HOST = "host/airflow"
USER, PASSWORD = "alice@ops", "canary-pass4Tq7made1up"
#: An API key has 55 letters and digits.
KEY = "canary5Lw8" + "made1up" * 7
SERVICE = "kubernetes/prod"
JWT = "eyJhbGciOiJSUzI1NiJ9.canary9Lx3made7up.c2ln"
LIFETIME = 480


def missing(name: str) -> Answer:
    """A variable that is not there, has no value, or is not to be seen."""
    text = f"CONJ00076E Variable {ACCOUNT}:variable:{name} is empty or not found."
    return Answer(404, {"error": {"code": "not_found", "message": text}})


def bearer_of(request: Request) -> str:
    """The token of a request, in base64."""
    scheme, _, token = request.headers.get("authorization", "").partition(" token=")
    return token.strip('"') if scheme == "Token" else ""


@dataclass
class Conjur(Guarded):
    """Variables with their values, and the roles that may read them."""

    token = KEY

    #: Each role that is known, and whether it may read values; it sees all variables in any case.
    users: dict[str, bool] = field(default_factory=dict)
    #: The API keys of the roles.
    keys: dict[str, str] = field(default_factory=dict)
    #: The tokens: who they are for, and when they end.
    sessions: dict[str, tuple[str, float]] = field(default_factory=dict)
    lifetime: float = LIFETIME
    #: Variables that were declared and have no value, and those that no role sees.
    empty: set[str] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)
    #: Values that are not text.
    binary: dict[str, bytes] = field(default_factory=dict)
    annotations: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Whether a proxy in front takes away that base64 is asked for.
    strips_encoding: bool = False
    #: What the login is answered with.
    login_fault: Answer | None = None
    _count: int = 0

    def heal(self) -> None:
        """No fault, one host and one user."""
        super().heal()
        self.users = {HOST: True, USER: True}
        self.keys = {HOST: KEY, USER: KEY}
        self.login_fault = None

    def reset(self) -> None:
        """No variables, no tokens either."""
        self.sessions, self.lifetime, self.strips_encoding = {}, LIFETIME, False
        self.empty, self.unseen, self.binary, self.annotations = set(), set(), {}, {}
        super().reset()

    @staticmethod
    def error(status: int) -> Answer:
        """As Conjur writes it."""
        return (
            Answer(status) if status in (401, 403) else Answer(status, {"error": {"code": "made_up", "message": "x"}})
        )

    def answer(self, request: Request) -> Answer:
        """What Conjur says."""
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        if parts[-1] in ("login", "authenticate") and parts[0].startswith("authn"):
            return self.login_fault or self.log_in(parts, request)
        if parts == ["info"]:
            return Answer(200, {"version": "made up"})
        if self.fault:
            return self.error(self.fault)
        role, end = self.sessions.get(bearer_of(request), ("", 0.0))
        if role not in self.users or end < time.monotonic():
            return Answer(401)
        return self.read_as(self.users[role], parts, request)

    def read(self, request: Request) -> Answer:
        """Not asked: a role decides, not a token."""
        raise NotImplementedError

    def log_in(self, parts: list[str], request: Request) -> Answer:
        """An API key for a password, or a token for an API key or a JWT."""
        base64_wanted = request.headers.get("accept-encoding") == "base64" and not self.strips_encoding
        if request.method == "GET" and parts == ["authn", ACCOUNT, "login"]:
            pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            is_right = request.headers.get("authorization") == f"Basic {pair}" and USER in self.users
            return Answer(200, self.keys[USER].encode()) if is_right else Answer(401)
        if request.method == "POST" and len(parts) == 4 and parts[:2] == ["authn", ACCOUNT]:
            role = parts[2]
            is_right = role in self.users and request.body.decode() == self.keys[role]
            return self.granted(role, base64_wanted) if is_right else Answer(401)
        if request.method == "POST" and parts[:3] == ["authn-jwt", SERVICE, ACCOUNT]:
            role = parts[3] if len(parts) == 5 else HOST
            is_right = role in self.users and request.form == {"jwt": JWT}
            return self.granted(role, base64_wanted) if is_right else Answer(401)
        return Answer(401)

    def granted(self, role: str, base64_wanted: bool) -> Answer:
        """A new token."""
        self._count += 1
        now = int(time.time())
        payload = {"sub": role, "iat": now, "exp": now + int(self.lifetime)}
        token = {
            "protected": base64.b64encode(b'{"alg":"conjur.org/slosilo/v2"}').decode(),
            "payload": base64.b64encode(json.dumps(payload).encode()).decode(),
            "signature": f"canary-signature-{self._count}",
        }
        text = json.dumps(token)
        encoded = base64.b64encode(text.encode()).decode()
        self.sessions[encoded] = (role, time.monotonic() + self.lifetime)
        return Answer(200, (encoded if base64_wanted else text).encode(), {"Content-Type": "text/plain"})

    def read_as(self, may_read: bool, parts: list[str], request: Request) -> Answer:
        """A value, many values, a resource or a list of them."""
        if parts == ["secrets"]:
            return self.batch(may_read, request)
        if parts[:3] == ["secrets", ACCOUNT, "variable"] and len(parts) == 4:
            name = parts[3]
            if name not in self.values() or name in self.unseen:
                return missing(name)
            if not may_read:
                return Answer(403)
            value = self.values()[name]
            return missing(name) if value is None else Answer(200, value, {"Content-Type": "application/octet-stream"})
        if parts[0] == "resources" and parts[1:2] == [ACCOUNT]:
            return self.resources(parts, request, may_read)
        return Answer(404, b"<html>made up</html>", {"Content-Type": "text/html"})

    def values(self) -> dict[str, bytes | None]:
        """Every variable, with its value if it has one."""
        texts = {name: text.encode() for name, text in self.secrets.items()}
        return {**texts, **self.binary, **dict.fromkeys(self.empty)}

    def batch(self, may_read: bool, request: Request) -> Answer:
        """Several values."""
        ids = request.query.get("variable_ids", "").split(",")
        if len(set(ids)) < len(ids) or not all(ids):
            return Answer(422, {"error": {"code": "duplicate_variable", "message": "made up"}})
        names = {each: each.removeprefix(f"{ACCOUNT}:variable:") for each in ids}
        values = {each: self.values().get(name) for each, name in names.items()}
        for each, value in values.items():
            if value is None:
                return missing(names[each])
        if not may_read or self.unseen & set(names.values()):
            return Answer(403)
        found = {each: value for each, value in values.items() if value is not None}
        if request.headers.get("accept-encoding") == "base64" and not self.strips_encoding:
            # Ruby's encode64 breaks lines.
            encoded = {each: base64.encodebytes(value).decode() for each, value in found.items()}
            return Answer(200, encoded, {"Content-Encoding": "base64"})
        try:
            return Answer(200, {each: value.decode() for each, value in found.items()})
        except UnicodeDecodeError:
            return Answer(406, {"error": {"code": "not_acceptable", "message": "made up"}})

    def resource(self, name: str) -> dict[str, Any]:
        """What is known of a variable besides its value."""
        policy = f"{ACCOUNT}:policy:root"
        annotations = [
            {"name": key, "value": value, "policy": policy} for key, value in self.annotations.get(name, {}).items()
        ]
        secrets = [] if self.values()[name] is None else [{"version": 1, "expires_at": None}]
        return {
            "id": f"{ACCOUNT}:variable:{name}",
            "created_at": "2026-01-15T10:30:00.455+00:00",
            "owner": policy,
            "policy": policy,
            "permissions": [{"privilege": "read", "role": f"{ACCOUNT}:{HOST.replace('/', ':')}", "policy": policy}],
            "annotations": annotations,
            "secrets": secrets,
        }

    def resources(self, parts: list[str], request: Request, may_read: bool) -> Answer:
        """One variable, a privilege on it, or a page of them; sorted, as Conjur does where it pages."""
        seen = sorted(self.values().keys() - self.unseen)
        if len(parts) == 4:
            name = parts[3]
            if parts[2] != "variable" or name not in seen:
                return missing(name)
            if request.query.get("check") == "true":
                is_allowed = may_read or request.query["privilege"] == "read"
                return Answer(204 if is_allowed else 404)
            return Answer(200, self.resource(name))
        query = request.query
        if parts[2:] not in ([], ["variable"]) or query.get("kind", "variable") != "variable":
            return Answer(200, [])
        begin = int(query.get("offset", "0"))
        count = int(query.get("limit", "10" if "offset" in query else str(len(seen))))
        return Answer(200, [self.resource(name) for name in seen[begin : begin + count]])
