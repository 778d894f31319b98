"""Elasticsearch: `seal` writes what the backend reads, and what `doctor` says of keys and products."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.command_line.shell import CONFIGURATION, DONE, Shell
from tests.command_line.store_shell import StoreShell, open_store
from tests.servers import sealed
from tests.servers.elasticsearch import Elasticsearch

URI = "postgres://u:canary-6c1e8f@h/db"


@pytest.fixture
def cluster(request: pytest.FixtureRequest, shell: Shell) -> Iterator[StoreShell]:
    """An empty index."""
    with open_store("elasticsearch", shell, request) as opened:
        yield opened


@pytest.fixture
def double(guarded_servers: Callable[[type[Elasticsearch]], Elasticsearch]) -> Elasticsearch:
    """The server behind it."""
    return guarded_servers(Elasticsearch)


def found(cluster: StoreShell, **options: Any) -> dict[str, str]:
    """Severity and text by check."""
    findings = cluster.run("doctor", "--json", **options).json["findings"]
    return {each["check"]: f"{each['severity']}: {each['evidence']}" for each in findings}


def test_what_is_sealed_for_the_configured_store_is_read_from_it(cluster: StoreShell, double: Elasticsearch) -> None:
    more = {"connections_prefix": "prod", "sealing_key_id": "k2"}
    run = cluster.run("seal", "connection", "db", "--json", stdin=f"{URI}\n", **more)
    assert (run.code, run.json["id"], run.json["record"]["key_id"]) == (DONE, "connection/prod/db", "k2")
    assert sealed.opened(run.json["record"]) == URI
    double.documents[run.json["id"]] = run.json["record"]
    assert cluster.run("get", "connection", "db", "--json", **more).json["fields"]["host"] == "h"
    assert cluster.operations() == ["read"]
    lint = cluster.run("lint", "--json", **more)
    assert (lint.code, lint.json["connections"]) == (DONE, 1)


def test_a_member_of_a_chain_seals_if_it_is_the_only_one(cluster: StoreShell) -> None:
    member = {"store": "elasticsearch", **cluster.options}
    memory = {"store": "memory", "secrets": {}}
    cluster.shell.backend("strongroom.chain.ChainBackend", stores=[memory, {**member, "variables_prefix": "p"}])
    run = cluster.shell.run("seal", "variable", "a", stdin="x")
    assert json.loads(run.out)["name"] == "p/a"
    cluster.shell.backend("strongroom.chain.ChainBackend", stores=[member, {**member, "name": "other"}])
    run = cluster.shell.run("seal", "variable", "a", stdin="x")
    assert (run.code, "two members of the chain keep sealed values" in run.err) == (CONFIGURATION, True)


def test_a_kind_that_is_off_is_not_sealed(cluster: StoreShell) -> None:
    run = cluster.run("seal", "variable", "a", stdin="x", variables_prefix=None)
    assert (run.code, "variables are switched off" in run.err) == (CONFIGURATION, True)


def test_a_passphrase_and_a_missing_key_are_reported(cluster: StoreShell) -> None:
    assert "sealing_key" not in found(cluster)
    phrase = "canary horse battery staple and many more"
    cluster.shell.secrets.append(phrase)
    cluster.options["sealing_key"] = phrase
    assert found(cluster)["sealing_key"].startswith("warning: the key in `sealing_key` looks like")
    del cluster.options["sealing_key"]
    assert found(cluster)["sealing_key"] == "problem: there is no key to open sealed values with"


@pytest.mark.parametrize(("is_opensearch", "name"), [(False, "Elasticsearch"), (True, "OpenSearch, or")])
def test_the_product_is_named(cluster: StoreShell, double: Elasticsearch, is_opensearch: bool, name: str) -> None:
    cluster.put({("variable", "region"): "x"})
    double.is_opensearch = is_opensearch
    text = found(cluster)["server"]
    assert text.startswith(f"ok: {name}")
    assert text.endswith("; documents in the index `strongroom`: 1")
    assert "problem" not in {text.partition(":")[0] for text in found(cluster).values()}
