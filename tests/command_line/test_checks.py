"""lint, uri, doctor, policy, bench."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.command_line.shell import CONFIGURATION, DONE, NO, STORE, USAGE, Shell
from tests.command_line.store_shell import STORES
from tests.servers.aws import REGION, Credentials, MiniStack, allow
from tests.servers.counting import Counter

CANARY = "canary-94ac5e"
BROKEN = {
    "malformed": f"{{{CANARY}",
    "typeless": f"my_type://u:{CANARY}@h",
    "list": f'{{"conn_type": "http", "host": ["{CANARY}"]}}',
    "extra": f'{{"conn_type": "http", "extra": "{CANARY}"}}',
    "odd@name": f"http://u:{CANARY}@h",
}


def checks(run: Any) -> dict[str, str]:
    """The findings of a command: check to severity, or id to check."""
    return {each.get("id") or each["check"]: each.get("severity") or each["check"] for each in run.json["findings"]}


def test_lint_finds_what_airflow_cannot_use_and_reads_each_once(aws: MiniStack, counted: Counter, shell: Shell) -> None:
    shell.secrets.append(CANARY)
    aws.put_secrets({f"airflow/connections/{name}": value for name, value in BROKEN.items()})
    aws.put_secrets({"airflow/connections/good": f"http://u:{CANARY}@h", "airflow/variables/v": f"{{{CANARY}"})
    listing = {"Effect": "Allow", "Action": "secretsmanager:ListSecrets", "Resource": "*"}
    shell.aws_backend("aws", counted.url, aws.user(allow("secretsmanager:GetSecretValue", "airflow/*"), listing))
    found = shell.run("lint", "--json")
    assert (found.code, found.json["connections"]) == (NO, 6)
    expected = {"malformed": "malformed", "typeless": "no_conn_type", "list": "unusable", "extra": "malformed"}
    assert checks(found) == expected | {"odd@name": "illegal_name"}
    # This identity may not read several at once, which takes one request to find out.
    assert counted.operations() == ["ListSecrets", "BatchGetSecretValue"] + ["GetSecretValue"] * 6
    assert "6 connections read, 5 findings" in shell.run("lint").out


def test_lint_of_valid_connections_succeeds(shell: Shell) -> None:
    shell.backend("memory", secrets={"airflow/connections/a": "http://h", "airflow/variables/b": "{"})
    assert shell.run("lint").code == DONE


def test_uris_come_from_standard_input_only(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    parsed = shell.run("uri", "parse", "--json", stdin=f"postgres://u:{CANARY}@h:5432/db\n")
    assert (parsed.code, parsed.json["fields"]["schema"]) == (DONE, "db")
    assert shell.run("uri", "parse", f"postgres://u:p@{REGION}").code == USAGE
    fields = {"conn_type": "postgres", "login": "u", "password": "p@/", "host": "h", "extra": {"a": "b"}}
    built = shell.run("uri", "build", stdin=json.dumps(fields))
    assert built.out == "postgres://u:p%40%2F@h/?a=b\n"
    assert shell.run("uri", "parse", stdin=f"{{{CANARY}").code == STORE


def test_a_correct_set_up_has_no_problem(aws: MiniStack, counted: Counter, shell: Shell) -> None:
    aws.put_secrets({"airflow/variables/v": CANARY})
    shell.secrets.append(CANARY)
    actions = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
    listing = {"Effect": "Allow", "Action": "secretsmanager:ListSecrets", "Resource": "*"}
    shell.aws_backend("aws", counted.url, aws.user(allow(actions, "airflow/*"), listing))
    found = shell.run("doctor", "--json")
    assert found.code == DONE
    result = checks(found)
    assert [result[check] for check in ("backend", "identity", "read", "list", "describe")] == ["ok"] * 5
    assert (result["static_keys"], result.get("plain_http")) == ("warning", None)
    assert result["clock"] == "ok"
    assert counted.operations() == [*["GetSecretValue"] * 3, *["ListSecrets"] * 3, "DescribeSecret", ""]
    assert shell.run("doctor", "--strict").code == NO
    counted.clear()
    shell.run("doctor", "--offline")
    assert counted.operations() == []


def test_problems_are_distinguished(aws: MiniStack, shell: Shell) -> None:
    shell.aws_backend("aws", aws.url, aws.user())
    denied = checks(shell.run("doctor", "--json"))
    assert (denied["read"], denied["list"], denied["describe"]) == ("problem", "note", "note")
    user = aws.user()
    shell.aws_backend("aws", aws.url, Credentials(user.access_key, CANARY))
    assert checks(shell.run("doctor", "--json"))["identity"] == "problem"
    shell.aws_backend("aws", "http://127.0.0.1:9", aws.user(), max_attempts=1)
    assert checks(shell.run("doctor", "--json"))["reach"] == "problem"
    shell.aws_backend(
        "aws",
        aws.url,
        aws.user(),
        role_arn="arn:aws:iam::000000000000:role/unknown",
        service_config={"sts": {"endpoint_url": aws.url}},
    )
    assert checks(shell.run("doctor", "--json"))["identity"] == "problem"


def test_an_empty_region_and_keys_in_two_places_are_warnings(aws: MiniStack, shell: Shell) -> None:
    listing = {"Effect": "Allow", "Action": "secretsmanager:ListSecrets", "Resource": "*"}
    shell.aws_backend("aws", aws.url, aws.user(allow("secretsmanager:GetSecretValue", "airflow/*"), listing))
    assert checks(shell.run("doctor", "--json"))["list"] == "warning"
    shell.secrets.append(CANARY)
    shell.backend("memory", secrets={"airflow/connections/db": CANARY})
    shell.variables["AIRFLOW_CONN_DB"] = CANARY
    found = shell.run("doctor", "--json")
    assert checks(found)["two_places"] == "warning"


def policy(shell: Shell, *arguments: str) -> list[dict[str, Any]]:
    """The printed statements."""
    printed = shell.run("policy", *arguments, "--json")
    assert printed.code == DONE, printed.err
    statements: list[dict[str, Any]] = printed.json["Statement"]
    return statements


def allowed(call: Any, **arguments: Any) -> bool:
    """Whether the server allows a call."""
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"):
            return False
        raise
    return True


def test_with_the_printed_policy_secrets_manager_is_read_and_nothing_else(aws: MiniStack, shell: Shell) -> None:
    aws.put_secrets({"mine/connections/c": "http://h", "other/c": "x"})
    shell.backend("aws", connections_prefix="mine/connections", variables_prefix="mine/variables", config_prefix=None)
    user = aws.user(*policy(shell, "aws", "--region", REGION))
    options = {"connections_prefix": "mine/connections", "variables_prefix": "mine/variables", "config_prefix": None}
    shell.aws_backend("aws", aws.url, user, **options)
    for command in (["get", "connection", "c"], ["list"], ["describe", "connection", "c"], ["lint"], ["doctor"]):
        assert shell.run(*command).code == DONE, command
    client = aws.client("secretsmanager", user)
    assert not allowed(client.get_secret_value, SecretId="other/c")
    assert not allowed(client.put_secret_value, SecretId="mine/connections/c", SecretString="y")
    assert not allowed(client.delete_secret, SecretId="mine/connections/c")
    assert not allowed(client.create_secret, Name="mine/connections/d", SecretString="y")


def test_with_the_printed_policy_the_parameter_store_is_read_and_nothing_else(aws: MiniStack, shell: Shell) -> None:
    aws.put_parameters({"/airflow/connections/c": "http://h", "/other/c": "x"})
    user = aws.user(*policy(shell, "ssm", "--region", REGION))
    shell.aws_backend("ssm", aws.url, user)
    for command in (["get", "connection", "c"], ["list"], ["describe", "connection", "c"], ["lint"], ["doctor"]):
        assert shell.run(*command).code == DONE, command
    client = aws.client("ssm", user)
    assert not allowed(client.get_parameter, Name="/other/c")
    assert not allowed(client.put_parameter, Name="/airflow/connections/c", Value="y", Type="String", Overwrite=True)
    assert not allowed(client.delete_parameter, Name="/airflow/connections/c")


def test_managing_is_allowed_only_below_the_prefix(aws: MiniStack, shell: Shell) -> None:
    user = aws.user(*policy(shell, "aws", "--mode", "manage", "--prefix", "mine/", "--region", REGION))
    client = aws.client("secretsmanager", user)
    assert allowed(client.create_secret, Name="mine/a", SecretString="x")
    assert allowed(client.put_secret_value, SecretId="mine/a", SecretString="y")
    assert allowed(client.delete_secret, SecretId="mine/a")
    assert not allowed(client.create_secret, Name="other/a", SecretString="x")


def test_with_a_tag_only_secrets_with_it_are_read_and_changed(aws: MiniStack, shell: Shell) -> None:
    tags = [{"Key": "AirbyteManaged", "Value": "true"}]
    root = aws.client("secretsmanager")
    root.create_secret(Name="airflow/connections/tagged", SecretString="http://h", Tags=tags)
    root.create_secret(Name="airflow/connections/bare", SecretString="http://h")
    user = aws.user(*policy(shell, "aws", "--mode", "manage", "--tag", "AirbyteManaged=true", "--region", REGION))
    shell.aws_backend("aws", aws.url, user)
    assert shell.run("get", "connection", "tagged").code == DONE
    assert shell.run("get", "connection", "bare").code == STORE
    client = aws.client("secretsmanager", user)
    assert allowed(client.put_secret_value, SecretId="airflow/connections/tagged", SecretString="x")
    assert not allowed(client.put_secret_value, SecretId="airflow/connections/bare", SecretString="x")
    assert allowed(client.create_secret, Name="airflow/connections/new", SecretString="x", Tags=tags)
    assert not allowed(client.create_secret, Name="airflow/connections/other", SecretString="x")


@pytest.mark.parametrize("store", [store.policy for store in STORES.values() if store.policy])
@pytest.mark.parametrize("mode", ["read", "manage"])
def test_every_store_has_a_document(shell: Shell, store: str, mode: str) -> None:
    of_aws = ["--tag", "AirbyteManaged=true", "--key", "1234"]
    of_store = of_aws if store in ("aws", "ssm") else []
    printed = shell.run("policy", store, "--mode", mode, *of_store)
    assert (printed.code, "ForAllValues" in printed.out) == (DONE, False)
    if store not in ("vault", "kubernetes", "onepassword", "conjur", "jdbc"):
        json.loads(printed.out)


def test_bench_counts_calls_and_reports_the_quota(aws: MiniStack, counted: Counter, shell: Shell) -> None:
    aws.put_secrets({"airflow/connections/c": CANARY})
    shell.secrets.append(CANARY)
    user = aws.user(allow("secretsmanager:GetSecretValue", "airflow/*"))
    shell.aws_backend("aws", counted.url, user, rate_limit="1000/s")
    measured = shell.run("bench", "connection", "c", "--count", "5", "--json")
    assert (measured.code, measured.json["calls"], measured.json["lookups"]) == (DONE, 5, 5)
    assert measured.json["quota_lookups_per_second"] == 1000.0
    assert counted.operations() == ["GetSecretValue"] * 5
    assert "from memory" in shell.run("bench", "connection", "c", "--count", "1").out


@pytest.mark.parametrize("store", ["gcp", "azure", "vault"])
def test_a_document_that_would_allow_more_than_asked_is_not_printed(shell: Shell, store: str) -> None:
    refused = shell.run("policy", store, "--tag", "team=data")
    assert (refused.code, refused.out) == (CONFIGURATION, "")
    assert "`--tag` and `--key` are for the stores of AWS alone" in refused.err
    alias = shell.run("policy", "aws", "--key", "alias/mine")
    assert (alias.code, "not by an alias" in alias.err) == (CONFIGURATION, True)


@pytest.mark.parametrize("store", ["aws", "ssm"])
@pytest.mark.parametrize("prefix", ["air*", "a?rflow", "${aws:username}"])
def test_a_prefix_with_a_pattern_is_refused(shell: Shell, store: str, prefix: str) -> None:
    given = shell.run("policy", store, "--prefix", prefix)
    shell.backend(store, region_name="eu-west-1", variables_prefix=prefix)
    configured = shell.run("policy", store)
    for refused in (given, configured):
        assert (refused.code, refused.out) == (CONFIGURATION, "")
        assert "takes for a pattern" in refused.err
    assert shell.run("policy", store, "--prefix", "airflow_/+=.@-").code == DONE


def test_the_policy_of_vault_names_the_mount_once_and_every_path(shell: Shell) -> None:
    assert 'path "secret/data/connections/*"' in shell.run("policy", "vault").out
    shell.backend(
        "strongroom.hashicorp.VaultBackend",
        url="http://127.0.0.1:1",
        token=CANARY,
        mount_point="kv/team",
        kv_engine_version=1,
        connections_path=["first", "second"],
        variables_path=None,
        config_path=None,
        bundle={"connections": "kv/team/all"},
    )
    shell.secrets.append(CANARY)
    printed = shell.run("policy", "vault")
    paths = [line.split('"')[1] for line in printed.out.splitlines() if line.startswith("path ")]
    assert paths == ["kv/team/first/*", "kv/team/second/*", "kv/team/all"]
    shell.variables["AIRFLOW__SECRETS__BACKEND_KWARGS"] = json.dumps({"token": CANARY, "mount_point": None})
    unknown = shell.run("policy", "vault")
    assert (unknown.code, "nothing says what the names" in unknown.err) == (CONFIGURATION, True)
    shell.variables["AIRFLOW__SECRETS__BACKEND_KWARGS"] = json.dumps({"connections_path": "mine", "timeout": "soon"})
    broken = shell.run("policy", "vault")
    assert (broken.code, broken.out, "`timeout`" in broken.err) == (CONFIGURATION, "", True)
    assert 'path "m/data/p/*"' in shell.run("policy", "vault", "--prefix", "p", "--account", "m").out
