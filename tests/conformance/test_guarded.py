"""The harness of services with one token: each fault that it injects is what a client gets."""

from __future__ import annotations

import json
import urllib.error
from pathlib import Path

import pytest

from tests.conformance.capability import Capability
from tests.conformance.gate import OnGuarded
from tests.conformance.harness import Kind
from tests.servers.double import Answer, Guarded, Request
from tests.servers.process import ask


class Attic(Guarded):
    """A service that shows all that it holds."""

    token = "made-up"
    denial = 400

    @staticmethod
    def error(status: int) -> Answer:
        """Its status again."""
        return Answer(status, {"status": status})

    def read(self, request: Request) -> Answer:
        """Everything."""
        return Answer(200, self.secrets)


class OnAttic(OnGuarded):
    """The same behind a gate."""

    double = Attic

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """By id."""
        self.guarded.secrets[secret_id] = value


def asked(harness: OnAttic, token: str) -> object:
    """The JSON of an answer, or the status of one that is an error."""
    try:
        return json.loads(ask(harness.options()["endpoint_url"], headers={"Authorization": f"Bearer {token}"}))
    except urllib.error.HTTPError as error:
        return error.code


def test_a_guarded_double_does_to_its_token_what_the_harness_asks(tmp_path: Path) -> None:
    harness = OnAttic(tmp_path)
    with harness.running():
        harness.put("variable", "hello", "world")
        assert harness.options()["token"] == Attic.token
        assert (asked(harness, Attic.token), asked(harness, "another")) == ({"hello": "world"}, 401)
        for fault, status in [
            (Capability.DENIED, 400),
            (Capability.UNAUTHENTICATED, 401),
            (Capability.THROTTLED, 429),
            (Capability.SERVER_ERROR, 500),
            (Capability.BAD_GATEWAY, 502),
        ]:
            harness.inject(fault)
            assert asked(harness, Attic.token) == status
            harness.heal()
        assert asked(harness, Attic.token) == {"hello": "world"}
        harness.reset()
        assert asked(harness, Attic.token) == {}


@pytest.mark.parametrize("fault", [fault for fault in Capability if fault in OnGuarded.faults])
def test_every_fault_that_is_promised_can_be_injected(tmp_path: Path, fault: Capability) -> None:
    harness = OnAttic(tmp_path)
    with harness.running():
        assert harness.inject(fault) == {}
        harness.heal()
