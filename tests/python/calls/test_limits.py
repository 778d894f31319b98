"""The most calls that leave this process: a rate, and a budget for retries; counted where they arrive."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

import strongroom
from strongroom.aws import SecretsManagerBackend
from strongroom.exceptions import ThrottledError, UnreachableError
from tests.conformance.capability import Capability
from tests.conformance.gate import gate
from tests.python.backends import READ, anywhere, aws_backend, messages
from tests.servers.aws import MiniStack
from tests.servers.counting import Counter
from tests.servers.faults import Faults

# A rate is shared by all backends of this process with the same configuration, so each test uses its own.


def read_all(backends: Sequence[SecretsManagerBackend], keys: int) -> None:
    """Each backend reads as many cold keys of its own, all at the same time."""

    def read(number: int, backend: SecretsManagerBackend) -> None:
        for key in range(keys):
            backend.get_variable(f"cold-{number}-{key}")

    threads = [threading.Thread(target=read, args=each) for each in enumerate(backends)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def most_within(counted: Counter, seconds: float) -> int:
    """The most calls that arrived within so many seconds."""
    came = sorted(call.came for call in counted.calls)
    return max(sum(begin <= moment < begin + seconds for moment in came) for begin in came)


@pytest.mark.parametrize(("rate", "others"), [("5/s", [{}]), ("5/1s", [{"cache_ttl": "30s"}, {"cache_ttl": "40s"}])])
def test_no_more_calls_than_the_rate_arrive(
    counted: Counter, aws: MiniStack, rate: str, others: list[dict[str, Any]]
) -> None:
    user = aws.user(READ)
    backends = [aws_backend(counted.url, user, rate_limit=rate, **each) for each in others]
    before = strongroom.stats()["aws_secrets_manager"]["waits"]
    read_all(backends, 12 // len(backends))
    assert len(counted.calls) == 12
    # They start one second apart; some may be delayed on the way.
    assert most_within(counted, 0.6) <= 5
    came = sorted(call.came for call in counted.calls)
    assert came[-1] - came[0] > 1.4
    assert strongroom.stats()["aws_secrets_manager"]["waits"] > before


def test_an_answer_from_memory_is_not_limited(counted: Counter, aws: MiniStack) -> None:
    backend = aws_backend(counted.url, aws.user(READ), rate_limit="2/m")
    for _ in range(100):
        assert backend.get_variable("gone") is None
    assert backend.get_variable("away") is None
    assert len(counted.calls) == 2


def test_a_turn_past_the_deadline_is_an_error_at_once_and_no_call(
    counted: Counter, aws: MiniStack, caplog: pytest.LogCaptureFixture
) -> None:
    backend = aws_backend(counted.url, aws.user(READ), rate_limit="1/m", timeout="5s")
    assert backend.get_variable("first") is None
    with pytest.raises(ThrottledError, match="rate_limit") as caught:
        backend.get_variable("second")
    assert (caught.value.store, caught.value.code, caught.value.temporary) == ("aws_secrets_manager", None, True)
    assert len(counted.calls) == 1
    (warning,) = messages(caplog)
    assert "rate_limit" in warning


def test_a_turn_past_the_deadline_leaves_the_old_value(
    counted: Counter, aws: MiniStack, caplog: pytest.LogCaptureFixture
) -> None:
    aws.put_secrets({"airflow/variables/a": "old"})
    backend = aws_backend(counted.url, aws.user(READ), rate_limit="1/2m")
    assert backend.get_variable("a") == "old"
    backend.refresh("a")
    assert backend.get_variable("a") == "old"
    assert len(counted.calls) == 1
    (warning,) = messages(caplog)
    assert "rate_limit" in warning


def test_a_further_attempt_needs_a_turn_too(faults: Faults, aws: MiniStack) -> None:
    faults.error("ServiceUnavailable", 503)
    backend = aws_backend(faults.url, aws.user(READ), rate_limit="2/3m", max_attempts=5)
    with pytest.raises(UnreachableError):
        backend.get_variable("a")
    assert len(faults.asked.names()) == 2


def test_a_batch_is_one_call(counted: Counter, aws: MiniStack) -> None:
    ids = [f"c{number}" for number in range(41)]
    options: dict[str, Any] = {"prefetch": ids, "rate_limit": "3/4m"}
    backend = aws_backend(counted.url, aws.user(READ, anywhere("BatchGetSecretValue")), **options)
    assert backend.get_conn_value("c40") is None
    assert len(counted.calls) == 3
    with pytest.raises(ThrottledError):
        backend.get_conn_value("other")
    assert len(counted.calls) == 3


def test_an_outage_is_not_multiplied_by_retries(aws: MiniStack) -> None:
    with gate(aws.url) as door:
        door.inject(Capability.BAD_GATEWAY)
        backend = aws_backend(door.url, aws.user(READ), max_attempts=3)
        failed = []

        def read(number: int) -> None:
            for key in range(25):
                with pytest.raises(UnreachableError):
                    backend.get_variable(f"cold-{number}-{key}")
                failed.append(key)

        threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(failed) == 200
        assert door.requests == 200 + 100
