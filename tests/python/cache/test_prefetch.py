"""What a process reads in batches before its first lookup: which requests that takes, and which it saves."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest

import strongroom
from strongroom.exceptions import AccessDeniedError
from tests.conformance.canaries import canary, must_be_nowhere
from tests.python.backends import READ, anywhere, aws_backend, memory_backend, messages, records
from tests.servers.aws import Credentials, MiniStack, allow, deny
from tests.servers.counting import Counter
from tests.servers.faults import Faults

LIST, BATCH, SINGLE = "ListSecrets", "BatchGetSecretValue", "GetSecretValue"


def fill(aws: MiniStack, kind: str, *ids: str) -> None:
    """Stores the value ``value of <id>`` for each id."""
    aws.put_secrets({f"airflow/{kind}/{each}": f"value of {each}" for each in ids})


def reader(aws: MiniStack) -> Credentials:
    """A user with every permission that a prefetch needs."""
    return aws.user(READ, anywhere(BATCH, LIST))


def test_forty_one_ids_are_two_batches_and_one_read(counted: Counter, aws: MiniStack) -> None:
    ids = [f"c{number}" for number in range(41)]
    fill(aws, "connections", *ids)
    backend = aws_backend(counted.url, reader(aws), prefetch=ids)
    assert backend.get_conn_value("c7") == "value of c7"
    assert counted.operations() == [BATCH, BATCH, SINGLE]
    counted.clear()
    assert [backend.get_conn_value(each) for each in ids] == [f"value of {each}" for each in ids]
    assert counted.calls == []


def test_a_single_id_is_never_a_batch(counted: Counter, aws: MiniStack) -> None:
    fill(aws, "connections", "only")
    backend = aws_backend(counted.url, reader(aws), prefetch=["only", "only"])
    assert backend.get_conn_value("only") == "value of only"
    assert counted.operations() == [SINGLE]


def test_nothing_is_read_before_the_first_lookup_and_unlisted_ids_are_read_separately(
    counted: Counter, aws: MiniStack
) -> None:
    fill(aws, "connections", "a", "b", "other")
    backend = aws_backend(counted.url, reader(aws), prefetch=["a", "b"])
    assert counted.calls == []
    assert backend.get_conn_value("other") == "value of other"
    assert counted.operations() == [BATCH, SINGLE]
    assert counted.names() == ["airflow/connections/other"]


def test_absent_ids_are_cached_as_absent(counted: Counter, aws: MiniStack) -> None:
    fill(aws, "variables", "here", "there")
    backend = aws_backend(counted.url, reader(aws), prefetch={"variables": ["here", "gone", "there", "away"]})
    answers = [backend.get_variable(key) for key in ("gone", "away", "here", "there", "gone")]
    assert answers == [None, None, "value of here", "value of there", None]
    assert counted.operations() == [BATCH]


def test_a_pattern_is_a_listing_and_a_batch(counted: Counter, aws: MiniStack) -> None:
    fill(aws, "connections", "s3_a", "s3_b", "s3", "S3_C", "my_s3_d")
    backend = aws_backend(counted.url, reader(aws), prefetch=["s3_*"])
    assert [backend.get_conn_value(each) for each in ("s3_a", "s3_b")] == ["value of s3_a", "value of s3_b"]
    assert counted.operations() == [LIST, BATCH]
    assert backend.get_conn_value("my_s3_d") == "value of my_s3_d"
    assert counted.names() == ["airflow/connections/my_s3_d"]


def test_a_question_mark_is_one_character_and_an_id_counts_once(counted: Counter, aws: MiniStack) -> None:
    fill(aws, "variables", "f1", "f2", "f10")
    backend = aws_backend(counted.url, reader(aws), prefetch={"variables": ["f?", "f1", "f*1"]})
    assert [backend.get_variable(key) for key in ("f1", "f2", "f10")] == [f"value of f{each}" for each in (1, 2, 10)]
    assert counted.operations() == [LIST, LIST, BATCH, SINGLE]
    assert counted.names() == ["airflow/variables/f10"]


def test_more_than_a_hundred_names_come_in_pages(counted: Counter, aws: MiniStack) -> None:
    ids = [f"s3_{number:03}" for number in range(105)]
    fill(aws, "connections", *ids)
    backend = aws_backend(counted.url, reader(aws), prefetch=["s3_*"])
    assert [backend.get_conn_value(each) for each in ids] == [f"value of {each}" for each in ids]
    assert counted.operations() == [LIST] * 2 + [BATCH] * 6


def test_without_the_right_to_batches_each_is_read_alone(
    counted: Counter, aws: MiniStack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "strongroom")
    ids = [f"c{number}" for number in range(25)]
    fill(aws, "connections", *ids)
    backend = aws_backend(counted.url, aws.user(READ), prefetch=ids)
    assert [backend.get_conn_value(each) for each in ids] == [f"value of {each}" for each in ids]
    operations = counted.operations()
    assert (operations[0], operations[1:]) == (BATCH, [SINGLE] * 25)
    named = [text for text in messages(caplog, logging.DEBUG) if "secretsmanager:BatchGetSecretValue" in text]
    assert len(named) == 1
    assert messages(caplog) == []


def test_without_the_right_to_list_a_pattern_warns_once_and_the_rest_is_prefetched(
    counted: Counter, aws: MiniStack, caplog: pytest.LogCaptureFixture
) -> None:
    fill(aws, "connections", "s3_a", "s3_b", "x", "y")
    backend = aws_backend(counted.url, aws.user(READ, anywhere(BATCH)), prefetch=["s3_*", "x", "y"])
    assert [backend.get_conn_value(each) for each in ("s3_a", "s3_b")] == ["value of s3_a", "value of s3_b"]
    (warning,) = messages(caplog)
    assert "secretsmanager:ListSecrets" in warning
    assert counted.operations() == [LIST, BATCH, SINGLE, SINGLE]
    assert [backend.get_conn_value(each) for each in ("x", "y")] == ["value of x", "value of y"]
    assert len(counted.calls) == 4


def test_a_denied_secret_does_not_stop_the_others(
    counted: Counter, aws: MiniStack, caplog: pytest.LogCaptureFixture
) -> None:
    fill(aws, "connections", "a", "locked", "z")
    user = aws.user(READ, anywhere(BATCH), deny("secretsmanager:GetSecretValue", "airflow/connections/locked*"))
    backend = aws_backend(counted.url, user, prefetch=["a", "locked", "z"])
    assert [backend.get_conn_value(each) for each in ("a", "z")] == ["value of a", "value of z"]
    (warning,) = messages(caplog)
    assert "airflow/connections/locked" in warning
    assert counted.operations() == [BATCH]
    with pytest.raises(AccessDeniedError):
        backend.get_conn_value("locked")
    assert counted.names() == ["airflow/connections/locked"]


def test_a_throttled_batch_is_tried_again(faults: Faults, aws: MiniStack) -> None:
    fill(aws, "connections", "a", "b")
    faults.rule(operation=BATCH, error={"code": "ThrottlingException", "status": 400}, times=1)
    backend = aws_backend(faults.url, reader(aws), prefetch=["a", "b"])
    assert [backend.get_conn_value(each) for each in ("a", "b")] == ["value of a", "value of b"]
    assert faults.asked.operations() == [BATCH, BATCH]


def test_what_could_not_be_prefetched_is_read_when_it_is_looked_up(
    faults: Faults, aws: MiniStack, caplog: pytest.LogCaptureFixture
) -> None:
    fill(aws, "connections", "a", "b")
    faults.rule(operation=BATCH, error={"code": "ThrottlingException", "status": 400})
    backend = aws_backend(faults.url, reader(aws), prefetch=["a", "b"], max_attempts=1)
    assert [backend.get_conn_value(each) for each in ("a", "b")] == ["value of a", "value of b"]
    assert faults.asked.operations() == [BATCH, SINGLE, SINGLE]
    (warning,) = messages(caplog)
    assert "ThrottlingException" in warning


def test_secrets_read_before_the_deadline_stay(
    faults: Faults, aws: MiniStack, caplog: pytest.LogCaptureFixture
) -> None:
    ids = [f"c{number}" for number in range(20, 60)]
    fill(aws, "connections", *ids)
    faults.rule(operation=BATCH, body="contains(SecretIdList, 'airflow/connections/c50')", timeout_ms=30_000)
    backend = aws_backend(faults.url, reader(aws), prefetch=ids, timeout="4s")
    assert backend.get_conn_value("c20") == "value of c20"
    (warning,) = messages(caplog)
    assert "Not everything could be prefetched" in warning
    assert [backend.get_conn_value(each) for each in ids[:20]] == [f"value of {each}" for each in ids[:20]]
    assert faults.reached.operations() == [BATCH]
    assert backend.get_conn_value("c50") == "value of c50"
    assert faults.reached.operations() == [BATCH, SINGLE]


def test_after_a_broken_answer_to_a_batch_each_secret_is_read_alone(
    faults: Faults, aws: MiniStack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1, "strongroom")
    secret = canary()
    aws.put_secrets({f"airflow/variables/{key}": secret * 9 for key in "abc"})
    faults.rule(operation=BATCH, response={"truncate_frac": 0.5})
    backend = aws_backend(faults.url, reader(aws), prefetch={"variables": ["a", "b", "c"]})
    assert [backend.get_variable(key) for key in "abc"] == [secret * 9] * 3
    assert faults.asked.operations() == [BATCH, SINGLE, SINGLE, SINGLE]
    must_be_nowhere({"secret": secret}, [("the log", str(vars(record)).encode()) for record in records(caplog)])


def test_a_team_asks_for_its_own_name_first(counted: Counter, aws: MiniStack) -> None:
    fill(aws, "connections", "db", "mail", "blue--mail")
    backend = aws_backend(counted.url, reader(aws), prefetch=["db", "mail"])
    assert backend.get_conn_value("db", "blue") == "value of db"
    assert backend.get_conn_value("mail", "blue") == "value of blue--mail"
    assert counted.operations() == [BATCH, SINGLE, SINGLE]
    assert counted.names() == ["airflow/connections/blue--db", "airflow/connections/blue--mail"]


def test_a_kind_that_is_off_costs_nothing(counted: Counter, aws: MiniStack) -> None:
    fill(aws, "variables", "v")
    wanted = {"connections": ["a", "b", "s3_*"], "config": ["c*"], "variables": ["v"]}
    options: dict[str, Any] = {"connections_prefix": None, "config_prefix": None, "prefetch": wanted}
    backend = aws_backend(counted.url, reader(aws), **options)
    assert backend.get_conn_value("a") is None
    assert counted.calls == []
    assert backend.get_variable("v") == "value of v"
    assert counted.operations() == [SINGLE]


def test_an_id_that_is_skipped_starts_no_prefetch(counted: Counter, aws: MiniStack) -> None:
    backend = aws_backend(counted.url, reader(aws), prefetch=["a", "b"], connections_lookup_pattern="prod_")
    assert backend.get_conn_value("a") is None
    assert counted.calls == []


@pytest.mark.parametrize("wanted", [["db", "mail", "gone"], ["*"]])
def test_a_store_without_batches_reads_one_by_one(wanted: list[str]) -> None:
    backend = memory_backend(
        {"airflow/connections/db": "mysql://h", "airflow/connections/mail": "smtp://h", "airflow/variables/v": "x"},
        prefetch=wanted,
    )
    before = strongroom.stats()["memory"]
    assert [backend.get_conn_value(each) for each in ("db", "mail")] == ["mysql://h", "smtp://h"]
    after = strongroom.stats()["memory"]
    # Either three names, or the listing and the two names in it.
    assert (after["calls"] - before["calls"], after["hits"] - before["hits"]) == (3, 2)


@pytest.mark.parametrize("policy", ["good", "locked", "no batches", "no listing"])
def test_no_value_shows(aws: MiniStack, counted: Counter, caplog: pytest.LogCaptureFixture, policy: str) -> None:
    caplog.set_level(1, "strongroom")
    secret = canary()
    aws.put_secrets({f"airflow/variables/{key}": secret for key in ("a", "b", "locked")})
    statements: dict[str, Callable[[], Credentials]] = {
        "good": lambda: reader(aws),
        "locked": lambda: aws.user(
            allow("secretsmanager:GetSecretValue", "airflow/variables/a*"), anywhere(BATCH, LIST)
        ),
        "no batches": lambda: aws.user(READ),
        "no listing": lambda: aws.user(READ, anywhere(BATCH)),
    }
    backend = aws_backend(counted.url, statements[policy](), prefetch={"variables": ["*", "a", "b", "locked"]})
    places = [repr(backend), repr(backend._core)]
    for key in ("a", "b", "locked"):
        try:
            assert backend.get_variable(key) == secret
        except AccessDeniedError as error:
            places += [repr(error), str(vars(error)), *traceback.format_exception(error)]
    places += [str(vars(record)) for record in records(caplog)]
    assert len(places) > 2
    must_be_nowhere({"secret": secret}, [("a trace", place.encode()) for place in places])
