"""get, reveal, list, describe: on every store, with exact counts of calls; only ``reveal`` shows a value."""

from __future__ import annotations

import pytest

from tests.command_line.shell import CONFIGURATION, DONE, NO, STORE, Shell
from tests.command_line.store_shell import LISTING, SERVERS, STORES, StoreShell, ids, open_store
from tests.servers.aws import MiniStack
from tests.servers.counting import Counter
from tests.stores.aws import READER
from tests.stores.description import Secrets

CANARY = "canary-7f03b2/+"
URI = "postgres://app:canary-7f03b2%2F%2B@db.example:5432/sales?sslmode=canary-7f03b2"
SECRETS: Secrets = {("connection", "db"): URI, ("variable", "v"): CANARY}


@pytest.fixture
def filled(each_store: StoreShell) -> StoreShell:
    """Each store in turn, with a connection and a variable."""
    each_store.shell.secrets += [CANARY, "canary-7f03b2"]
    each_store.put(SECRETS)
    return each_store


def test_get_shows_fields_and_masks_what_is_secret(filled: StoreShell) -> None:
    got = filled.run("get", "connection", "db", "--json")
    assert got.code == DONE, got.err
    fields = {"conn_type": "postgres", "description": None, "host": "db.example", "schema": "sales", "login": "app"}
    masked = {"password": "***", "port": 5432, "extra_dejson": {"sslmode": "***"}}
    assert got.json == {"kind": "connection", "id": "db", "found": True, "fields": fields | masked}
    assert "db.example" in filled.run("get", "connection", "db").out
    variable = filled.run("get", "variable", "v", "--json").json
    assert variable == {"kind": "variable", "id": "v", "found": True, "value": "***", "form": "text"}
    if filled.counter:
        assert filled.operations() == SERVERS[filled.store].hit * 3


def test_an_absent_secret_is_reported_with_the_requested_names(filled: StoreShell) -> None:
    missing = filled.run("get", "variable", "absent", "--json")
    assert (missing.code, missing.json["found"]) == (NO, False)
    assert missing.json["reason"].startswith("asked for `")
    assert missing.json["reason"].endswith(f"{STORES[filled.store].place('variable', 'absent')}`")


@pytest.mark.parametrize(
    "secret", ["canary-7f03b2", "admin:canary-7f03b2", "canary-7f03b2:canary-7f03b2", "//canary-7f03b2"]
)
def test_a_secret_that_is_not_a_connection_is_not_shown(shell: Shell, secret: str) -> None:
    shell.secrets += ["canary-7f03b2", "anary-7f03b2"]
    shell.backend("memory", secrets={"airflow/connections/c": secret})
    assert shell.run("get", "connection", "c").code == DONE
    for command in (["explain", "connection", "c"], ["lint"], ["get", "connection", "c", "--json"]):
        shell.run(*command)
    shell.run("uri", "parse", stdin=secret)


def test_only_reveal_shows_a_value(filled: StoreShell) -> None:
    assert filled.run("reveal", "variable", "v").out == f"{CANARY}\n"
    assert filled.run("reveal", "connection", "db", "--json").json["value"] == URI


@pytest.mark.parametrize("each_store", LISTING, indirect=True)
def test_list_shows_its_own_names_and_reads_no_value(filled: StoreShell) -> None:
    filled.put({("config", "c"): CANARY})
    listed = filled.run("list", "--json")
    assert listed.code == DONE, listed.err
    found = [*SECRETS, ("config", "c")]
    assert ids(listed.json["secrets"]) == found
    assert [line.split()[:2] for line in filled.run("list").out.splitlines()[1:]] == [list(each) for each in found]
    if filled.counter:
        assert filled.operations() == [SERVERS[filled.store].listed] * 6
    if filled.store in ("aws", "ssm"):
        assert all(each["changed"] or each["created"] for each in listed.json["secrets"])
    assert filled.run("list", "variables", "--json").json["secrets"][0]["id"] == "v"


def test_describe_shows_everything_but_the_value(filled: StoreShell) -> None:
    described = filled.run("describe", "variable", "v", "--json")
    if described.code == CONFIGURATION:
        error = described.json["error"]
        lists = filled.store in LISTING
        assert (error["kind"], "`strongroom list`" in error["hint"]) == ("unsupported", lists)
        assert "`strongroom explain`" in error["hint"]
        return
    assert (described.code, described.json["found"]) == (DONE, True)
    assert described.json["name"].endswith(STORES[filled.store].place("variable", "v"))
    if filled.counter:
        assert "value" not in described.json
        calls = SERVERS[filled.store]
        assert calls.described == calls.read or calls.read not in filled.operations()
    if filled.store in ("aws", "ssm"):
        assert described.json["version"]
        assert described.json["store_id"].startswith("arn:aws:")
    missing = filled.run("describe", "variable", "absent", "--json")
    assert (missing.code, missing.json["found"]) == (NO, False)


@pytest.mark.parametrize("store", [word for word, calls in SERVERS.items() if calls.described])
def test_a_description_is_one_call(shell: Shell, request: pytest.FixtureRequest, store: str) -> None:
    with open_store(store, shell, request) as opened:
        opened.put(SECRETS)
        opened.run("describe", "variable", "v")
        assert opened.operations() == [SERVERS[store].described]


def test_what_is_below_another_prefix_is_not_listed(aws: MiniStack, shell: Shell) -> None:
    aws.put_secrets({"airflow2/variables/w": "x", "airflow/variables/v": "x"})
    shell.aws_backend("aws", aws.url, aws.user(*READER))
    assert ids(shell.run("list", "--json").json["secrets"]) == [("variable", "v")]


def test_a_kind_that_is_switched_off_makes_no_request(aws: MiniStack, counted: Counter, shell: Shell) -> None:
    shell.aws_backend("aws", counted.url, aws.user(*READER), variables_prefix=None)
    missing = shell.run("get", "variable", "v")
    assert (missing.code, "switched off" in missing.out) == (NO, True)
    assert (shell.run("describe", "variable", "v").code, counted.operations()) == (CONFIGURATION, [])


def test_a_long_list_comes_page_by_page_and_ends_at_the_limit(aws: MiniStack, counted: Counter, shell: Shell) -> None:
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
def test_a_denial_is_reported_with_its_remedy(aws: MiniStack, shell: Shell, store: str, command: list[str]) -> None:
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
