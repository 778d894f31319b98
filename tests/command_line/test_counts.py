"""How often a store is called: exactly as often as a command needs."""

from __future__ import annotations

import json
from collections import Counter as Tally
from collections.abc import Iterator

import pytest

from tests.command_line.shell import CONFIGURATION, DONE, NO, Shell
from tests.command_line.store_shell import SERVERS, StoreShell, open_store

CANARY = "canary-3ad952"
URI = f"http://u:{CANARY}@h"
MANY = 1000
#: The stores on a network that list their names.
LISTING = [store for store, calls in SERVERS.items() if calls.listed]


@pytest.fixture
def server(request: pytest.FixtureRequest, shell: Shell, store: str) -> Iterator[StoreShell]:
    """The store under test, empty."""
    shell.secrets.append(CANARY)
    with open_store(store, shell, request) as found:
        yield found


@pytest.fixture
def server_aws(request: pytest.FixtureRequest, shell: Shell) -> Iterator[StoreShell]:
    """Secrets Manager, empty."""
    shell.secrets.append(CANARY)
    with open_store("aws", shell, request) as found:
        yield found


@pytest.mark.parametrize("store", SERVERS)
def test_explain_makes_the_calls_of_one_lookup_and_asks_why_after_a_miss(server: StoreShell, store: str) -> None:
    server.put({("variable", "v"): CANARY})
    # An absent id may be misspelt, so the ids of its kind are listed.
    for secret_id, code, of_lookup, more, near in (
        ("v", DONE, SERVERS[store].hit, [], []),
        ("absent", NO, SERVERS[store].miss, list(SERVERS[store].why), [SERVERS[store].listed] * (store in LISTING)),
    ):
        assert server.run("get", "variable", secret_id).code == code
        assert server.operations() == of_lookup + near
        result = server.run("explain", "variable", secret_id, "--json")
        assert (result.code, server.operations()) == (code, of_lookup + more + near), result.err
        assert [each["from_store"] for each in result.json["backends"][0]["names"]] == [True]


@pytest.mark.parametrize("store", SERVERS)
def test_explain_of_a_denial_makes_the_calls_of_one_lookup(server: StoreShell, store: str) -> None:
    server.put({("variable", "v"): CANARY})
    server.shut()
    server.run("get", "variable", "v")
    of_lookup = server.operations()
    result = server.run("explain", "variable", "v", "--json").json["backends"][0]
    assert result["error"]["kind"] == "denied"
    assert server.operations() == of_lookup


@pytest.mark.parametrize("store", LISTING)
def test_a_thousand_names_take_as_many_calls_as_pages(server: StoreShell, store: str) -> None:
    names = [f"v{number:04}" for number in range(MANY)]
    server.put({("variable", name): CANARY for name in names})
    listed = server.run("list", "variables", "--json")
    assert [each["id"] for each in listed.json["secrets"]] == names
    pages = MANY // SERVERS[store].page + (not SERVERS[store].is_counted)
    assert server.operations() == [SERVERS[store].listed] * pages
    some = server.run("list", "variables", "--limit", "7", "--json")
    assert len(some.json["secrets"]) == 7
    assert server.operations() == [SERVERS[store].listed]


@pytest.mark.parametrize("store", [store for store in SERVERS if store not in LISTING])
def test_a_store_that_cannot_list_says_so_and_costs_nothing(server: StoreShell, store: str) -> None:
    server.put({("variable", "v"): CANARY})
    for command in ("list", "lint"):
        refused = server.run(command, "--json")
        assert (refused.code, refused.json["error"]["kind"]) == (CONFIGURATION, "unsupported"), store
    assert server.operations() == []


@pytest.mark.parametrize("store", LISTING)
def test_lint_reads_each_connection_once_and_together_where_the_store_can(server: StoreShell, store: str) -> None:
    count = 45
    server.put({("connection", f"c{number:03}"): URI for number in range(count)} | {("connection", "bad"): "{"})
    found = server.run("lint", "--json")
    assert (found.code, found.json["connections"]) == (NO, count + 1)
    assert [(each["id"], each["check"]) for each in found.json["findings"]] == [("bad", "malformed")]
    pages = -(-(count + 1) // SERVERS[store].page)
    request, size = SERVERS[store].batch or (SERVERS[store].read, 1)
    assert Tally(server.operations()) == {SERVERS[store].listed: pages, request: -(-(count + 1) // size)}


def test_lint_respects_the_rate_limit_and_patterns(server_aws: StoreShell) -> None:
    server_aws.put({("connection", f"{word}{number}"): URI for word in ("a", "b") for number in range(20)})
    found = server_aws.run("lint", "--json", connections_lookup_pattern="a", rate_limit="100/s")
    kept_out = [each["id"] for each in found.json["findings"]]
    assert (found.json["connections"], kept_out) == (40, sorted(f"b{number}" for number in range(20)))
    # All names but one are in the first batch.
    assert Tally(server_aws.operations())["GetSecretValue"] <= 1


def test_without_a_cache_lint_reads_one_by_one(server_aws: StoreShell) -> None:
    server_aws.put({("connection", f"c{number}"): URI for number in range(3)})
    assert server_aws.run("lint", cache_ttl=0).code == DONE
    assert server_aws.operations() == ["ListSecrets"] + ["GetSecretValue"] * 3


def test_a_bundle_is_read_once_by_lint(server_aws: StoreShell) -> None:
    server_aws.put({("connection", f"c{number}"): URI for number in range(3)})
    server_aws.put({("connection", "all"): json.dumps({"inner": URI})})
    assert server_aws.run("lint", bundle="airflow/connections/all").code == NO
    assert Tally(server_aws.operations()) == {"ListSecrets": 1, "BatchGetSecretValue": 1}
