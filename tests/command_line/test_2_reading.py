"""get, reveal, list, describe: on every store, with exact counts of calls, and without a value but by ``reveal``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.command_line.shell import CONFIGURATION, DONE, NO, STORE, Shell
from tests.servers.aws import MiniStack, allow, allow_parameters
from tests.servers.counting import Counter, counting_proxy

CANARY = "canary-7f03b2/+"
URI = "postgres://app:canary-7f03b2%2F%2B@db.example:5432/sales?sslmode=canary-7f03b2"
PREFIXES = {"memory": "airflow", "aws": "airflow", "ssm": "/airflow"}
ANYWHERE = {"Effect": "Allow", "Action": ["secretsmanager:ListSecrets", "ssm:DescribeParameters"], "Resource": "*"}
READER = (
    allow(["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], "airflow/*"),
    allow_parameters("ssm:GetParameter", "airflow/*"),
    ANYWHERE,
)
#: What each store is asked for a lookup, a page of a list and a description.
CALLS = {
    "aws": ("GetSecretValue", "ListSecrets", "DescribeSecret"),
    "ssm": ("GetParameter", "DescribeParameters", "DescribeParameters"),
}


@dataclass
class Filled:
    """A shell with a backend on a store that holds a connection and a variable, and something of somebody else's."""

    store: str
    shell: Shell
    calls: Counter | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def operations(self) -> list[str]:
        """What was asked since the last time; the same as expected where nothing can be counted."""
        assert self.calls is not None
        operations = self.calls.operations()
        self.calls.clear()
        return operations


@pytest.fixture(params=["memory", "local", "aws", "ssm"])
def filled(request: pytest.FixtureRequest, shell: Shell) -> Iterator[Filled]:
    """Each store in turn."""
    store = request.param
    shell.secrets += [CANARY, "canary-7f03b2"]
    if store == "local":
        connections, variables = shell.home / "connections.json", shell.home / "variables.json"
        connections.write_text(json.dumps({"db": URI}))
        variables.write_text(json.dumps({"v": CANARY}))
        shell.backend("local", connections_file_path=str(connections), variables_file_path=str(variables))
        yield Filled(store, shell)
        return
    prefix = PREFIXES[store]
    secrets = {f"{prefix}/connections/db": URI, f"{prefix}/variables/v": CANARY, f"{prefix}2/variables/w": CANARY}
    if store == "memory":
        shell.backend("memory", secrets=secrets)
        yield Filled(store, shell)
        return
    aws: MiniStack = request.getfixturevalue("aws")
    (aws.put_secrets if store == "aws" else aws.put_parameters)(secrets)
    with counting_proxy(aws.url) as counter:
        shell.aws_backend(store, counter.url, aws.user(*READER))
        yield Filled(store, shell, counter)


def test_get_shows_fields_and_masks_what_is_secret(filled: Filled) -> None:
    got = filled.shell.run("get", "connection", "db", "--json")
    assert (got.code, got.err) == (DONE, "warning: " + got.err[9:] if got.err else "")
    fields = {"conn_type": "postgres", "description": None, "host": "db.example", "schema": "sales", "login": "app"}
    masked = {"password": "***", "port": 5432, "extra_dejson": {"sslmode": "***"}}
    assert got.json == {"kind": "connection", "id": "db", "found": True, "fields": fields | masked}
    text = filled.shell.run("get", "connection", "db").out
    assert "db.example" in text
    variable = filled.shell.run("get", "variable", "v", "--json").json
    assert variable == {"kind": "variable", "id": "v", "found": True, "value": "***", "form": "text"}
    if filled.calls:
        assert filled.operations() == [CALLS[filled.store][0]] * 3


def test_what_is_not_there_is_told_with_the_names_asked_for(filled: Filled) -> None:
    missing = filled.shell.run("get", "variable", "nobody", "--json")
    assert (missing.code, missing.json["found"]) == (NO, False)
    assert "variables/nobody`" in missing.json["reason"]


@pytest.mark.parametrize(
    "secret", ["canary-7f03b2", "admin:canary-7f03b2", "canary-7f03b2:canary-7f03b2", "//canary-7f03b2"]
)
def test_a_secret_that_is_no_connection_shows_nothing_of_itself(shell: Shell, secret: str) -> None:
    shell.secrets += ["canary-7f03b2", "anary-7f03b2"]
    shell.backend("memory", secrets={"airflow/connections/c": secret})
    assert shell.run("get", "connection", "c").code == DONE
    for command in (["explain", "connection", "c"], ["lint"], ["get", "connection", "c", "--json"]):
        shell.run(*command)
    shell.run("uri", "parse", stdin=secret)


def test_only_reveal_shows_a_value(filled: Filled) -> None:
    assert filled.shell.run("reveal", "variable", "v").out == f"{CANARY}\n"
    assert filled.shell.run("reveal", "connection", "db", "--json").json["value"] == URI


def test_list_shows_the_own_names_and_asks_for_no_value(filled: Filled) -> None:
    listed = filled.shell.run("list", "--json")
    assert listed.code == DONE
    found = [(each["kind"], each["id"]) for each in listed.json["secrets"]]
    assert found == [("connection", "db"), ("variable", "v")]
    assert [line.split()[:2] for line in filled.shell.run("list").out.splitlines()[1:]] == [
        list(each) for each in found
    ]
    if filled.calls:
        assert filled.operations() == [CALLS[filled.store][1]] * 6
        assert all(each["changed"] or each["created"] for each in listed.json["secrets"])
    assert filled.shell.run("list", "variables", "--json").json["secrets"][0]["id"] == "v"


def test_describe_tells_what_is_known_beside_the_value(filled: Filled) -> None:
    described = filled.shell.run("describe", "variable", "v", "--json")
    assert (described.code, described.json["found"]) == (DONE, True)
    assert described.json["name"].endswith("variables/v")
    if filled.calls:
        assert filled.operations() == [CALLS[filled.store][2]]
        assert described.json["version"]
        assert described.json["store_id"].startswith("arn:aws:")
    missing = filled.shell.run("describe", "variable", "nobody", "--json")
    assert (missing.code, missing.json["found"]) == (NO, False)


def test_a_kind_that_is_switched_off_asks_nothing(aws: MiniStack, counted: Counter, shell: Shell) -> None:
    shell.aws_backend("aws", counted.url, aws.user(*READER), variables_prefix=None)
    missing = shell.run("get", "variable", "v")
    assert (missing.code, "switched off" in missing.out) == (NO, True)
    assert (shell.run("describe", "variable", "v").code, counted.operations()) == (CONFIGURATION, [])


def test_a_long_list_comes_page_by_page_and_ends_where_asked(aws: MiniStack, counted: Counter, shell: Shell) -> None:
    aws.put_secrets({f"airflow/variables/{number:03}": CANARY for number in range(130)})
    shell.secrets.append(CANARY)
    shell.aws_backend("aws", counted.url, aws.user(*READER))
    assert len(shell.run("list", "variables", "--json").json["secrets"]) == 130
    assert counted.operations() == ["ListSecrets"] * 2
    counted.clear()
    assert len(shell.run("list", "variables", "--limit", "7", "--json").json["secrets"]) == 7
    assert counted.operations() == ["ListSecrets"]


def test_tags_are_listed(aws: MiniStack, shell: Shell) -> None:
    aws.client("secretsmanager").create_secret(
        Name="airflow/variables/t", SecretString=CANARY, Tags=[{"Key": "team", "Value": "data"}]
    )
    shell.secrets.append(CANARY)
    shell.aws_backend("aws", aws.url, aws.user(*READER))
    assert shell.run("list", "--json").json["secrets"][0]["tags"] == {"team": "data"}
    assert "team=data" in shell.run("list").out
    assert "team=data" in shell.run("describe", "variable", "t").out


@pytest.mark.parametrize("command", [["get", "variable", "v"], ["reveal", "variable", "v"], ["list"], ["lint"]])
@pytest.mark.parametrize("store", ["aws", "ssm"])
def test_a_denial_is_told_with_its_remedy(aws: MiniStack, shell: Shell, store: str, command: list[str]) -> None:
    shell.secrets.append(CANARY)
    aws.put_secrets({"airflow/variables/v": CANARY})
    aws.put_parameters({"/airflow/variables/v": CANARY})
    shell.aws_backend(store, aws.url, aws.user())
    refused = shell.run(*command)
    assert (refused.code, refused.out) == (STORE, "")
    assert "was denied" in refused.err
    assert "Allow this identity" in refused.err
    as_json = shell.run(*command, "--json")
    assert (as_json.code, as_json.json["error"]["kind"]) == (STORE, "denied")
