"""Secrets Manager: the outcome of errors, and how often a read is tried.

``AWS_MAX_ATTEMPTS`` is 2 where an error is tried again: both classes read it, and their waits stay short.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from strongroom.exceptions import ThrottledError
from tests.parity.comparison import Case, Comparison
from tests.parity.differences import assert_as_agreed
from tests.servers.faults import Faults

#: Code and status, the outcome, and the number of tries if two are allowed.
ERRORS: list[tuple[str, int, str, int]] = [
    ("ResourceNotFoundException", 400, "none", 1),
    ("ResourceNotFoundException", 404, "none", 1),
    ("InvalidParameterException", 400, "none", 1),
    ("InvalidRequestException", 400, "none", 1),
    ("DecryptionFailure", 400, "none", 1),
    ("InternalServiceError", 500, "none", 2),
    ("InternalServiceError", 400, "none", 1),
    ("AccessDeniedException", 400, "raises", 1),
    ("AccessDeniedException", 403, "raises", 1),
    ("UnrecognizedClientException", 400, "raises", 1),
    ("ExpiredTokenException", 400, "raises", 1),
    ("InvalidSignatureException", 403, "raises", 1),
    ("MissingAuthenticationToken", 403, "raises", 1),
    ("IncompleteSignature", 400, "raises", 1),
    ("InvalidClientTokenId", 403, "raises", 1),
    ("ValidationException", 400, "raises", 1),
    ("DecryptionFailureException", 400, "raises", 1),
    ("InternalServiceErrorException", 500, "raises", 2),
    ("InternalFailure", 500, "raises", 2),
    ("NobodyKnowsThis", 500, "raises", 2),
    ("NobodyKnowsThis", 502, "raises", 2),
    ("NobodyKnowsThis", 503, "raises", 2),
    ("NobodyKnowsThis", 504, "raises", 2),
    ("NobodyKnowsThis", 501, "raises", 1),
    ("NobodyKnowsThis", 400, "raises", 1),
    ("NobodyKnowsThis", 404, "raises", 1),
    ("NobodyKnowsThis", 429, "raises", 2),
    ("ServiceUnavailable", 503, "raises", 2),
    ("RequestTimeout", 400, "raises", 2),
    ("RequestTimeoutException", 400, "raises", 2),
    ("EncryptionFailure", 400, "raises", 1),
    ("PreconditionNotMetException", 400, "raises", 1),
    ("ResourceExistsException", 400, "raises", 1),
    ("OptInRequired", 403, "raises", 1),
    ("UnknownOperationException", 404, "raises", 1),
    ("ThrottlingException", 400, "raises", 2),
    ("LimitExceededException", 400, "raises", 2),
    ("TooManyRequestsException", 429, "raises", 2),
    ("PriorRequestNotComplete", 400, "raises", 2),
    ("TransactionInProgressException", 400, "raises", 2),
]

#: Other codes for throttling; one try each, since every wait is a second.
THROTTLING = [
    ("ThrottledException", 400),
    ("Throttling", 400),
    ("RequestLimitExceeded", 400),
    ("RequestThrottled", 400),
    ("RequestThrottledException", 400),
    ("ProvisionedThroughputExceededException", 400),
    ("BandwidthLimitExceeded", 400),
    ("EC2ThrottledException", 400),
    ("SlowDown", 503),
]

#: Faults after which the second try succeeds.
PASSING: dict[str, Mapping[str, Any]] = {
    "server error": {"error": {"code": "InternalServiceError", "status": 500}},
    "unavailable": {"error": {"code": "NobodyKnowsThis", "status": 503}},
    "throttled": {"error": {"code": "ThrottlingException", "status": 400}},
    "connection reset": {"reset": True},
}


@pytest.fixture(scope="module", autouse=True)
def _no_fault_is_left(fault_server: Faults) -> Iterator[None]:
    """The proxy is shared by the session."""
    yield
    fault_server.clear()


@pytest.fixture
def broken(comparison: Comparison, fault_server: Faults) -> Comparison:
    """The same servers behind the proxy that injects faults; it counts every try."""
    fault_server.clear()
    return dataclasses.replace(comparison, counter=fault_server.asked)


@pytest.mark.parametrize(("code", "status", "ends", "tries"), ERRORS, ids=lambda value: str(value))
def test_errors(
    broken: Comparison, fault_server: Faults, tmp_path: Path, code: str, status: int, ends: str, tries: int
) -> None:
    """The same outcome after as many tries; ours reports the code of AWS."""
    fault_server.error(code, status)
    case = Case(f"{code} {status}", environment={"AWS_MAX_ATTEMPTS": "2"})
    official, ours = broken.run(case, tmp_path)
    assert (official.ending, len(official.asked)) == (ends, tries), repr(official.error)
    assert_as_agreed(case.id, official, ours)


@pytest.mark.parametrize(("code", "status"), THROTTLING, ids=lambda value: str(value))
def test_throttling(broken: Comparison, fault_server: Faults, tmp_path: Path, code: str, status: int) -> None:
    """It raises in both, and is throttling for ours."""
    fault_server.error(code, status)
    official, ours = broken.run(Case(f"{code} {status}", environment={"AWS_MAX_ATTEMPTS": "1"}), tmp_path)
    assert len(official.asked) == 1
    assert_as_agreed(f"{code} {status}", official, ours)
    assert isinstance(ours.error, ThrottledError)


def test_five_tries_by_default(broken: Comparison, fault_server: Faults, tmp_path: Path) -> None:
    """Without a setting in the environment: botocore had five for years, and has three since its mode is `standard`."""
    fault_server.error("InternalServiceError", 500)
    official, ours = broken.run(Case("default attempts"), tmp_path)
    assert official.asked == ("airflow/variables/hello",) * 3
    assert ours.asked == ("airflow/variables/hello",) * 5
    assert official.ending == ours.ending == "none"


@pytest.mark.parametrize("label", PASSING)
def test_a_passing_fault(broken: Comparison, fault_server: Faults, tmp_path: Path, label: str) -> None:
    """The second try succeeds: each half meets the fault once."""
    fault_server.rule(sequence={"fail": 1, "pass": 1}, **PASSING[label])
    case = Case(f"passing {label}", environment={"AWS_MAX_ATTEMPTS": "2"})
    official, ours = broken.run(case, tmp_path)
    assert (official.ending, len(official.asked)) == ("value", 2), repr(official.error)
    assert_as_agreed(case.id, official, ours)


#: An error on the team's own name, and how many names the official class then requests.
TEAM_ERRORS = {
    "ResourceNotFoundException": 2,
    "InvalidParameterException": 2,
    "InvalidRequestException": 2,
    "DecryptionFailure": 2,
    "AccessDeniedException": 1,
    "ValidationException": 1,
}


@pytest.mark.parametrize(("code", "names"), TEAM_ERRORS.items(), ids=TEAM_ERRORS)
def test_an_error_on_the_name_of_a_team(
    broken: Comparison, fault_server: Faults, tmp_path: Path, code: str, names: int
) -> None:
    """Whether the shared name is requested. Faults come in turn, so that the second name exists."""
    fired = []

    def begin() -> None:
        fired.append(len(fault_server.fired()))
        fault_server.clear()
        fault_server.rule(error={"code": code, "status": 400}, sequence={"fail": 1, "pass": 1} if names > 1 else None)

    broken = dataclasses.replace(broken, begin=begin)
    case = Case(f"name of a team: {code}", team="T", multi_team=True)
    official, ours = broken.run(case, tmp_path)
    assert official.asked == ("airflow/variables/T--hello", "airflow/variables/hello")[:names]
    assert [*fired, len(fault_server.fired())] == [0, 1, 1, 1], "a fault for both classes, and for a chain of ours"
    assert_as_agreed(case.id, official, ours)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
def test_half_an_answer(broken: Comparison, fault_server: Faults, tmp_path: Path, part: float) -> None:
    """A body that was cut, with a matching length."""
    fault_server.rule(response={"truncate_frac": part})
    case = Case(f"cut at {part}", environment={"AWS_MAX_ATTEMPTS": "1"})
    official, ours = broken.run(case, tmp_path)
    assert official.asked
    assert_as_agreed(case.id, official, ours)
