"""Common problems when a store is set up: for each, doctor has a finding with its cause and remedy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.command_line.shell import CLASSES, DONE, NO, USAGE, Run, Shell
from tests.servers.aws import REGION, Credentials, MiniStack, allow
from tests.stores.aws import READER

CANARY = "canary-d4870b"
NAME = "airflow/connections/db"
ROLE = "arn:aws:iam::000000000000:role/unknown"


def finding(run: Run, check: str) -> Mapping[str, Any]:
    """The finding of a check."""
    found: list[Mapping[str, Any]] = [each for each in run.json["findings"] if each["check"] == check]
    assert len(found) == 1, (check, run.out)
    return found[0]


@pytest.fixture
def filled(aws: MiniStack, shell: Shell) -> Shell:
    """One connection in the usual region."""
    shell.secrets.append(CANARY)
    aws.put_secrets({NAME: f"http://u:{CANARY}@h"})
    return shell


def test_access_denied(aws: MiniStack, filled: Shell) -> None:
    filled.aws_backend("aws", aws.url, aws.user())
    read = finding(filled.run("doctor", "--json"), "read")
    assert (read["severity"], "was denied" in read["evidence"]) == ("problem", True)
    assert "secretsmanager:GetSecretValue" in read["remedy"]


def test_the_wrong_region(aws: MiniStack, filled: Shell) -> None:
    filled.aws_backend("aws", aws.url, aws.user(*(elsewhere(each) for each in READER)))
    kwargs = json.loads(filled.variables["AIRFLOW__SECRETS__BACKEND_KWARGS"]) | {"region_name": "us-east-1"}
    filled.variables["AIRFLOW__SECRETS__BACKEND_KWARGS"] = json.dumps(kwargs)
    filled.variables["AWS_REGION"] = REGION
    found = filled.run("doctor", "--json")
    listed, region = finding(found, "list"), finding(found, "region")
    assert (listed["severity"], "us-east-1" in listed["evidence"]) == ("warning", True)
    assert (region["severity"], REGION in region["evidence"]) == ("warning", True)
    result = filled.run("explain", "connection", "db")
    assert (result.code, "in us-east-1" in result.out) == (NO, True)


def elsewhere(statement: Mapping[str, Any]) -> dict[str, Any]:
    """The same rights in every region."""
    resources = statement["Resource"]
    return {**statement, "Resource": "*" if resources == "*" else [each.replace(REGION, "*") for each in resources]}


def test_a_role_that_does_not_trust_this_identity(aws: MiniStack, filled: Shell) -> None:
    options = {"role_arn": ROLE, "service_config": {"sts": {"endpoint_url": aws.url}}}
    filled.aws_backend("aws", aws.url, aws.user(), **options)
    identity = [each for each in filled.run("doctor", "--json").json["findings"] if each["check"] == "identity"]
    problem = next(each for each in identity if each["severity"] == "problem")
    assert ROLE in problem["evidence"]
    assert "trust policy" in problem["remedy"]


@pytest.mark.parametrize("token", [None, CANARY])
def test_a_web_identity_without_a_token_or_with_one_that_is_refused(
    aws: MiniStack, filled: Shell, token: str | None
) -> None:
    file = filled.home / "token"
    if token:
        file.write_text(token)
    options: dict[str, Any] = {"service_config": {"sts": {"endpoint_url": aws.url}}}
    filled.backend("aws", region_name=REGION, endpoint_url=aws.url, max_attempts=1, **options)
    filled.variables |= {"AWS_WEB_IDENTITY_TOKEN_FILE": str(file), "AWS_ROLE_ARN": ROLE}
    found = filled.run("doctor", "--json")
    problems = [each for each in found.json["findings"] if each["severity"] == "problem"]
    assert (found.code, len(problems)) == (NO, 1), found.out
    assert "token" in problems[0]["evidence"] or ROLE in problems[0]["evidence"]
    assert problems[0]["remedy"]


def test_an_access_key_that_is_wrong(aws: MiniStack, filled: Shell) -> None:
    filled.aws_backend("aws", aws.url, Credentials(aws.user().access_key, CANARY))
    identity = [each for each in filled.run("doctor", "--json").json["findings"] if each["check"] == "identity"]
    assert [each["severity"] for each in identity] == ["ok", "problem"]
    assert identity[1]["remedy"]


def test_a_long_lived_access_key_is_reported_with_the_command_for_its_age(aws: MiniStack, filled: Shell) -> None:
    filled.aws_backend("aws", aws.url, aws.user(*READER))
    keys = finding(filled.run("doctor", "--offline", "--json"), "static_keys")
    assert (keys["severity"], "aws iam list-access-keys" in keys["remedy"]) == ("warning", True)


def test_the_age_of_a_long_lived_access_key(aws: MiniStack, filled: Shell) -> None:
    # IAM finds the user by the key that signs; the test server takes the one with that name.
    iam = aws.client("iam")
    iam.create_user(UserName="default")
    listing = {"Effect": "Allow", "Action": "iam:ListAccessKeys", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [*READER, listing]}
    iam.put_user_policy(UserName="default", PolicyName="tests", PolicyDocument=json.dumps(policy))
    made = iam.create_access_key(UserName="default")["AccessKey"]
    filled.aws_backend("aws", aws.url, Credentials(made["AccessKeyId"], made["SecretAccessKey"]))
    assert "key_age" not in filled.run("doctor").out
    filled.variables["AWS_ENDPOINT_URL_IAM"] = aws.url
    age = finding(filled.run("doctor", "--json"), "key_age")
    assert (age["severity"], age["evidence"]) == ("ok", "the access key is 0 days old")
    filled.aws_backend("ssm", aws.url, aws.user(*READER))
    denied = finding(filled.run("doctor", "--json"), "key_age")
    assert (denied["severity"], "iam:ListAccessKeys was denied" in denied["evidence"]) == ("note", True)
    filled.variables["AWS_ENDPOINT_URL_IAM"] = "http://127.0.0.1:9"
    assert "did not answer" in finding(filled.run("doctor", "--json"), "key_age")["evidence"]


def test_the_caller_is_named_with_its_account(aws: MiniStack, filled: Shell) -> None:
    filled.aws_backend("aws", aws.url, aws.user(*READER))
    assert '"check": "caller"' not in filled.run("doctor", "--json").out
    filled.variables["AWS_ENDPOINT_URL_STS"] = aws.url
    result = finding(filled.run("doctor", "--json"), "caller")
    assert result["severity"] == "ok"
    assert result["evidence"].startswith("AWS knows the caller as arn:aws:")
    assert " of account " in result["evidence"]
    filled.variables["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1:9"
    away = finding(filled.run("doctor", "--json"), "caller")
    assert (away["severity"], "it did not answer" in away["evidence"]) == ("note", True)


def test_a_permission_that_was_just_granted(aws: MiniStack, filled: Shell) -> None:
    user = aws.user()
    filled.aws_backend("aws", aws.url, user)
    assert filled.run("doctor").code == NO
    iam = aws.client("iam")
    name = iam.get_access_key_last_used(AccessKeyId=user.access_key)["UserName"]
    policy = {"Version": "2012-10-17", "Statement": [*READER]}
    iam.put_user_policy(UserName=name, PolicyName="given", PolicyDocument=json.dumps(policy))
    assert filled.run("doctor").code == DONE


@pytest.mark.parametrize("address", ["nonsense", "http://", "http://h:notaport"])
def test_an_invalid_address(aws: MiniStack, filled: Shell, address: str) -> None:
    filled.aws_backend("aws", address, aws.user())
    client = finding(filled.run("doctor", "--json"), "client")
    assert (client["severity"], "endpoint_url" in client["evidence"] + client["remedy"]) == ("problem", True)


def test_a_configuration_that_is_not_applied(aws: MiniStack, filled: Shell) -> None:
    (filled.home / "airflow.cfg").write_text(f"[secrets]\n# backend = {CLASSES['aws']}\n")
    found = filled.run("doctor", "--json")
    assert finding(found, "airflow_cfg")["severity"] == "ok"
    assert finding(found, "backend")["severity"] == "problem"
    filled.variables["AIRFLOW__SECRETS__BACKEND"] = CLASSES["aws"]
    filled.variables["AIRFLOW__SECRETS__BACKEND_KWARGS"] = f"{{'region_name': '{CANARY}'}}"
    filled.variables["AWS_DEFAULT_REGION"] = REGION
    kwargs = finding(filled.run("doctor", "--offline", "--json"), "kwargs")
    assert (kwargs["severity"], "double quotes" in kwargs["remedy"]) == ("problem", True)


def test_secrets_without_the_tag_that_they_should_have(aws: MiniStack, filled: Shell) -> None:
    tags = [{"Key": "AirbyteManaged", "Value": "true"}]
    aws.client("secretsmanager").create_secret(Name="airflow/variables/t", SecretString=CANARY, Tags=tags)
    filled.aws_backend("aws", aws.url, aws.user(*READER))
    untagged = finding(filled.run("doctor", "--tag", "AirbyteManaged=true", "--json"), "tags")
    assert untagged["severity"] == "warning"
    assert untagged["evidence"] == f"1 of 2 secrets lack the tag AirbyteManaged=true: `{NAME}`"
    aws.client("secretsmanager").tag_resource(SecretId=NAME, Tags=tags)
    assert finding(filled.run("doctor", "--tag", "AirbyteManaged=true", "--json"), "tags")["severity"] == "ok"
    assert "tags" not in filled.run("doctor").out
    filled.aws_backend("ssm", aws.url, aws.user(*READER))
    aws.put_parameters({"/airflow/variables/t": CANARY})
    assert finding(filled.run("doctor", "--tag", "a=b", "--json"), "tags")["severity"] == "note"
    assert filled.run("doctor", "--tag", CANARY).code == USAGE


def test_a_key_in_the_store_and_in_the_environment(aws: MiniStack, filled: Shell) -> None:
    filled.aws_backend("aws", aws.url, aws.user(*READER))
    filled.variables["AIRFLOW_CONN_DB"] = CANARY
    both = finding(filled.run("doctor", "--json"), "two_places")
    assert (both["severity"], "connection `db`" in both["evidence"]) == ("warning", True)


def test_a_permission_to_read_is_enough(aws: MiniStack, filled: Shell) -> None:
    filled.aws_backend("aws", aws.url, aws.user(allow("secretsmanager:GetSecretValue", "airflow/*")))
    found = filled.run("doctor", "--json")
    assert found.code == DONE
    assert {finding(found, check)["severity"] for check in ("list", "describe")} == {"note"}
