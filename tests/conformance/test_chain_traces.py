"""No secret of any member shows anywhere, with every logger at its lowest level: see ``tests/conformance``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.canaries import canary, must_be_nowhere
from tests.conformance.capability import Capability
from tests.conformance.gate import Answer, Gate, gate
from tests.conformance.harness import Planting
from tests.conformance.test_traces import shapes, trace_class
from tests.failures.way import aws_error
from tests.python.backends import READ
from tests.servers.aws import REGION, MiniStack

CHAIN = "strongroom.chain.ChainBackend"
POLICIES = ("official", "next", "raise", "miss", "deny", "stop")
FOLDERS = ("connections", "variables", "config")
FAULTS: dict[str, Answer | Capability] = {
    "throttled": aws_error(400, "ThrottlingException"),
    "hanging": Capability.HANG,
    "denied": aws_error(400, "AccessDeniedException"),
    "garbage": Capability.GARBAGE,
}


def planted(secret: str) -> str:
    """A connection that holds a secret, repeated, so that any part of it contains one too."""
    return json.dumps({"conn_type": "x", "password": secret, "extra": [secret] * 9})


class Chain:
    """Two members with secrets of their own: one behind a gate, one in memory."""

    def __init__(self, aws: MiniStack, door: Gate) -> None:
        self.door = door
        self.secrets = {name: canary() for name in ("near", "far", "token")}
        aws.put_secrets({f"airflow/{folder}/hello": planted(self.secrets["near"]) for folder in FOLDERS})
        self.user = aws.user(READ).options()
        self.secrets["key"] = self.user["aws_secret_access_key"]

    def stores(self, on_error: str) -> list[dict[str, Any]]:
        """Every kind is in both; a third member never works."""
        place = {"region_name": REGION, "endpoint_url": self.door.url, "max_attempts": 1, **self.user}
        held = {f"airflow/{folder}/hello": planted(self.secrets["far"]) for folder in FOLDERS}
        return [
            {"name": "off", "store": "vualt", "token": self.secrets["token"], "teams": ["other"]},
            {"name": "near", "store": "aws_secrets_manager", "on_error": on_error, **place},
            {"name": "far", "store": "memory", "secrets": held},
        ]


@pytest.fixture
def chain(aws: MiniStack) -> Iterator[Chain]:
    """The chain and its secrets."""
    with gate(aws.url) as door:
        yield Chain(aws, door)


def test_no_value_shows_when_all_is_well(chain: Chain, tmp_path: Path) -> None:
    places = trace_class(tmp_path, CHAIN, [Planting("usual", {"stores": chain.stores("official"), "timeout": "30s"})])
    assert dict(places)["standard output of usual"].endswith(b"answered 6\n")
    must_be_nowhere(chain.secrets, places)


@pytest.mark.parametrize("fault", FAULTS)
def test_no_failing_member_shows_a_secret(chain: Chain, fault: str, tmp_path: Path) -> None:
    chain.door.inject(FAULTS[fault])
    cases = [Planting(policy, {"stores": chain.stores(policy), "timeout": "400ms"}) for policy in POLICIES]
    places = trace_class(tmp_path, CHAIN, cases)
    for policy in POLICIES:
        answered = 6 if policy in ("next", "miss") else 0
        assert dict(places)[f"standard output of {policy}"].split()[-2:] == [b"answered", b"%d" % answered]
    must_be_nowhere(chain.secrets, places)


def test_no_shape_of_the_list_shows_what_it_holds(tmp_path: Path) -> None:
    """Neither what is no list of stores at all, nor a member with a secret where a key of the chain is expected."""
    secret = canary()
    keys = ("kinds", "teams", "ids", "on_error", "token", "secrets")
    odd = [*shapes(secret), *([{"store": "memory", key: shape}] for key in keys for shape in shapes(secret))]
    cases = [Planting(f"shape {number}", {"stores": stores}) for number, stores in enumerate(odd)]
    must_be_nowhere({"secret": secret}, trace_class(tmp_path, CHAIN, cases))


def test_no_class_of_another_package_shows_its_arguments(tmp_path: Path) -> None:
    """Whether it answers, raises with them, or cannot take them."""
    secret = canary()
    held = {"hello": planted(secret), "nothing": None}
    classes = {"answers": "Backend", "raises": "Backend", "takes none": "Old", "is not there": "Missing"}
    cases = [
        Planting(
            label, {"stores": [{"class": f"tests.python.chain.company.{name}", "kwargs": {**held, label: secret}}]}
        )
        for label, name in classes.items()
    ]
    places = trace_class(tmp_path, CHAIN, cases)
    assert dict(places)["standard output of answers"].endswith(b"answered 4\n\n")
    must_be_nowhere({"secret": secret}, places)
