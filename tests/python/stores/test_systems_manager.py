"""AWS SSM Parameter Store against a server that checks signatures and policies."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from typing import Any

import pytest

import strongroom
from strongroom.aws import SystemsManagerParameterStoreBackend
from strongroom.exceptions import (
    AccessDeniedError,
    ConfigurationError,
    InvalidNameError,
    MalformedSecretError,
    StrongroomError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from tests.python.backends import READ_PARAMETERS, messages
from tests.python.backends import parameter_backend as backend
from tests.servers.aws import REGION, Credentials, MiniStack, deny_parameters
from tests.servers.aws_identity_stub import IdentityStub
from tests.servers.counting import Counter
from tests.servers.faults import Faults

CANARY = "canary-5d1b09c7"
LIST, BATCH, SINGLE = "DescribeParameters", "GetParameters", "GetParameter"
#: The test server supports these two for all resources only.
BATCHES = {"Effect": "Allow", "Action": f"ssm:{BATCH}", "Resource": "*"}
LISTS = {"Effect": "Allow", "Action": f"ssm:{LIST}", "Resource": "*"}
PATH = "/airflow/connections/"


def fill(aws: MiniStack, kind: str, *ids: str) -> None:
    """Stores the value ``value of <id>`` for each id."""
    aws.put_parameters({f"/airflow/{kind}/{each}": f"value of {each}" for each in ids})


def names(counted: Counter) -> list[str]:
    """The parameters that were requested one at a time, in order."""
    return counted.names("AmazonSSM.GetParameter")


@pytest.mark.parametrize("kind", ["String", "SecureString", "StringList"])
def test_connection_variable_and_config_are_read(aws: MiniStack, kind: str) -> None:
    values = {
        "/airflow/connections/uri": "postgres://u:p%40@h:5432/db",
        "/airflow/variables/hello": "w,örld",
        "/airflow/config/smtp": "  spaces kept \n",
    }
    aws.put_parameters(values, kind)
    reader = backend(aws.url, aws.user(READ_PARAMETERS))
    assert [reader.get_conn_value("uri"), reader.get_variable("hello"), reader.get_config("smtp")] == [*values.values()]
    assert [reader.get_conn_value("no"), reader.get_variable("no"), reader.get_config("no")] == [None] * 3


def test_json_is_returned_unchanged_unless_words_are_given(aws: MiniStack) -> None:
    text = '{"username": "u", "usr": "x", "engine": "mysql"}'
    aws.put_parameters({f"{PATH}c": text})
    user = aws.user(READ_PARAMETERS)
    assert backend(aws.url, user).get_conn_value("c") == text
    assert backend(aws.url, user, extra_conn_words=None).get_conn_value("c") == text
    for words, login in (({}, "u"), ('{"login": ["usr"]}', "u"), ({"user": ["usr"]}, "u")):
        value = json.loads(backend(aws.url, user, extra_conn_words=words).get_conn_value("c") or "")
        assert (value["login"], value["conn_type"], value["port"]) == (login, "mysql", None)
    aws.put_parameters({f"{PATH}d": '{"usr": "x"}'})
    value = backend(aws.url, user, extra_conn_words={"login": ["usr"]}).get_conn_value("d")
    assert json.loads(value or "")["login"] == "x"
    value = backend(aws.url, user, extra_conn_words={"login": "usr"}).get_conn_value("d")
    assert json.loads(value or "")["login"] == "x"
    wrong = backend(aws.url, user, extra_conn_words={"login": 5})
    with pytest.raises(ConfigurationError, match="extra_conn_words"):
        wrong.get_conn_value("d")


def test_sep_is_unknown(aws: MiniStack, caplog: pytest.LogCaptureFixture) -> None:
    fill(aws, "variables", "hello")
    reader = backend(aws.url, aws.user(READ_PARAMETERS), sep="-", variable_prefix="x")
    assert reader.get_variable("hello") == "value of hello"
    logged = " ".join(messages(caplog))
    assert "`sep`" in logged
    assert "Did you mean `variables_prefix`?" in logged
    with pytest.raises(ConfigurationError, match="`sep`"):
        SystemsManagerParameterStoreBackend(sep="/", strict=True)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("options", "team", "asked"),
    [
        ({}, None, ["/airflow/connections/c1"]),
        ({}, "T", ["/airflow/connections/T--c1", "/airflow/connections/c1"]),
        ({"connections_prefix": "airflow/connections"}, None, ["/airflow/connections/c1"]),
        ({"connections_prefix": "a//"}, "T", ["/a/T--c1", "/a/c1"]),
        ({"connections_prefix": ""}, "T", ["/T--c1", "/c1"]),
        ({"connections_prefix": "/"}, None, ["/c1"]),
        ({"connections_prefix": None}, "T", []),
        ({"connections_lookup_pattern": "d"}, None, []),
    ],
)
def test_names_are_those_of_the_official_class(
    counted: Counter, aws: MiniStack, options: dict[str, Any], team: str | None, asked: list[str]
) -> None:
    user = aws.user({"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"})
    assert backend(counted.url, user, **options).get_conn_value("c1", team) is None
    assert names(counted) == asked


def test_a_version_or_a_label_may_follow_the_id(counted: Counter, aws: MiniStack) -> None:
    for value in ("first", "second"):
        aws.put_parameters({"/airflow/variables/v": value})
    aws.client("ssm").label_parameter_version(Name="/airflow/variables/v", ParameterVersion=1, Labels=["blue"])
    reader = backend(counted.url, aws.user(READ_PARAMETERS))
    found = [reader.get_variable(key) for key in ("v", "v:1", "v:2", "v:blue", "absent:1")]
    assert found == ["second", "first", "second", "first", None]
    assert names(counted)[1:3] == ["/airflow/variables/v:1", "/airflow/variables/v:2"]
    with pytest.raises(InvalidNameError, match="no version or label `red`") as caught:
        reader.get_variable("v:red")
    assert caught.value.code == "ParameterVersionNotFound"


def test_calls_are_exact(counted: Counter, aws: MiniStack) -> None:
    fill(aws, "variables", "hello")
    user = aws.user(READ_PARAMETERS)
    for _ in range(100):
        # A new backend for every lookup, as Airflow does.
        assert backend(counted.url, user).get_variable("hello") == "value of hello"
        assert backend(counted.url, user).get_variable("missing") is None
    assert names(counted) == ["/airflow/variables/hello", "/airflow/variables/missing"]
    assert counted.connections == 1


def test_a_denied_parameter_raises_and_names_the_missing_permission(
    aws: MiniStack, caplog: pytest.LogCaptureFixture
) -> None:
    aws.put_parameters({"/airflow/variables/hello": CANARY, "/airflow/variables/other": CANARY})
    reader = backend(aws.url, aws.user(READ_PARAMETERS, deny_parameters("ssm:GetParameter", "airflow/variables/other")))
    assert reader.get_variable("hello") == CANARY
    with pytest.raises(AccessDeniedError, match="ssm:GetParameter") as caught:
        reader.get_variable("other")
    assert (caught.value.store, caught.value.code) == ("aws_systems_manager", "AccessDeniedException")
    assert f"`arn:aws:ssm:{REGION}:*:parameter/airflow/variables/other`" in (caught.value.hint or "")
    assert "kms:Decrypt" in (caught.value.hint or "")
    (warning,) = messages(caplog)
    assert "/airflow/variables/other" in warning
    assert CANARY not in " ".join(messages(caplog, logging.DEBUG))


def test_an_outcome_belongs_to_its_region(aws: MiniStack) -> None:
    aws.put_parameters({"/airflow/variables/hello": "there"}, region="us-east-2")
    user = aws.user({"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"})
    assert backend(aws.url, user).get_variable("hello") is None
    assert backend(aws.url, user, region_name="us-east-2").get_variable("hello") == "there"


def test_the_endpoint_from_the_environment(aws: MiniStack, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(aws, "variables", "hello")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", aws.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    reader = SystemsManagerParameterStoreBackend(region_name=REGION, **aws.user(READ_PARAMETERS).options())
    assert reader.get_variable("hello") == "value of hello"


def test_the_session_of_a_role_is_named_as_with_the_official_class() -> None:
    with IdentityStub() as stub:
        sts = {"service_config": {"sts": {"endpoint_url": stub.url}}, "role_arn": "arn:aws:iam::000000000000:role/r"}
        with contextlib.suppress(StrongroomError):
            backend(stub.url, Credentials("AKIAX", "x"), **sts).get_variable("hello")
        name = stub.last("AssumeRole").form["RoleSessionName"]
    assert name == "airflow_systemsmanagerparameterstorebackend__connection"


def fail(faults: Faults, code: str, status: int = 400, operation: str = SINGLE, **more: Any) -> None:
    """Makes an operation of the Parameter Store fail."""
    faults.rule(service="ssm", operation=operation, error={"code": code, "status": status}, **more)


@pytest.mark.parametrize(
    ("code", "status", "outcome", "tries"),
    [
        ("ParameterNotFound", 400, None, 1),
        ("ParameterVersionNotFound", 400, InvalidNameError, 1),
        ("InvalidKeyId", 400, AccessDeniedError, 1),
        ("AccessDeniedException", 400, AccessDeniedError, 1),
        ("ValidationException", 400, InvalidNameError, 1),
        ("ResourceNotFoundException", 400, MalformedSecretError, 1),
        ("UnrecognizedClientException", 400, UnauthenticatedError, 1),
        ("ExpiredTokenException", 400, UnauthenticatedError, 1),
        ("ThrottlingException", 400, ThrottledError, 2),
        ("InternalServerError", 500, UnreachableError, 3),
        ("ServiceUnavailable", 503, UnreachableError, 3),
    ],
)
def test_every_error_has_its_outcome(
    faults: Faults, aws: MiniStack, code: str, status: int, outcome: type[StrongroomError] | None, tries: int
) -> None:
    fill(aws, "variables", "hello")
    fail(faults, code, status)
    attempts = 2 if outcome is ThrottledError else 3
    reader = backend(faults.url, aws.user(READ_PARAMETERS), max_attempts=attempts)
    if outcome is None:
        assert reader.get_variable("hello") is None
    else:
        with pytest.raises(outcome) as caught:
            reader.get_variable("hello")
        assert caught.value.hint
    assert len(names(faults.asked)) == tries
    # An error is never remembered as absence.
    faults.clear()
    assert reader.get_variable("hello") == (None if outcome is None else "value of hello")


def test_a_throttled_call_starts_the_limit_of_the_default_quota(faults: Faults, aws: MiniStack) -> None:
    """From then on at most 40 calls start in a second; a rate that the user sets takes precedence over that."""
    fill(aws, "variables", "hello")
    user = aws.user(READ_PARAMETERS)
    reader = backend(faults.url, user, cache_ttl=0)
    fail(faults, "ThrottlingException", times=1)
    assert reader.get_variable("hello") == "value of hello"
    faults.clear()
    waits = strongroom.stats()["aws_systems_manager"]["waits"]
    start = time.monotonic()
    for _ in range(60):
        reader.get_variable("hello")
    came = [call.came for call in faults.asked.calls]
    assert strongroom.stats()["aws_systems_manager"]["waits"] > waits
    assert all(later - earlier > 0.9 for earlier, later in zip(came, came[41:], strict=False))
    assert time.monotonic() - start > 0.9


@pytest.fixture
def many(aws: MiniStack) -> Credentials:
    """A user with every permission that a prefetch needs."""
    return aws.user(READ_PARAMETERS, BATCHES, LISTS)


def test_ten_ids_are_one_request(counted: Counter, aws: MiniStack, many: Credentials) -> None:
    ids = [f"c{number}" for number in range(21)]
    fill(aws, "connections", *ids)
    reader = backend(counted.url, many, prefetch=ids)
    assert [reader.get_conn_value(each) for each in ids] == [f"value of {each}" for each in ids]
    assert counted.operations() == [BATCH, BATCH, SINGLE]


def test_a_batch_finds_absent_names_and_leaves_versions_to_single_reads(
    counted: Counter, aws: MiniStack, many: Credentials
) -> None:
    fill(aws, "variables", "here", "there")
    wanted = ["here", "gone", "there", "here:1", "here:9", "odd name"]
    reader = backend(counted.url, many, prefetch={"variables": wanted}, on_error="raise")
    assert [reader.get_variable(key) for key in ("here", "gone", "here:1", "odd name")] == [
        "value of here",
        None,
        "value of here",
        None,
    ]
    assert counted.operations() == [BATCH, SINGLE, SINGLE, SINGLE]
    with pytest.raises(InvalidNameError):
        reader.get_variable("here:9")


def test_a_pattern_is_a_listing_and_a_batch(counted: Counter, aws: MiniStack, many: Credentials) -> None:
    ids = [f"s3_{number:03}" for number in range(55)]
    fill(aws, "connections", *ids, "s3", "S3_x", "my_s3_d")
    reader = backend(counted.url, many, prefetch=["s3_*"])
    assert [reader.get_conn_value(each) for each in ids] == [f"value of {each}" for each in ids]
    assert counted.operations() == [LIST] * 2 + [BATCH] * 6
    assert names(counted) == []


def test_without_the_right_to_batches_each_is_read_alone(
    counted: Counter, aws: MiniStack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "strongroom")
    ids = [f"c{number}" for number in range(25)]
    fill(aws, "connections", *ids)
    reader = backend(counted.url, aws.user(READ_PARAMETERS), prefetch=ids)
    assert [reader.get_conn_value(each) for each in ids] == [f"value of {each}" for each in ids]
    # The first denied batch may be caused by one of its names; the second one switches batches off.
    assert counted.operations() == [BATCH, *[SINGLE] * 10, BATCH, *[SINGLE] * 15]
    assert len([text for text in messages(caplog, logging.DEBUG) if "ssm:GetParameters" in text]) == 1
    assert messages(caplog) == []


def test_a_parameter_that_may_not_be_read_does_not_end_batches(faults: Faults, aws: MiniStack) -> None:
    """AWS denies a whole batch because of one name; the test server does not, so an injected fault does."""
    fill(aws, "connections", "a", "locked", *(f"z{number}" for number in range(10)))
    user = aws.user(READ_PARAMETERS, BATCHES, deny_parameters("ssm:GetParameter", "airflow/connections/locked"))
    fail(faults, "AccessDeniedException", operation=BATCH, times=1)
    ids = ["a", "locked", *(f"z{number}" for number in range(10))]
    reader = backend(faults.url, user, prefetch=ids)
    assert reader.get_conn_value("a") == "value of a"
    operations = faults.asked.operations()
    assert (operations[0], operations[-1]) == (BATCH, BATCH)
    with pytest.raises(AccessDeniedError):
        reader.get_conn_value("locked")


def test_without_the_right_to_list_a_warning_names_it(
    counted: Counter, aws: MiniStack, caplog: pytest.LogCaptureFixture
) -> None:
    fill(aws, "connections", "s3_a")
    reader = backend(counted.url, aws.user(READ_PARAMETERS, BATCHES), prefetch=["s3_*"])
    assert reader.get_conn_value("s3_a") == "value of s3_a"
    (warning,) = messages(caplog)
    assert "ssm:DescribeParameters" in warning


@pytest.fixture
def teams(aws: MiniStack, monkeypatch: pytest.MonkeyPatch) -> SystemsManagerParameterStoreBackend:
    """A backend with parameters of two teams, where the name of one is the beginning of the other's."""
    aws.put_parameters(
        {
            f"{PATH}my--db": "of my",
            f"{PATH}my--team--db": "of my--team",
            f"{PATH}your--secret": "of your",
            f"{PATH}db": "shared",
            f"{PATH}only-shared": "shared",
        }
    )
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    return backend(aws.url, aws.user(READ_PARAMETERS))


def test_a_team_has_its_own_then_the_shared_and_never_anothers(teams: SystemsManagerParameterStoreBackend) -> None:
    assert [teams.get_conn_value("db", team) for team in ("my", "my--team", None)] == ["of my", "of my--team", "shared"]
    assert teams.get_conn_value("only-shared", "my") == "shared"
    assert teams.get_conn_value("secret", "my") is None
    assert teams.get_conn_value("secret") is None
