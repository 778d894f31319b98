"""The official Vault class and ours on one OpenBao: how each half of a case is run, and when both are equal.

Secrets are stored by the path that is read, such as ``secret/data/variables/a``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from airflow.providers.hashicorp.secrets.vault import VaultBackend

import strongroom.hashicorp
from tests.parity.chain_of_one import ours_in_both_forms
from tests.parity.comparison import Case, Secrets, ask, environment_of, fill
from tests.parity.differences import DIFFERENCES, FEWER_IN_TIME, MORE_OFTEN, assert_as_agreed
from tests.parity.outcomes import Outcome, outcome
from tests.servers.counting import Counter
from tests.servers.vault import Vault

#: How the paths of requests begin that are not reads.
LOGIN = "POST /v1/auth/"
MOUNT = "GET /v1/sys/internal/ui/mounts/"
SELF = "GET /v1/auth/token/lookup-self"
SEAL = "GET /v1/sys/seal-status"
#: Secrets that always exist.
HELLO: Secrets = {"secret/data/variables/hello": {"value": "world"}}


@dataclass
class VaultComparison:
    """A server with its logins, and the proxy in front of it for both classes."""

    server: Vault
    counter: Counter
    words: dict[str, str]
    #: The server's address for clients.
    url: str

    @contextlib.contextmanager
    def holding(self, secrets: Secrets) -> Iterator[None]:
        """Stores the secrets for the duration."""
        for path, fields in secrets.items():
            self.put(path, fields)
        try:
            yield
        finally:
            for path in secrets:
                self.server.delete(path.replace("/data/", "/metadata/", 1) if path.startswith("secret/") else path)

    def put(self, path: str, fields: Any) -> None:
        """Writes a secret by its path in the versioned ``secret``, or in the plain ``kv1``."""
        body = {"data": fields} if path.startswith("secret/") else fields
        self.server.write(path, body)

    def run(self, case: Case, folder: Path) -> tuple[Outcome, Outcome]:
        """Both halves of a case: the official one, then ours."""
        words = {**self.words, "<folder>": str(folder), "<url>": self.url}
        for name, content in case.files.items():
            (folder / name).write_text(fill(content, words))
        usual = {} if case.bare else {"url": "<url>", "token": "<token>"}
        kwargs = fill({**usual, **case.kwargs}, words)
        environment = {name: fill(value, words) for name, value in case.environment.items()}
        environment["AIRFLOW__CORE__MULTI_TEAM"] = str(case.multi_team)
        with environment_of(environment), self.holding(case.secrets):
            official = self._half(lambda: ask(VaultBackend(**fill(kwargs, {})), case))
            own, plain = {"cache_ttl": 0, **kwargs}, strongroom.hashicorp.VaultBackend
            ours = ours_in_both_forms(plain, own, lambda backend: ask(backend, case), self._half)
        return official, ours

    def _half(self, look_up: Callable[[], object]) -> Outcome:
        self.counter.clear()
        return outcome(look_up, self.asked)

    def asked(self) -> tuple[str, ...]:
        """The requests so far, as ``METHOD path``; how a path is escaped does not matter to the server."""
        return tuple(f"{call.method} {unquote(call.path).rstrip('?')}" for call in list(self.counter.calls))


def assert_alike(case: Case, official: Outcome, ours: Outcome) -> None:
    """Parity of Vault's outcomes, or the agreed difference.

    The reads are the same, in the same order. Ours may make fewer requests: a login is shared, and a token that may not
    read is looked up once instead of replaced. If nothing was found, ours may make one request to see whether the mount
    exists.
    """
    assert bool(official.asked) == case.asks, official
    assert case.ends in (None, official.ending), repr(official.error)
    asked = [request for request in ours.asked if not request.startswith(MOUNT)]
    assert len(ours.asked) - len(asked) <= 1, ours
    case_id = f"vault: {case.id}"
    if case_id not in DIFFERENCES:
        more = MORE_OFTEN.get(case_id)
        both = f"\nofficial: {official}\nours:     {ours}"
        assert len(asked) <= len(official.asked) + (more or 0), both
        exact = None if case_id in FEWER_IN_TIME else more
        assert exact is None or len(asked) == len(official.asked) + exact, (
            f"another count than the one agreed on: {both}"
        )
    assert_as_agreed(case_id, _reads(official), _reads(ours))


def _reads(half: Outcome) -> Outcome:
    """The reads, each path once."""
    reads = [request for request in half.asked if not request.startswith((LOGIN, MOUNT, SELF, SEAL))]
    return dataclasses.replace(half, asked=tuple(dict.fromkeys(reads)))


def stored_at(official: Outcome) -> list[str]:
    """The paths that were read and can hold a secret, in order."""
    paths = [request.removeprefix("GET /v1/") for request in _reads(official).asked]
    return [path for path in paths if path.startswith(("secret/data/", "kv1/"))]


def can_hold(server: Vault, path: str) -> bool:
    """Whether the server accepts a secret with this name at all."""
    try:
        server.write(path, {"data": {"value": "x"}} if path.startswith("secret/") else {"value": "x"})
    except urllib.error.HTTPError as error:
        if error.code not in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
            raise
        return False
    server.delete(path.replace("/data/", "/metadata/", 1) if path.startswith("secret/") else path)
    return True
