"""What is served while the store does not answer, and what is never served: old values, their warnings, their end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.exceptions import (
    AccessDeniedError,
    MalformedSecretError,
    StrongroomError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from tests.conformance.capability import Capability
from tests.conformance.gate import Gate, gate
from tests.python.backends import READ, aws_backend, messages
from tests.servers.aws import MiniStack, deny
from tests.servers.faults import Faults

NAME = "airflow/variables/a"
OLD = "canary-of-old-5d20"
TTL = "200ms"
#: A refresh with an old value available takes 2 s at most; the rest is for a busy machine.
SOON = 5.0


@pytest.fixture
def door(faults: Faults) -> Iterator[Gate]:
    """The gate in front of the fault proxy."""
    with gate(faults.url) as opened:
        yield opened


def expired(door: Gate, aws: MiniStack, key: str = "a", **options: Any) -> Any:
    """A backend whose value has just expired."""
    aws.put_secrets({f"airflow/variables/{key}": OLD})
    backend = aws_backend(door.url, aws.user(READ), **{"cache_ttl": TTL, **options})
    assert backend.get_variable(key) == OLD
    time.sleep(0.25)  # past TTL
    return backend


def begin(fault: Capability | tuple[str, int], door: Gate, faults: Faults) -> None:
    """From now on the server fails in the given way."""
    if isinstance(fault, Capability):
        door.inject(fault)
    else:
        faults.error(*fault)


OUTAGES: dict[str, Capability | tuple[str, int]] = {
    "throttled": ("ThrottlingException", 400),
    "too many": ("TooManyRequestsException", 429),
    "inside": ("InternalServiceError", 500),
    "unavailable": ("ServiceUnavailable", 503),
    "gateway": Capability.BAD_GATEWAY,
    "refused": Capability.REFUSED,
    "broken off": Capability.BROKEN_OFF,
    "hang": Capability.HANG,
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage_is_answered_with_the_old_value(
    door: Gate, faults: Faults, aws: MiniStack, caplog: pytest.LogCaptureFixture, outage: str
) -> None:
    backend = expired(door, aws)
    begin(OUTAGES[outage], door, faults)
    started = time.monotonic()
    assert backend.get_variable("a") == OLD
    assert time.monotonic() - started < SOON
    for _ in range(20):
        assert backend.get_variable("a") == OLD
    (warning,) = messages(caplog)
    assert warning.startswith('Variable "a": AWS Secrets Manager does not answer')
    assert f"`{NAME}`" in warning
    assert "s ago is served: " in warning
    assert OLD not in caplog.text
    door.heal()
    faults.clear()
    aws.client("secretsmanager").put_secret_value(SecretId=NAME, SecretString="new")
    backend.refresh("a")
    assert backend.get_variable("a") == "new"


def test_a_refused_value_names_its_age_and_each_id_warns_for_itself(
    door: Gate, aws: MiniStack, caplog: pytest.LogCaptureFixture
) -> None:
    aws.put_secrets({"airflow/variables/b": OLD})
    # The pauses between further attempts would age the second value.
    backend = expired(door, aws, max_attempts=1)
    assert backend.get_variable("b") == OLD
    time.sleep(1.0)  # ages are whole seconds
    door.inject(Capability.REFUSED)
    for key in "abab":
        assert backend.get_variable(key) == OLD
    first, second = messages(caplog)
    assert "`airflow/variables/a` from 1s ago" in first
    assert "`airflow/variables/b` from 1s ago" in second


def test_many_lookups_in_an_outage_are_few_calls(door: Gate, faults: Faults, aws: MiniStack) -> None:
    backend = expired(door, aws, max_attempts=1)
    faults.error("InternalServiceError", 500)
    faults.asked.clear()
    for _ in range(1000):
        assert backend.get_variable("a") == OLD
    # The next attempt is due after at most one second, and then two.
    assert 1 <= len(faults.asked.names()) <= 10


def test_without_an_old_value_the_error_is_raised(door: Gate, faults: Faults, aws: MiniStack) -> None:
    backend = expired(door, aws, max_attempts=1)
    faults.error("ThrottlingException")
    with pytest.raises(ThrottledError):
        backend.get_variable("other")
    assert backend.get_variable("a") == OLD


def test_without_max_stale_nothing_old_is_served(door: Gate, aws: MiniStack) -> None:
    backend = expired(door, aws, cache_max_stale=0)
    door.inject(Capability.REFUSED)
    with pytest.raises(UnreachableError):
        backend.get_variable("a")


def test_past_max_stale_nothing_old_is_served(door: Gate, aws: MiniStack) -> None:
    backend = expired(door, aws, cache_max_stale="1s")
    door.inject(Capability.REFUSED)
    assert backend.get_variable("a") == OLD
    time.sleep(1.0)  # past TTL and cache_max_stale together
    with pytest.raises(UnreachableError):
        backend.get_variable("a")


def test_without_a_cache_nothing_old_is_served(door: Gate, aws: MiniStack) -> None:
    backend = expired(door, aws, cache_ttl=0)
    door.inject(Capability.REFUSED)
    with pytest.raises(UnreachableError):
        backend.get_variable("a")


def test_a_denied_value_is_not_served_again(door: Gate, faults: Faults, aws: MiniStack) -> None:
    backend = expired(door, aws)
    faults.error("AccessDeniedException")
    with pytest.raises(AccessDeniedError):
        backend.get_variable("a")
    faults.clear()
    door.inject(Capability.REFUSED)
    with pytest.raises(UnreachableError):
        backend.get_variable("a")


def test_a_revoked_permission_takes_effect_at_the_next_read(door: Gate, aws: MiniStack) -> None:
    aws.put_secrets({NAME: OLD})
    user = aws.user(READ)
    backend = aws_backend(door.url, user, cache_ttl=TTL)
    assert backend.get_variable("a") == OLD
    iam = aws.client("iam")
    name = iam.get_access_key_last_used(AccessKeyId=user.access_key)["UserName"]
    policy = {"Version": "2012-10-17", "Statement": [deny("secretsmanager:GetSecretValue", "*")]}
    iam.put_user_policy(UserName=name, PolicyName="denies", PolicyDocument=str(policy).replace("'", '"'))
    time.sleep(0.25)  # past TTL
    with pytest.raises(AccessDeniedError):
        backend.get_variable("a")


@pytest.mark.parametrize("at_once", [True, False])
def test_a_deleted_value_is_not_served_again(door: Gate, aws: MiniStack, at_once: bool) -> None:
    backend = expired(door, aws)
    how = {"ForceDeleteWithoutRecovery": True} if at_once else {"RecoveryWindowInDays": 7}
    aws.client("secretsmanager").delete_secret(SecretId=NAME, **how)
    assert backend.get_variable("a") is None
    door.inject(Capability.REFUSED)
    if at_once:
        # It is cached as absent for a while.
        assert backend.get_variable("a") is None
        backend.refresh("a")
    with pytest.raises(UnreachableError):
        backend.get_variable("a")


@pytest.mark.parametrize("fault", [Capability.GARBAGE, Capability.TRUNCATED])
def test_an_invalid_answer_drops_the_old_value(door: Gate, aws: MiniStack, fault: Capability) -> None:
    backend = expired(door, aws)
    door.inject(fault)
    with pytest.raises(MalformedSecretError):
        backend.get_variable("a")
    door.inject(Capability.REFUSED)
    with pytest.raises(UnreachableError):
        backend.get_variable("a")


def test_a_refused_identity_drops_the_old_value(door: Gate, faults: Faults, aws: MiniStack) -> None:
    backend = expired(door, aws)
    faults.error("UnrecognizedClientException")
    with pytest.raises(UnauthenticatedError):
        backend.get_variable("a")
    door.inject(Capability.REFUSED)
    with pytest.raises(UnreachableError):
        backend.get_variable("a")


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException"])
def test_a_refreshed_value_serves_in_an_outage_and_not_against_a_refusal(
    door: Gate, faults: Faults, aws: MiniStack, code: str
) -> None:
    backend = expired(door, aws, cache_ttl="1h", max_attempts=1)
    faults.error(code)
    assert backend.get_variable("a") == OLD
    backend.refresh()
    if code == "ThrottlingException":
        assert backend.get_variable("a") == OLD
        return
    for _ in range(2):
        with pytest.raises(StrongroomError):
            backend.get_variable("a")


def test_an_old_bundle_serves_in_an_outage(door: Gate, aws: MiniStack, caplog: pytest.LogCaptureFixture) -> None:
    aws.put_secrets({"airflow/all": f'{{"x": "{OLD}"}}'})
    backend = aws_backend(door.url, aws.user(READ), cache_ttl=TTL, bundle={"variables": "airflow/all"})
    assert backend.get_variable("x") == OLD
    time.sleep(0.25)  # past TTL
    door.inject(Capability.REFUSED)
    assert backend.get_variable("x") == OLD
    (warning,) = messages(caplog)
    assert "`airflow/all`" in warning
    with pytest.raises(UnreachableError):
        backend.get_variable("y")
