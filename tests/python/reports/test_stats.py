"""What ``strongroom.stats()`` counts: exact numbers, by process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import strongroom
from strongroom.exceptions import AccessDeniedError, ThrottledError
from tests.python.backends import READ, anywhere, aws_backend, memory_backend
from tests.python.scripts import run
from tests.servers.aws import MiniStack
from tests.servers.faults import Faults

Counts = dict[str, int]


def counts(store: str = "aws_secrets_manager") -> Counts:
    """The plain counters."""
    return {name: count for name, count in strongroom.stats()[store].items() if isinstance(count, int)}


def counted(work: Callable[[], Any], store: str = "aws_secrets_manager") -> Counts:
    """What ``work`` adds to them, without the counters that stay the same."""
    before = counts(store)
    work()
    return {name: count - before[name] for name, count in counts(store).items() if count != before[name]}


def test_hits_loads_and_absent_names(faults: Faults, aws: MiniStack) -> None:
    aws.put_secrets({"airflow/variables/a": "x"})
    backend = aws_backend(faults.url, aws.user(READ))
    assert counted(lambda: backend.get_variable("a")) == {"calls": 1, "loads": 1}
    assert counted(lambda: [backend.get_variable("a") for _ in range(7)]) == {"hits": 7}
    assert counted(lambda: backend.get_variable("gone")) == {"calls": 1, "loads": 1}
    assert counted(lambda: [backend.get_variable("gone") for _ in range(5)]) == {"negative": 5}
    # The name of the team is a separate question; then the whole answer is cached.
    assert counted(lambda: backend.get_variable("a", "blue")) == {"calls": 1, "loads": 1, "hits": 1}
    assert counted(lambda: backend.get_variable("a", "blue")) == {"hits": 1}


def test_retries_throttles_errors_and_old_values(faults: Faults, aws: MiniStack) -> None:
    aws.put_secrets({"airflow/variables/a": "x", "airflow/variables/b": "x"})
    backend = aws_backend(faults.url, aws.user(READ), max_attempts=2)
    faults.error("ThrottlingException", times=1)
    once = counted(lambda: backend.get_variable("a"))
    assert once == {"calls": 2, "retries": 1, "throttles": 1, "loads": 1}
    faults.error("InternalServiceError", 500, times=1)
    assert counted(lambda: backend.get_variable("b")) == {"calls": 2, "retries": 1, "loads": 1}

    faults.error("AccessDeniedException", times=1)

    def denied() -> None:
        with pytest.raises(AccessDeniedError):
            backend.get_variable("c")

    assert counted(denied) == {"calls": 1, "errors": 1}
    faults.error("ServiceUnavailable", 503)
    backend.refresh()
    assert counted(lambda: backend.get_variable("a")) == {"calls": 2, "retries": 1, "stale": 1}


def test_calls_that_wait_for_their_turn(faults: Faults, aws: MiniStack) -> None:
    backend = aws_backend(faults.url, aws.user(READ), rate_limit="1/500ms", timeout="20s")
    assert counted(lambda: [backend.get_variable(key) for key in "abc"]) == {"calls": 3, "loads": 3, "waits": 2}


def test_a_call_past_the_deadline_is_an_error_and_not_counted_as_a_call(faults: Faults, aws: MiniStack) -> None:
    backend = aws_backend(faults.url, aws.user(READ), rate_limit="1/5m")
    backend.get_variable("a")

    def refused() -> None:
        with pytest.raises(ThrottledError):
            backend.get_variable("b")

    assert counted(refused) == {"errors": 1}


def test_a_batch_is_one_call_and_its_secrets_are_hits(faults: Faults, aws: MiniStack) -> None:
    aws.put_secrets({f"airflow/variables/{key}": "x" for key in "abc"})
    wanted = {"variables": ["a", "b", "c", "gone"]}
    backend = aws_backend(faults.url, aws.user(READ, anywhere("BatchGetSecretValue")), prefetch=wanted)
    expected = {"calls": 1, "hits": 3, "negative": 1}
    assert counted(lambda: [backend.get_variable(key) for key in ("a", "b", "c", "gone")]) == expected


def test_a_bundle_counts_as_one_secret(faults: Faults, aws: MiniStack) -> None:
    aws.put_secrets({"airflow/all": '{"a": 1, "b": 2}'})
    backend = aws_backend(faults.url, aws.user(READ), bundle={"variables": "airflow/all"})
    assert counted(lambda: [backend.get_variable(key) for key in "ab"]) == {"calls": 1, "loads": 1, "hits": 1}
    # An id that is not in the bundle: the bundle comes from memory, and the id is read from the store.
    assert counted(lambda: backend.get_variable("c")) == {"calls": 1, "loads": 1, "hits": 1}


def test_each_store_counts_for_itself() -> None:
    before = counts()
    backend = memory_backend({"airflow/variables/a": "x"})
    assert counted(lambda: [backend.get_variable("a") for _ in range(3)], "memory") == {
        "calls": 1,
        "loads": 1,
        "hits": 2,
    }
    assert counts() == before


def test_the_histogram_holds_every_call() -> None:
    backend = memory_backend({})
    before = strongroom.stats()["memory"]["latency"]
    for key in "abc":
        backend.get_variable(key)
    after = strongroom.stats()["memory"]["latency"]
    assert sum(after["counts"]) - sum(before["counts"]) == 3
    assert len(after["counts"]) == len(after["bounds"]) + 1
    assert after["bounds"] == sorted(after["bounds"])
    assert sum(after["counts"]) == strongroom.stats()["memory"]["calls"]
    assert after["sum"] >= before["sum"]


def test_a_child_starts_at_zero_and_leaves_its_parent_alone(open_aws: MiniStack) -> None:
    open_aws.put_secrets({"airflow/variables/hello": "world"})
    body = """
        import strongroom

        def stats():
            counted = strongroom.stats()["aws_secrets_manager"]
            latency = counted.pop("latency")
            assert sum(latency["counts"]) == counted["calls"]
            return {name: count for name, count in counted.items() if count}

        reader = backend(sys.argv[1])
        assert stats() == {}
        for _ in range(4):
            assert reader.get_variable("hello") == "world"
        parents = {"calls": 1, "loads": 1, "hits": 3}
        assert stats() == parents, stats()

        def idle():
            assert stats() == {}, stats()

        def work():
            for _ in range(2):
                assert reader.get_variable("hello") == "world"
            assert stats() == {"calls": 1, "loads": 1, "hits": 1}, stats()
            assert ended(child(idle)) == 0
            assert stats() == {"calls": 1, "loads": 1, "hits": 1}, stats()

        for _ in range(3):
            assert ended(child(work)) == 0
            assert ended(child(idle)) == 0
        assert stats() == parents, stats()
    """
    run(body, open_aws.url)
