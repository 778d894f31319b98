"""Ids whose names no secret can have: every command reports them in the same way, without a request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.command_line.shell import DONE, NO, STORE, Shell
from tests.servers.aws import REGION
from tests.servers.double import Answer, Double, serving

#: Each store with an id that is not valid in any of its names.
STORES: dict[str, tuple[str, dict[str, Any], str]] = {
    "secrets manager": ("aws", {"region_name": REGION, "endpoint_url": "<url>"}, "run:1"),
    "google": ("google", {"project_id": "p", "anonymous": True, "endpoint_url": "<url>"}, "run.1"),
    "azure": ("azure", {"vault_url": "https://v.vault.azure.net"}, "run.1"),
    "vault": ("vault", {"url": "<url>", "token": "t"}, "../run"),
    "vault, control character": ("vault", {"url": "<url>", "token": "t"}, "run\n1"),
}
COMMANDS = [("get",), ("reveal",), ("describe",), ("bench",)]


@pytest.fixture
def server() -> Any:
    """A server that must not get a request."""
    with serving(lambda request: Answer(500)) as started:
        yield started


def configured(shell: Shell, server: Double, store: str, **more: Any) -> str:
    """Configures the store, and returns an id that is impossible there."""
    name, options, id = STORES[store]
    shell.variables |= {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "x"}
    shell.backend(name, **{key: server.url if value == "<url>" else value for key, value in options.items()}, **more)
    return id


@pytest.mark.parametrize("kind", ["connection", "variable", "config"])
@pytest.mark.parametrize("store", STORES)
def test_every_command_reports_it_in_the_same_way(shell: Shell, server: Double, store: str, kind: str) -> None:
    id = configured(shell, server, store)
    for command in COMMANDS:
        refused = shell.run(*command, kind, id, "--json")
        error = refused.json["error"]
        assert (refused.code, error["kind"]) == (STORE, "invalid_name"), command
        assert repr(id).strip("'") in error["hint"], "the remedy names the id"
        assert "which no secret can have" in error["message"]
        assert "Returning None" not in error["message"]
    explained = shell.run("explain", kind, id, "--json")
    backend = explained.json["backends"][0]
    assert (explained.code, backend["error"]["kind"], backend["names"]) == (STORE, "invalid_name", [])
    assert backend["not_asked"] == backend["error"]["message"]
    assert explained.json["remedy"] == backend["error"]["hint"]
    assert "nothing asked" in shell.run("explain", kind, id).out
    assert server.requests == []


def test_a_variable_of_the_environment_still_answers(shell: Shell, server: Double) -> None:
    id = configured(shell, server, "google")
    shell.variables[f"AIRFLOW_VAR_{id.upper()}"] = "x"
    explained = shell.run("explain", "variable", id, "--json")
    assert (explained.code, explained.json["answered_by"]) == (DONE, f"AIRFLOW_VAR_{id.upper()}")


@pytest.mark.parametrize("store", STORES)
def test_an_id_that_only_a_bundle_can_hold_is_still_an_invalid_name(shell: Shell, server: Double, store: str) -> None:
    id = configured(shell, server, store, bundle={"connections": "all"})
    described = shell.run("describe", "connection", id, "--json")
    assert (described.code, described.json["error"]["kind"]) == (STORE, "invalid_name")
    assert server.requests == []


def test_an_ambiguous_or_switched_off_id_is_not_an_invalid_name(shell: Shell) -> None:
    shell.backend("memory", variables_prefix=None)
    shell.variables["AIRFLOW__CORE__MULTI_TEAM"] = "True"
    for kind, id in (("connection", "a--b"), ("variable", "a")):
        assert shell.run("get", kind, id).code == NO


def test_a_pattern_that_does_not_work_is_an_error_of_the_configuration(shell: Shell) -> None:
    shell.backend("memory", connections_lookup_pattern="(")
    for command in (*COMMANDS, ("explain",)):
        refused = shell.run(*command, "connection", "c")
        assert refused.code == 3, command
        assert 'the pattern "(" does not work' in refused.out + refused.err
